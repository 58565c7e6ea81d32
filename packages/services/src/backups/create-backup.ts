import { type BackupDocument, type CreateBackupInput, createBackupInput, parseInput } from '@cofre/contracts';
import { overlapError } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import { findImplementation, type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import { overlapsBeforeBackup, slicesOf } from '../modules/refuse-overlaps.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackupOfJob } from './backup-of-job.ts';
import { withImplementationLock } from './implementation-lock.ts';
import { takeBackup } from './take-backup.ts';

/** Backs up one implementation. One at a time: another backup or restore of it makes this `backup/busy`. */
export async function createBackup(caller: ServiceContext, input: CreateBackupInput): Promise<BackupDocument> {
  const { implementation, type, description, expiresAt, compression } = parseInput(createBackupInput, input);
  const context = await authorize(caller, 'createBackup', { name: implementation });
  const slice = sliceInputsOf(await findImplementation(context.catalogue, implementation));
  await refuseSharedRows(context, slice);
  const asked = { slice, type, description: description ?? null, expiresAt, compression, safety: false };
  const request = context.jobId === undefined ? asked : { ...asked, jobId: context.jobId };
  return audited(
    context,
    { action: 'CREATE_MODULE_BACKUP', implementation: slice.ref, details: { type } },
    {
      run: () =>
        withImplementationLock(
          context,
          slice.ref,
          async (signal) =>
            (await findBackupOfJob(context, slice.ref)) ?? (await takeBackup({ ...context, signal }, request)),
        ),
      entryOf: (backup) => ({
        backupId: backup.id,
        details: { type: backup.type, bytesStored: backup.stats.bytesStored },
      }),
    },
  );
}

/** A row that belongs to another implementation, too, could not be restored without changing that one. */
async function refuseSharedRows(context: ServiceContext, { ref }: SliceInputs): Promise<void> {
  const slices = await slicesOf(context.catalogue, ref.module);
  if (slices.length < 2) return;
  const overlaps = await overlapsBeforeBackup(context, slices);
  if (overlaps.length > 0) throw overlapError(overlaps);
}
