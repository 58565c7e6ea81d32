import { type BackupDocument, type BackupInput, backupInput, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { recomputeExpiry } from '../retention/recompute-expiry.ts';
import type { ServiceContext } from '../service-context.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';
import { findBackup, toBackupDocument } from './find-backup.ts';

/**
 * Ends a hold. The backup may be deleted and expires again; while it was held the settings could not shorten its life, so
 * they are asked again now.
 */
export async function releaseBackup(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: BackupInput,
): Promise<BackupDocument> {
  const { backup } = parseInput(backupInput, input);
  const context = await authorize(caller, 'releaseBackup', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  const { implementation } = toBackupDocument(row);
  if (!row.held) return toBackupDocument(row);
  const settings = await settingsInForce(caller.catalogue, implementation);
  return context.catalogue.transaction().execute(async (catalogue) => {
    await catalogue
      .updateTable('public.module_backups')
      .set({ held: false, held_at: null, held_by: null, held_by_name: null, held_reason: null })
      .where('id', '=', row.id)
      .execute();
    await recomputeExpiry(catalogue, { implementationId: implementation.id, settings });
    await audit({ ...context, catalogue }, { action: 'RELEASE_MODULE_BACKUP', implementation, backupId: row.id });
    return toBackupDocument(await findBackup(catalogue, row.id));
  });
}
