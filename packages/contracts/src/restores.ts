import { z } from 'zod';
import { backupDocument, implementationRef, restoreEntryDocument } from './documents.ts';
import { backupId, planId } from './ids.ts';
import { implementationReference } from './inputs.ts';

/** What a person sees on the way to a restore and after it, beside the documents of the plan and of the restore. */

const count = z.int().nonnegative();

const reference = (what: string) =>
  z
    .string()
    .regex(/^[0-9a-f][0-9a-f-]{3,35}$/, { error: `must be a ${what} id, or the first four or more characters of one` });

export const planOperationKind = z.enum(['insert', 'update', 'delete']);
export type PlanOperationKind = z.infer<typeof planOperationKind>;

export const showPlanInput = z.strictObject({ plan: reference('plan') });
export type ShowPlanInput = z.input<typeof showPlanInput>;

export const readPlanRowsInput = z.strictObject({
  plan: reference('plan'),
  table: z.string().min(1).max(300),
  operation: planOperationKind.optional(),
  /** Only rows that have this in one of their values as they are shown, whatever the case of its letters. */
  text: z.string().min(1).max(200).optional(),
  /** A place in the table's list of operations, of that kind where one is named. */
  from: count.default(0),
  limit: z.int().min(1).max(500).default(100),
  /** Longer values are cut. */
  valueCharsMax: z.int().min(1).max(100_000).default(300),
});
export type ReadPlanRowsInput = z.input<typeof readPlanRowsInput>;

const shownValues = z.record(z.string(), z.string().nullable());

/** Some rows of a plan's table, with the values as they are and as they would be. Those of secret columns are masked. */
export const planRowsDocument = z.strictObject({
  planId,
  table: z.string(),
  columns: z.array(z.string()),
  keyColumns: z.array(z.string()),
  secretColumns: z.array(z.string()),
  rows: z.array(
    z.strictObject({
      /** Where it stands in the list that was asked for, without regard to `text`. */
      position: count,
      op: planOperationKind,
      /** null: there is no such row. */
      before: shownValues.nullable(),
      after: shownValues.nullable(),
      /** Columns whose values differ; of a row that comes or goes, none. */
      changed: z.array(z.string()),
      /** A value was longer than what is shown of it. */
      isCut: z.boolean(),
    }),
  ),
  /** Operations of the kind that was asked for, found by `text` or not. */
  rowsTotal: count,
  /** Where to go on; null: the end was reached. With `text` a page may hold few rows, or none, and still go on. */
  next: count.nullable(),
});
export type PlanRowsDocument = z.infer<typeof planRowsDocument>;

export const showRestoreInput = z.strictObject({ restore: reference('restore') });
export type ShowRestoreInput = z.input<typeof showRestoreInput>;

/** One restore, and whether it can still be undone. */
export const restoreDetailDocument = restoreEntryDocument.extend({
  isUndoable: z.boolean(),
  /** When what an undo needs may be cleaned up; null: it cannot be undone, or what it needs is held. */
  undoableUntil: z.iso.datetime().nullable(),
});
export type RestoreDetailDocument = z.infer<typeof restoreDetailDocument>;

/** The tables of a backup, in the order of its definition. Names and counts, no values of rows. */
export const backupTablesDocument = z.strictObject({
  backupId,
  tables: z.array(z.strictObject({ table: z.string(), role: z.enum(['config', 'data']), rows: count })),
});
export type BackupTablesDocument = z.infer<typeof backupTablesDocument>;

/** So long ago is lately: what was changed since may still go on. */
export const RECENT_CHANGES_MS = 5 * 60 * 1000;

export const showRecentChangesInput = z.strictObject({
  implementation: implementationReference,
  /** What an earlier look gave, to compare with; of several that are not older than five minutes the oldest. */
  look: z.string().max(20_000).optional(),
});
export type ShowRecentChangesInput = z.input<typeof showRecentChangesInput>;

/** Whether rows of an implementation were changed lately, as far as the database can tell. */
export const recentChangesDocument = z.strictObject({
  implementation: implementationRef,
  /** When it was looked, and since when changes were looked for (null: there is nothing to compare with yet), by the server's clock. */
  lookedAt: z.iso.datetime(),
  since: z.iso.datetime().nullable(),
  /**
   * How that is known: the server notes the times of commits; a backup, of whatever implementation, marked a moment of the last
   * minutes; or an earlier look did. null: not known yet.
   */
  by: z.enum(['commit-times', 'backup', 'look']).nullable(),
  /** Rows that came, changed or went since; of those that went, as many as are certain. */
  rows: count,
  /** Those in which something was changed. */
  tables: z.array(z.strictObject({ table: z.string(), rows: count })),
  /** To be given the next time. */
  look: z.string(),
});
export type RecentChangesDocument = z.infer<typeof recentChangesDocument>;

export const proposeBackupInput = z.strictObject({
  implementation: implementationReference,
  /** When it went wrong: the backup was complete by then. */
  before: z.iso.datetime(),
});
export type ProposeBackupInput = z.input<typeof proposeBackupInput>;

/** Which backup to go back to. */
export const proposedBackupDocument = z.strictObject({
  /** The newest verified one of before, else the newest one; null: there is none. */
  backup: backupDocument.nullable(),
  /** The newest one of before, where it is another: nobody has verified it yet. */
  newer: backupDocument.nullable(),
  /** The oldest one of all, where none is from before. */
  oldest: backupDocument.nullable(),
});
export type ProposedBackupDocument = z.infer<typeof proposedBackupDocument>;
