import type { RestoreDocument } from '@cofre/contracts';
import type { ServiceContext } from '../service-context.ts';
import { toRestoreEntry } from './list-restores.ts';

/**
 * The restore that the job of `context` has made already, in an attempt that could not say so any more; null: there is
 * none. The record was written by the restoring transaction, so it is there if and only if the restore is.
 */
export async function findRestoreOfJob({ catalogue, jobId }: ServiceContext): Promise<RestoreDocument | null> {
  if (jobId === undefined) return null;
  const row = await catalogue
    .selectFrom('cofre.restores')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('status', '=', 'completed')
    .executeTakeFirst();
  if (row === undefined) return null;
  const { id, planId, backupId, safetyBackupId, status, tables, verified, durationMs } = toRestoreEntry(row);
  return { id, planId, backupId, safetyBackupId, status, tables, verified, durationMs };
}
