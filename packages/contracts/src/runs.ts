import { z } from 'zod';
import { backupStatus, backupType, errorDocument } from './documents.ts';
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

/** What `drainJobs` did of the jobs that waited. */
export const drainDocument = z.strictObject({
  done: count,
  failed: z.array(runFailure),
  /** Too large for an edge function; they wait for a worker. */
  deferred: count,
  /** May run now, and were not begun. */
  left: count,
});
export type DrainDocument = z.infer<typeof drainDocument>;

export const cleanupExpiredBackupsInput = z.strictObject({
  now: z.iso.datetime().optional(),
  /** Only says what would be removed. */
  dryRun: z.boolean().default(false),
  /** At most so many backups; default: all. */
  limit: z.int().min(1).optional(),
  /** Freeing space opens every manifest: what runs every few minutes does so once an hour, unless it must be now. */
  freeSpace: z.enum(['when-due', 'now']).default('when-due'),
});
export type CleanupExpiredBackupsInput = z.input<typeof cleanupExpiredBackupsInput>;

export const cleanupDocument = z.strictObject({
  dryRun: z.boolean(),
  /** Backups that were removed; in a dry run, that would be. */
  done: count,
  /** Backups that could not be removed; the others were. */
  failed: z.array(runFailure),
  /** 1: there was not enough time to look at all manifests, so freeing space needs a worker. */
  deferred: count,
  /** What waits for the next run: backups (of implementations that somebody is at, or there was no time), packs, plans. */
  left: count,
  /** Backups that stay. */
  kept: count,
  /** Sum of what the removed ones had stored; what is shared with others is not freed. */
  removedBytes: count,
  /** Objects of the repository that were deleted because nothing needs them any more. */
  freedBytes: count,
  freedObjects: count,
  /** What nothing needs, and is deleted by a run after its grace. */
  waitingBytes: count,
  /** Restore plans that were deleted because nobody can apply or undo them any more. */
  plans: count,
  /** The removed backups, at most a thousand of them. */
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
  /** So many implementations are shown one by one, those that store most first. */
  top: z.int().min(0).max(1000).default(10),
});
export type ShowStatisticsInput = z.input<typeof showStatisticsInput>;

const moment = z.iso.datetime().nullable();

/** completed / (completed + failed); what was cancelled is neither. null: there was neither. */
const successRate = z.number().min(0).max(1).nullable();

/** Of the backups that are in the list now: what was deleted or removed by clean-up is in no figure. */
const placeFigures = z.strictObject({
  /** Completed ones, and what they hold and stored. */
  backups: count,
  rows: count,
  bytesRaw: count,
  bytesStored: count,
  newestAt: moment,
  lastVerifiedAt: moment,
  lastProvenAt: moment,
  /** Made since `since`. */
  completed: count,
  failed: count,
});

export const implementationFigures = placeFigures.extend({
  id: z.uuid(),
  module: z.string(),
  key: z.string(),
  /** Deleted; its backups wait for their end. */
  gone: z.boolean(),
});
export type ImplementationFigures = z.infer<typeof implementationFigures>;

export const moduleFigures = placeFigures.extend({ module: z.string(), implementations: count });
export type ModuleFigures = z.infer<typeof moduleFigures>;

/** How many of the completed backups, and when the latest and the longest ago. */
const checkedFigures = z.strictObject({ backups: count, newestAt: moment, oldestAt: moment });

export const statisticsDocument = z.strictObject({
  /** What it is of; neither: of everything. */
  implementation: z.string().optional(),
  module: z.string().optional(),
  now: z.iso.datetime(),
  since: z.iso.datetime(),
  backups: z.strictObject({
    total: count,
    byType: z.record(backupType, count),
    byStatus: z.record(backupStatus, count),
    byOrigin: z.record(z.enum(['manual', 'scheduled', 'safety', 'imported']), count),
    /** Of the completed ones: rows and text they hold, and what they newly stored. */
    rows: count,
    bytesRaw: count,
    bytesStored: count,
    newestAt: moment,
    oldestAt: moment,
    held: count,
    /** Whose end has passed, and that are there still. */
    expiredKept: count,
    /** Whose implementation was deleted. */
    orphans: count,
    /** Whose manifest is not in the repository. */
    missing: count,
    verified: checkedFigures,
    /** Restored into a scratch schema. */
    proven: checkedFigures,
  }),
  /** Since `since`. */
  period: z.strictObject({
    backups: z.strictObject({
      completed: count,
      failed: count,
      canceled: count,
      successRate,
      rows: count,
      bytesRaw: count,
      bytesStored: count,
      /** null: none completed. */
      averageMs: count.nullable(),
      p95Ms: count.nullable(),
    }),
    restores: z.strictObject({
      done: count,
      failed: count,
      /** Of `done`: taken back since. */
      undone: count,
      successRate,
      averageMs: count.nullable(),
      p95Ms: count.nullable(),
    }),
  }),
  modules: z.array(moduleFigures),
  implementations: z.array(implementationFigures),
  /** Implementations with backups that are not among those. */
  implementationsLeftOut: count,
  /** What lies in the repository, by its listing. Absent: it is a part that was asked for, or it could not be listed. */
  repository: z
    .strictObject({
      objects: count,
      bytes: count,
      /** False: there is more than was listed. */
      complete: z.boolean(),
      measuredAt: z.iso.datetime(),
    })
    .optional(),
  repositoryError: errorDocument.optional(),
});
export type StatisticsDocument = z.infer<typeof statisticsDocument>;
