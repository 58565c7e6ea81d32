import { z } from 'zod';
import { errorDocument } from './documents.ts';
import { implementationReference } from './inputs.ts';

/** What is asked for and not done within the request. */
export const jobKind = z.enum([
  'create-backup',
  'delete-backup',
  'verify-backup',
  'plan-restore',
  'apply-restore',
  'undo-restore',
  'execute-scheduled-backups',
  'cleanup-expired-backups',
]);
export type JobKind = z.infer<typeof jobKind>;

/** `deferred`: too large for an edge function, waits for a worker. */
export const jobState = z.enum(['waiting', 'running', 'completed', 'failed', 'canceled', 'deferred']);
export type JobState = z.infer<typeof jobState>;

export const jobDocument = z.strictObject({
  id: z.uuid(),
  kind: jobKind,
  state: jobState,
  implementation: z.strictObject({ id: z.uuid(), module: z.string(), key: z.string() }).nullable(),
  backupId: z.uuid().nullable(),
  attempts: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  createdBy: z.string().nullable(),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  cancelRequested: z.boolean(),
  /** null: it has not reported yet. */
  progress: z
    .strictObject({
      phase: z.string(),
      table: z.string().nullable(),
      rows: z.int().nonnegative(),
      rowsTotal: z.int().nonnegative().nullable(),
      bytes: z.int().nonnegative(),
      elapsedMs: z.int().nonnegative(),
      /** null: too early to say. */
      rowsPerSecond: z.number().nonnegative().nullable(),
      bytesPerSecond: z.number().nonnegative().nullable(),
      remainingMs: z.int().nonnegative().nullable(),
      updatedAt: z.iso.datetime(),
    })
    .nullable(),
  /** Waits, and no worker was seen for 30 s. */
  waitingForWorker: z.boolean(),
  /** What the use case gave, when it is done; only for administrators. */
  result: z.unknown().optional(),
  error: errorDocument.optional(),
});
export type JobDocument = z.infer<typeof jobDocument>;

export const jobInput = z.strictObject({ job: z.uuid() });
export type JobInput = z.input<typeof jobInput>;

export const enqueueJobInput = z.strictObject({
  kind: jobKind,
  /** The use case's own input, checked before the job is kept. */
  input: z.record(z.string(), z.unknown()).default({}),
});
export type EnqueueJobInput = z.input<typeof enqueueJobInput>;

export const listJobsInput = z.strictObject({
  state: jobState.optional(),
  implementation: implementationReference.optional(),
  limit: z.int().min(1).max(500).default(50),
  cursor: z.string().max(500).optional(),
});
export type ListJobsInput = z.input<typeof listJobsInput>;
