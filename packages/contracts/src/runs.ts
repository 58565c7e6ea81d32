import { z } from 'zod';
import { errorDocument } from './documents.ts';
import { implementationReference } from './inputs.ts';
import { removeReason } from './settings.ts';

/** What runs by itself: scheduled backups and clean-up, by whatever clock calls them (worker, edge function, cron, CLI). */

const count = z.int().nonnegative();

/** One that could not be done. The others were. */
export const runFailure = z.strictObject({ implementation: z.string(), code: z.string() });
export type RunFailure = z.infer<typeof runFailure>;

export const executeScheduledBackupsInput = z.strictObject({
  /** When it is imagined to be; default: now. What is made is dated by the clock all the same. */
  now: z.iso.datetime().optional(),
  /** At most so many implementations; default: all that are due. */
  limit: z.int().min(1).optional(),
});
export type ExecuteScheduledBackupsInput = z.input<typeof executeScheduledBackupsInput>;

export const scheduledRunDocument = z.strictObject({
  /** Implementations that were due and are backed up, or were found unchanged. */
  done: count,
  /** Of `done`: those whose slice was as in the backup before, so that nothing was kept (`skipUnchanged`). */
  unchanged: count,
  failed: z.array(runFailure),
  /** Too large for who ran them; they wait for a worker. */
  deferred: count,
  /** Due, and not begun: another runner has them, or the budget was used up. */
  left: count,
});
export type ScheduledRunDocument = z.infer<typeof scheduledRunDocument>;

export const cleanupExpiredBackupsInput = z.strictObject({
  now: z.iso.datetime().optional(),
  /** Only says what would be removed. */
  dryRun: z.boolean().default(false),
  /** At most so many backups; default: all. */
  limit: z.int().min(1).optional(),
});
export type CleanupExpiredBackupsInput = z.input<typeof cleanupExpiredBackupsInput>;

export const cleanupDocument = z.strictObject({
  dryRun: z.boolean(),
  /** Backups that were removed; in a dry run, that would be. */
  done: count,
  failed: z.array(runFailure),
  deferred: count,
  left: count,
  kept: count,
  /** Sum of what the removed ones had stored; what is shared with others is not freed. */
  removedBytes: count,
  /** Objects of the repository that were deleted because nothing needs them any more. */
  freedBytes: count,
  freedObjects: count,
  /** What nothing needs, and is deleted by a run after its grace. */
  waitingBytes: count,
  plans: count,
  items: z.array(
    z.strictObject({
      backupId: z.uuid(),
      implementation: z.string(),
      createdAt: z.iso.datetime(),
      expiresAt: z.iso.datetime().nullable(),
      reason: removeReason,
      sizeBytes: count,
    }),
  ),
  /** Why no space could be freed now; absent: it was, or there was none. Backups are unharmed. */
  garbageError: errorDocument.optional(),
});
export type CleanupDocument = z.infer<typeof cleanupDocument>;

export const showStatisticsInput = z.strictObject({
  implementation: implementationReference.optional(),
  module: z.string().min(1).max(200).optional(),
  /** Counted since; default: 30 days ago. */
  since: z.iso.datetime().optional(),
});
export type ShowStatisticsInput = z.input<typeof showStatisticsInput>;
