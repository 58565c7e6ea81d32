'use server';

import {
  type ActionResult,
  type ApplyRestoreInput,
  applyRestoreInput,
  type BackupDocument,
  type BackupInput,
  backupInput,
  type CleanupExpiredBackupsInput,
  cleanupExpiredBackupsInput,
  type CreateBackupInput,
  createBackupInput,
  type ExecuteScheduledBackupsInput,
  executeScheduledBackupsInput,
  type JobDocument,
  type JobKind,
  type ListBackupsInput,
  listBackupsInput,
  type PlanRestoreInput,
  planRestoreInput,
} from '@cofre/contracts';
import { type BackupPage, enqueueJob, listBackups, type ServiceContext } from '@cofre/services';
import { runAction } from '#server/run-action.ts';

/** What this edge calls the documents of the contracts. */
export type ModuleBackup = BackupDocument;
export type RestoreBackupInput = ApplyRestoreInput;
export type { ActionResult, CreateBackupInput };

/** Everything that takes time is asked for here and done by a worker; the job says how far it is. */
const asJob =
  (kind: JobKind) =>
  (service: ServiceContext, input: Readonly<Record<string, unknown>>): Promise<JobDocument> =>
    enqueueJob(service, { kind, input });

export async function createModuleBackup(input: CreateBackupInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'createBackup', schema: createBackupInput, run: asJob('create-backup') });
}

export async function listModuleBackups(input: ListBackupsInput): Promise<ActionResult<BackupPage>> {
  return runAction(input, { useCase: 'listBackups', schema: listBackupsInput, run: listBackups });
}

/** Computes a plan; nothing is written before `restoreModuleBackup` is called with it. */
export async function previewModuleRestore(input: PlanRestoreInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'planRestore', schema: planRestoreInput, run: asJob('plan-restore') });
}

export async function restoreModuleBackup(input: RestoreBackupInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'applyRestore', schema: applyRestoreInput, run: asJob('apply-restore') });
}

export async function deleteModuleBackup(input: BackupInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'deleteBackup', schema: backupInput, run: asJob('delete-backup') });
}

export async function verifyModuleBackup(input: BackupInput): Promise<ActionResult<JobDocument>> {
  return runAction(input, { useCase: 'verifyBackup', schema: backupInput, run: asJob('verify-backup') });
}

export async function executeScheduledBackups(
  input: ExecuteScheduledBackupsInput = {},
): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'executeScheduledBackups',
    schema: executeScheduledBackupsInput,
    run: asJob('execute-scheduled-backups'),
  });
}

export async function cleanupExpiredBackups(
  input: CleanupExpiredBackupsInput = {},
): Promise<ActionResult<JobDocument>> {
  return runAction(input, {
    useCase: 'cleanupExpiredBackups',
    schema: cleanupExpiredBackupsInput,
    run: asJob('cleanup-expired-backups'),
  });
}
