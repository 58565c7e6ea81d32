'use server';

import {
  type ActionResult,
  type ApplyRestoreInput,
  applyRestoreInput,
  type BackupDaysDocument,
  type BackupDocument,
  type BackupEstimateDocument,
  type BackupInput,
  backupInput,
  type CleanupExpiredBackupsInput,
  cleanupExpiredBackupsInput,
  type CreateBackupInput,
  createBackupInput,
  type ExecuteScheduledBackupsInput,
  executeScheduledBackupsInput,
  type HoldBackupInput,
  holdBackupInput,
  type ImplementationInput,
  implementationInput,
  type JobDocument,
  type JobKind,
  type ListBackupsInput,
  listBackupsInput,
  type PlanRestoreInput,
  planRestoreInput,
  type SettingsDocument,
  type ShowBackupDaysInput,
  showBackupDaysInput,
} from '@cofre/contracts';
import {
  authorize,
  type BackupPage,
  enqueueJob,
  estimateBackup,
  holdBackup,
  listBackups,
  releaseBackup,
  resolveSettings,
  type ServiceContext,
  showBackupDays,
} from '@cofre/services';
import { z } from 'zod';
import { runAction } from '#server/run-action.ts';
import { errorWording, wordedBackup } from '#server/worded.ts';

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

/** Several at once: a job for each, so that one that fails does not stop the others. Refused whole where one is not known. */
export async function createModuleBackups(
  input: z.input<typeof createModuleBackupsInput>,
): Promise<ActionResult<readonly JobDocument[]>> {
  return runAction(input, {
    useCase: 'createBackup',
    schema: createModuleBackupsInput,
    run: async (service, { implementations, ...options }) => {
      await authorize(service, 'createBackup');
      for (const implementation of implementations) await resolveSettings(service, { implementation });
      const jobs: JobDocument[] = [];
      for (const implementation of implementations)
        jobs.push(await enqueueJob(service, { kind: 'create-backup', input: { ...options, implementation } }));
      return jobs;
    },
  });
}

const BACKED_UP_TOGETHER_MAX = 100;
const createModuleBackupsInput = createBackupInput.pick({ type: true, description: true }).extend({
  implementations: z.array(z.uuid()).min(1).max(BACKED_UP_TOGETHER_MAX),
});

export async function listModuleBackups(input: ListBackupsInput): Promise<ActionResult<BackupPage>> {
  return runAction(input, {
    useCase: 'listBackups',
    schema: listBackupsInput,
    run: async (service, parsed) => {
      const [wording, page] = await Promise.all([errorWording(), listBackups(service, parsed)]);
      return { ...page, items: page.items.map((backup) => wordedBackup(backup, wording)) };
    },
  });
}

export async function showModuleBackupDays(input: ShowBackupDaysInput): Promise<ActionResult<BackupDaysDocument>> {
  return runAction(input, { useCase: 'showBackupDays', schema: showBackupDaysInput, run: showBackupDays });
}

export async function showModuleBackupSettings(input: ImplementationInput): Promise<ActionResult<SettingsDocument>> {
  return runAction(input, { useCase: 'resolveSettings', schema: implementationInput, run: resolveSettings });
}

export async function estimateModuleBackup(input: ImplementationInput): Promise<ActionResult<BackupEstimateDocument>> {
  return runAction(input, { useCase: 'estimateBackup', schema: implementationInput, run: estimateBackup });
}

export async function holdModuleBackup(input: HoldBackupInput): Promise<ActionResult<BackupDocument>> {
  return runAction(input, { useCase: 'holdBackup', schema: holdBackupInput, run: holdBackup });
}

export async function releaseModuleBackup(input: BackupInput): Promise<ActionResult<BackupDocument>> {
  return runAction(input, { useCase: 'releaseBackup', schema: backupInput, run: releaseBackup });
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
