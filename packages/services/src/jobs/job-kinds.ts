import {
  applyRestoreInput,
  backupInput,
  cleanupExpiredBackupsInput,
  createBackupInput,
  executeScheduledBackupsInput,
  implementationId,
  isCofreError,
  type JobKind,
  planRestoreInput,
  undoRestoreInput,
  verifyBackupInput,
} from '@cofre/contracts';
import type { z } from 'zod';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { findBackup, toBackupDocument } from '../backups/find-backup.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { idRange } from '../catalogue/id-prefix.ts';
import { findImplementation, sliceInputsOf } from '../modules/find-implementation.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { findRestore } from '../restores/list-restores.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { findPlan } from '../restores/show-plan.ts';
import { undoRestore } from '../restores/undo-restore.ts';
import { cleanupExpiredBackups } from '../retention/cleanup-expired-backups.ts';
import { executeScheduledBackups } from '../schedules/execute-scheduled-backups.ts';
import type { ServiceContext } from '../service-context.ts';
import { implementationOf } from './claim-job.ts';
import { type JobTarget, type JobWork, jobWork } from './job-work.ts';

/** Every kind of job. The input is the use case's own, and so are its rights and its errors. */
export const JOB_WORK: Readonly<Record<JobKind, JobWork>> = {
  'create-backup': jobWork(createBackupInput, {
    useCase: 'createBackup',
    subjectOf: ({ implementation }) => implementation,
    async findTarget({ catalogue }, input) {
      const { ref } = sliceInputsOf(await findImplementation(catalogue, input.implementation));
      return { implementation: ref, backupId: null, input: { ...input, implementation: ref.id } };
    },
    async run(context, input) {
      const result = await createBackup(context, input);
      return { result, backupId: result.id };
    },
  }),

  'delete-backup': jobWork(backupInput, {
    useCase: 'deleteBackup',
    subjectOf: ({ backup }) => backup,
    findTarget: findBackupTarget,
    async run(context, input) {
      const result = await deleteBackup(context, input).catch((error: unknown) => {
        // It was there when the job was asked for: an attempt before, or somebody else, has deleted it.
        if (isCofreError(error, 'backup/not-found')) return null;
        throw error;
      });
      return { result };
    },
  }),

  'verify-backup': jobWork(verifyBackupInput, {
    useCase: 'verifyBackup',
    subjectOf: ({ backup }) => backup,
    async findTarget(context, input) {
      const target = await findBackupTarget(context, input);
      return { ...target, input: { ...input, ...target.input } };
    },
    run: async (context, input) => ({ result: await verifyBackup(context, input) }),
  }),

  'plan-restore': jobWork(planRestoreInput, {
    useCase: 'planRestore',
    subjectOf: ({ backup }) => backup,
    async findTarget(context, input) {
      const target = await findBackupTarget(context, input);
      // Rows are read from the plan by who looks at it; a job keeps none.
      return { ...target, input: { ...input, ...target.input, rows: false } };
    },
    run: async (context, input) => ({ result: await planRestore(context, input) }),
  }),

  'apply-restore': jobWork(applyRestoreInput, {
    useCase: 'applyRestore',
    subjectOf: ({ plan }) => plan,
    findTarget: findPlanTarget,
    run: async (context, input) => ({ result: await applyRestore(context, input) }),
  }),

  'undo-restore': jobWork(undoRestoreInput, {
    useCase: 'undoRestore',
    subjectOf: ({ restore }) => restore,
    async findTarget({ catalogue }, input) {
      const row = await findRestore(catalogue, input.restore);
      const { module_slug: module, implementation_key: key } = row;
      const implementation = { id: implementationId.parse(row.implementation_id), module, key };
      return { implementation, backupId: row.backup_id, input: { ...input, restore: row.id } };
    },
    run: async (context, input) => ({ result: await undoRestore(context, input) }),
  }),

  'execute-scheduled-backups': jobWork(executeScheduledBackupsInput, {
    useCase: 'executeScheduledBackups',
    findTarget: (_context, input) => Promise.resolve({ implementation: null, backupId: null, input }),
    run: async (context, input, budget) => ({ result: await executeScheduledBackups(context, input, budget) }),
  }),

  'cleanup-expired-backups': jobWork(cleanupExpiredBackupsInput, {
    useCase: 'cleanupExpiredBackups',
    findTarget: (_context, input) => Promise.resolve({ implementation: null, backupId: null, input }),
    run: async (context, input, budget) => ({ result: await cleanupExpiredBackups(context, input, budget) }),
  }),
};

async function findBackupTarget(
  { catalogue }: ServiceContext,
  { backup }: { readonly backup: string },
): Promise<JobTarget> {
  const row = await findBackup(catalogue, backup);
  return { implementation: toBackupDocument(row).implementation, backupId: row.id, input: { backup: row.id } };
}

/** Asked of the catalogue, which answers at once; of the repository what only it knows, or the beginning of an id. */
async function findPlanTarget(context: ServiceContext, input: z.output<typeof applyRestoreInput>): Promise<JobTarget> {
  const range = idRange(input.plan);
  const row =
    range === null || range.first !== range.last
      ? undefined
      : await context.catalogue
          .selectFrom('cofre.plans')
          .select(['implementation_id', 'module_slug', 'implementation_key', 'backup_id'])
          .where('id', '=', range.first)
          .executeTakeFirst();
  if (row !== undefined) return { implementation: implementationOf(row), backupId: row.backup_id, input };
  const plan = await findPlan(await context.openRepository(), input.plan);
  return { implementation: plan.implementation, backupId: plan.backupId, input: { ...input, plan: plan.id } };
}
