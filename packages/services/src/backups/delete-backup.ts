import { type BackupDocument, type BackupInput, backupInput, CofreError, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, findBackup, toBackupDocument } from './find-backup.ts';
import { withImplementationLock } from './implementation-lock.ts';
import { recoverInterrupted } from './recover-interrupted.ts';
import { removeBackup } from './remove-backup.ts';

/** Deletes one backup and no other: those that share its blocks still restore (I3). Throws `backup/held` for one on hold. */
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
    const removable = {
      id: current.id,
      ref: implementation,
      filePath: current.file_path,
      repositoryId: current.repository_id,
    };
    // Asked first: what is on hold needs no repository to be refused.
    if (current.held || !(await removeBackup(context, { backup: removable, entry }))) {
      await audit(context, { ...entry, outcome: 'refused', details: { code: 'backup/held' } });
      throw held(current);
    }
    return toBackupDocument(current);
  });
}

function held(row: BackupRow): CofreError {
  return new CofreError('backup/held', `The backup ${row.id} is on hold. Nothing was deleted.`, {
    params: { backupId: row.id },
  });
}
