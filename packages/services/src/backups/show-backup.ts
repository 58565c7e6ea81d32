import { type BackupDocument, type BackupInput, backupInput, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, toBackupDocument } from './find-backup.ts';
import { recoverInterrupted } from './recover-interrupted.ts';

/** One backup, as the catalogue knows it. */
export async function showBackup(caller: ServiceContext, input: BackupInput): Promise<BackupDocument> {
  const { backup } = parseInput(backupInput, input);
  const context = await authorize(caller, 'showBackup', { name: backup });
  await recoverInterrupted(caller);
  return toBackupDocument(await findBackup(context.catalogue, backup));
}
