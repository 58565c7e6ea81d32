import type { BackupSettings } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { runsIfAny } from './schedule.ts';

/**
 * Writes when an implementation is to be backed up next, after its schedule was set or changed. One whose schedule went
 * is not due any more; failures of the old one are forgotten. One that cannot be read, written past the product, is
 * as none: whoever runs the schedule tells of it.
 */
export async function settleNextBackup(
  catalogue: Catalogue,
  input: { readonly implementationId: string; readonly settings: BackupSettings; readonly now: Date },
): Promise<Date | null> {
  const { implementationId, settings, now } = input;
  const { schedule, timeZone } = settings;
  const [next = null] = schedule === null ? [] : runsIfAny({ schedule, timeZone }, { after: now, count: 1 });
  const values = { next_backup_at: next, failures: 0, retry_at: null, last_error: null, updated_at: now };
  await catalogue
    .insertInto('cofre.implementation_settings')
    .values({ implementation_id: implementationId, created_at: now, ...values })
    .onConflict((conflict) => conflict.column('implementation_id').doUpdateSet(values))
    .execute();
  return next;
}
