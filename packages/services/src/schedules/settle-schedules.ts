import type { ServiceContext } from '../service-context.ts';
import { settingsOfAll } from '../settings/affected-implementations.ts';
import { settleNextBackup } from './settle-next-backups.ts';

/** Gives a next time to implementations that are to be backed up by a schedule and have none: those that are new. */
export async function settleSchedules({ catalogue }: ServiceContext, now: Date): Promise<void> {
  const unsettled = await catalogue
    .selectFrom('cofre.v_module_implementations as i')
    .leftJoin('cofre.implementation_settings as s', 's.implementation_id', 'i.id')
    .where('s.next_backup_at', 'is', null)
    .select(['i.id', 'i.module_id as moduleId'])
    .execute();
  if (unsettled.length === 0) return;
  for (const [implementationId, settings] of await settingsOfAll(catalogue, unsettled)) {
    if (settings.schedule !== null) await settleNextBackup(catalogue, { implementationId, settings, now });
  }
}
