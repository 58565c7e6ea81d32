import type { RecoveryStateDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';

/** Whether the recovery kit is still to be taken. Only the catalogue is asked: it is looked at with every page. */
export async function showRecoveryState(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock' | 'key'>,
): Promise<RecoveryStateDocument> {
  const { catalogue, key } = await authorize(caller, 'showRecoveryState');
  const due = await catalogue
    .selectFrom('cofre.repository_pin')
    .select('repository_id')
    .where('encryption', '<>', 'none')
    .where('kit_taken_at', 'is', null)
    .executeTakeFirst();
  return { due: due !== undefined, keyKind: key.kind };
}
