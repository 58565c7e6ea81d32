import type { BackupDocument, ImplementationRef } from '@cofre/contracts';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, toBackupDocument } from './find-backup.ts';
import { settleInterrupted } from './recover-interrupted.ts';

/**
 * The backup that the job of `context` has made of the implementation already, in an attempt that could not say so any
 * more; null: there is none. For who holds the implementation's lock, so that nobody makes one meanwhile.
 */
export async function findBackupOfJob(
  context: ServiceContext,
  implementation: ImplementationRef,
): Promise<BackupDocument | null> {
  const { catalogue, jobId } = context;
  if (jobId === undefined) return null;
  // A worker that died after the manifest was stored left the row as running; the manifest is what counts.
  await settleInterrupted(catalogue, implementation.id, await context.openRepository());
  const row = await backupQuery(catalogue)
    .where('b.job_id', '=', jobId)
    .where('b.source_implementation_id', '=', implementation.id)
    .where('b.status', '=', 'completed')
    .executeTakeFirst();
  return row === undefined ? null : toBackupDocument(row);
}
