import {
  type BackupDocument,
  type BackupInput,
  backupInput,
  CofreError,
  implementationId,
  backupId,
  parseInput,
} from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { manifestPath, type Repository } from '@cofre/engine';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, findBackup, toBackupDocument } from './find-backup.ts';
import { withImplementationLock } from './implementation-lock.ts';
import { recoverInterrupted } from './recover-interrupted.ts';

/**
 * Deletes one backup and no other: those that share its blocks still restore (I3). The row is marked first, then the
 * manifest goes, then the row: a crash in between leaves nothing that is listed and
 * cannot be read, and the next command goes on with it.
 */
export async function deleteBackup(caller: ServiceContext, input: BackupInput): Promise<BackupDocument> {
  const { backup } = parseInput(backupInput, input);
  const context = await authorize(caller, 'deleteBackup', { name: backup });
  await recoverInterrupted(context);
  const row = await findBackup(context.catalogue, backup);
  const { implementation } = toBackupDocument(row);
  const entry = {
    action: 'DELETE_MODULE_BACKUP',
    implementation,
    backupId: row.id,
    details: { type: row.backup_type, createdAt: row.created_at.toISOString(), bytesStored: row.size_bytes },
  } as const;
  return withImplementationLock(context, implementation, async () => {
    const current = await findBackup(context.catalogue, row.id);
    if (current.held) {
      await audit(context, { ...entry, outcome: 'refused', details: { code: 'backup/held' } });
      throw held(current);
    }
    // A backup that has no manifest needs no repository to be forgotten.
    const repository = current.file_path === null ? null : await context.openRepository();
    if (repository !== null && current.repository_id !== repository.id) throw elsewhere(current, repository.store.url);
    await context.catalogue.transaction().execute(async (transaction) => {
      const marked = await transaction
        .updateTable('public.module_backups')
        .set({ deleted_at: context.clock.now() })
        .where('id', '=', current.id)
        // Somebody may have put it on hold since we looked.
        .where('held', '=', false)
        .executeTakeFirst();
      if (marked.numUpdatedRows === 0n) throw held(current);
      await audit({ ...context, catalogue: transaction }, entry);
    });
    if (repository !== null) {
      const failed = { ...entry, outcome: 'failed' } as const;
      await deleteOrKeepListed(context, repository, current).catch(async (error: unknown) => {
        await audit(context, { ...failed, details: { code: toErrorDocument(error).code } }).catch(() => undefined);
        throw error;
      });
    }
    await context.catalogue.deleteFrom('public.module_backups').where('id', '=', current.id).execute();
    return toBackupDocument(current);
  });
}

/** Where the manifest could not be deleted, the backup is still one, and stays in the list. */
async function deleteOrKeepListed(context: ServiceContext, repository: Repository, row: BackupRow): Promise<void> {
  const ids = [implementationId.parse(row.source_implementation_id), backupId.parse(row.id)] as const;
  try {
    await repository.deleteManifest(...ids);
  } catch (error) {
    const isThere = await repository.store.stat(manifestPath(...ids)).catch(() => null);
    if (isThere !== null)
      await context.catalogue
        .updateTable('public.module_backups')
        .set({ deleted_at: null })
        .where('id', '=', row.id)
        .execute();
    throw error;
  }
}

function held(row: BackupRow): CofreError {
  return new CofreError('backup/held', `The backup ${row.id} is on hold. Nothing was deleted.`, {
    params: { backupId: row.id },
  });
}

function elsewhere(row: BackupRow, url: string): CofreError {
  return new CofreError(
    'repository/identity-changed',
    `The backup ${row.id} lies in the repository ${row.repository_id}, and not at ${url}. Nothing was deleted.`,
    { params: { backupId: row.id, repositoryId: row.repository_id ?? '' } },
  );
}
