import { type BackupDocument, type BackupInput, backupInput, parseInput } from '@cofre/contracts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, toBackupDocument } from './find-backup.ts';
import { recoverInterrupted } from './recover-interrupted.ts';

/** One backup, as the catalogue knows it. */
export async function showBackup(context: ServiceContext, input: BackupInput): Promise<BackupDocument> {
  const { backup } = parseInput(backupInput, input);
  await recoverInterrupted(context);
  return toBackupDocument(await findBackup(context.catalogue, backup));
}
