import { type BackupDocument, type HoldBackupInput, holdBackupInput, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { backupNotFound, findBackup, toBackupDocument } from './find-backup.ts';

/** Keeps a backup from being deleted by anybody, and from expiring, until it is released. On hold already: nothing changes. */
export async function holdBackup(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: HoldBackupInput,
): Promise<BackupDocument> {
  const { backup, reason } = parseInput(holdBackupInput, input);
  const context = await authorize(caller, 'holdBackup', { name: backup });
  const { actor, clock } = context;
  return context.catalogue.transaction().execute(async (catalogue) => {
    const row = await findBackup(catalogue, backup);
    if (row.held) return toBackupDocument(row);
    const hold = { held: true, held_at: clock.now(), held_by_name: actor.name, held_reason: reason ?? null };
    const updated = await catalogue
      .updateTable('public.module_backups')
      .set({ ...hold, held_by: actor.kind === 'person' ? actor.userId : null })
      .where('id', '=', row.id)
      // Somebody may be deleting it since we looked.
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (updated.numUpdatedRows === 0n) throw backupNotFound(backup);
    const document = toBackupDocument({ ...row, ...hold });
    await audit(
      { ...context, catalogue },
      {
        action: 'HOLD_MODULE_BACKUP',
        implementation: document.implementation,
        backupId: row.id,
        details: reason === undefined ? {} : { reason },
      },
    );
    return document;
  });
}
