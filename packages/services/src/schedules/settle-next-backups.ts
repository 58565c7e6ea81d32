import type { BackupSettings } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { nextRun } from './schedule.ts';

/**
 * Writes when an implementation is to be backed up next, after its schedule was set or changed. One whose schedule went
 * is not due any more; failures of the old one are forgotten. A schedule that cannot be read is as none.
 */
export async function settleNextBackup(
  catalogue: Catalogue,
  input: { readonly implementationId: string; readonly settings: BackupSettings; readonly now: Date },
): Promise<Date | null> {
  const { implementationId, settings, now } = input;
  const { schedule, timeZone } = settings;
  const next = schedule === null ? null : nextRun({ schedule, timeZone }, now);
  const values = { next_backup_at: next, failures: 0, retry_at: null, updated_at: now };
  await catalogue
    .insertInto('cofre.implementation_settings')
    .values({ implementation_id: implementationId, created_at: now, ...values })
    .onConflict((conflict) => conflict.column('implementation_id').doUpdateSet(values))
    .execute();
  return next;
}
