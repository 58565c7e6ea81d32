import {
  backupId,
  CofreError,
  implementationId,
  isCofreError,
  parseInput,
  planId,
  type RestoreDocument,
  restoreId,
  type UndoRestoreInput,
  undoRestoreInput,
} from '@cofre/contracts';
import { type Manifest, readPlan, type Repository, type RestorePlan } from '@cofre/engine';
import { planUndo } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import type { ServiceContext } from '../service-context.ts';
import { carryOut, requireApplicable } from './carry-out.ts';
import { findRestore, type RestoreRow } from './list-restores.ts';
import { sliceOf } from './plan-restore.ts';
import { findRestoreOfJob } from './restore-of-job.ts';

/**
 * Takes a restore back: deletes what it inserted, gives what it overwrote its old values. Every row must still be as the
 * restore left it; rows that were changed since make it `plan/stale`, and nothing is changed.
 */
export async function undoRestore(caller: ServiceContext, input: UndoRestoreInput): Promise<RestoreDocument> {
  const { restore: reference, safetyBackup } = parseInput(undoRestoreInput, input);
  const context = await authorize(caller, 'undoRestore', { name: reference });
  const made = await findRestoreOfJob(context);
  if (made !== null) return made;
  const row = await findRestore(context.catalogue, reference);
  requireUndoable(row);
  const repository = await context.openRepository();
  const { plan: applied, manifest } = await readApplied(repository, row);
  return withImplementationLock(context, applied.implementation, async (signal) => {
    // Again under the lock: this job, or somebody else, may have undone it while we waited.
    const doneMeanwhile = await findRestoreOfJob(context);
    if (doneMeanwhile !== null) return doneMeanwhile;
    requireUndoable(await findRestore(context.catalogue, row.id));
    const held = { ...context, signal };
    const plan = await planUndo({
      database: context.database,
      repository,
      plan: applied,
      manifest,
      resolve: sliceOf(manifest),
      planId: planId.parse(context.random.uuid()),
      undoOf: restoreId.parse(row.id),
      clock: context.clock,
      lockTimeoutMs: context.settings.lockTimeoutMs,
      signal,
    });
    requireApplicable(held, plan);
    return carryOut(held, { repository, plan, manifest, safetyBackup });
  });
}

function requireUndoable(row: RestoreRow): void {
  if (row.status !== 'completed') throw notUndoable(row, 'it failed, so there is nothing to undo');
  if (row.undone_by !== null) throw notUndoable(row, `it was undone already, by ${row.undone_by}`);
  if (row.purpose === 'undo') throw notUndoable(row, 'it is itself an undo');
}

async function readApplied(
  repository: Repository,
  row: RestoreRow,
): Promise<{ readonly plan: RestorePlan; readonly manifest: Manifest }> {
  try {
    const plan = await readPlan(repository, planId.parse(row.plan_id));
    const ids = [implementationId.parse(row.implementation_id), backupId.parse(row.backup_id)] as const;
    return { plan, manifest: await repository.readManifest(...ids) };
  } catch (error) {
    if (!isCofreError(error, 'plan/not-found') && !isCofreError(error, 'repository/object-missing')) throw error;
    throw notUndoable(row, 'its plan or its backup was cleaned up', error);
  }
}

function notUndoable(row: RestoreRow, why: string, cause?: unknown): CofreError {
  const safety = row.safety_backup_id;
  return new CofreError(
    'restore/not-undoable',
    `The restore ${row.id} cannot be undone: ${why}. Nothing was changed.`,
    {
      params: { restoreId: row.id, ...(safety === null ? {} : { safetyBackupId: safety }) },
      ...(safety === null ? {} : { hint: `Restore its safety backup ${safety} instead.` }),
      cause,
    },
  );
}
