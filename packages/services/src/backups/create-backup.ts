import {
  type BackupDocument,
  CofreError,
  type CreateBackupInput,
  createBackupInput,
  parseInput,
} from '@cofre/contracts';
import { withSessions } from '@cofre/postgres';
import { findImplementation, type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import { refuseOverlaps, slicesOf } from '../modules/refuse-overlaps.ts';
import type { ServiceContext } from '../service-context.ts';
import { withImplementationLock } from './implementation-lock.ts';
import { takeBackup } from './take-backup.ts';

/** Backs up one implementation. One at a time: another backup or restore of it makes this `backup/busy`. */
export async function createBackup(context: ServiceContext, input: CreateBackupInput): Promise<BackupDocument> {
  const { implementation, type, description, expiresAt, compression } = parseInput(createBackupInput, input);
  if (type === 'differential') {
    throw new CofreError('usage/not-available-yet', 'This version cannot make differential backups yet.', {
      hint: 'Make an incremental one; it stores what changed since the backup before. Nothing was started.',
    });
  }
  const slice = sliceInputsOf(await findImplementation(context.catalogue, implementation));
  await refuseSharedRows(context, slice);
  return withImplementationLock(context, slice.ref, (signal) =>
    takeBackup(
      { ...context, signal },
      { slice, type, description: description ?? null, expiresAt, compression, safety: false },
    ),
  );
}

/** A row that belongs to another implementation, too, could not be restored without changing that one. */
async function refuseSharedRows(context: ServiceContext, { ref }: SliceInputs): Promise<void> {
  const slices = await slicesOf(context.catalogue, ref.module);
  if (slices.length < 2) return;
  await withSessions(context, async ({ open }) => {
    const { client } = await open('cofre backup');
    await refuseOverlaps(client, slices);
  });
}
