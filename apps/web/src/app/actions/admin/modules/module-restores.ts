'use server';

import {
  type ActionResult,
  type BackupDocument,
  type BackupInput,
  type BackupTablesDocument,
  backupInput,
  type HoldBackupInput,
  holdBackupInput,
  type JobDocument,
  type PlanDocument,
  type PlanRowsDocument,
  type ProposeBackupInput,
  type ProposedBackupDocument,
  proposeBackupInput,
  type ReadPlanRowsInput,
  type RecentChangesDocument,
  readPlanRowsInput,
  type ShowPlanInput,
  type ShowRecentChangesInput,
  showPlanInput,
  showRecentChangesInput,
  type UndoRestoreInput,
  undoRestoreInput,
} from '@cofre/contracts';
import {
  enqueueJob,
  holdBackup,
  listBackupTables,
  proposeBackup,
  readPlanRows,
  showPlan,
  showRecentChanges,
} from '@cofre/services';
import { runAction } from '#server/run-action.ts';

export async function listModuleBackupTables(input: BackupInput): Promise<ActionResult<BackupTablesDocument>> {
  return runAction(input, { useCase: 'listBackupTables', schema: backupInput, run: listBackupTables });
}

export async function showModulePlan(input: ShowPlanInput): Promise<ActionResult<PlanDocument>> {
  return runAction(input, { useCase: 'showPlan', schema: showPlanInput, run: showPlan });
}

export async function readModulePlanRows(input: ReadPlanRowsInput): Promise<ActionResult<PlanRowsDocument>> {
  return runAction(input, { useCase: 'readPlanRows', schema: readPlanRowsInput, run: readPlanRows });
}

export async function undoModuleRestore(input: UndoRestoreInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'undoRestore',
    schema: undoRestoreInput,
    run: (service, undo) => enqueueJob(service, { kind: 'undo-restore', input: undo }),
  });
}

export async function proposeModuleBackup(input: ProposeBackupInput): Promise<ActionResult<ProposedBackupDocument>> {
  return runAction(input, { useCase: 'proposeBackup', schema: proposeBackupInput, run: proposeBackup });
}

export async function showModuleRecentChanges(
  input: ShowRecentChangesInput,
): Promise<ActionResult<RecentChangesDocument>> {
  return runAction(input, { useCase: 'showRecentChanges', schema: showRecentChangesInput, run: showRecentChanges });
}

/** Nobody may delete the backup that somebody is about to go back to. */
export async function keepModuleBackup(input: HoldBackupInput): Promise<ActionResult<BackupDocument>> {
  return runAction(input, { useCase: 'holdBackup', schema: holdBackupInput, run: holdBackup });
}
