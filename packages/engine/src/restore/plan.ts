import type { BackupId, ConflictKind, ImplementationRef, PlanId, RestoreId, RestoreMode } from '@cofre/contracts';
import type { KeyColumn } from '../rows/layout.ts';
import type { SnapshotFacts } from '../format/manifest.ts';

/** A plan lives this long: afterwards the preview that a person saw is too old to be trusted. */
export const PLAN_LIFETIME_MS = 60 * 60 * 1000;

/**
 * What a restore would do, computed before anything is written (design §6). The head is a sealed object at
 * `plans/<id>/plan`; operations lie in pages beside it, so that any process can page, filter and apply it.
 */
export interface RestorePlan {
  readonly format: 1;
  readonly id: PlanId;
  /** `undo`: the inverse of what restore `undoOf` applied. */
  readonly purpose: { readonly kind: 'restore' } | { readonly kind: 'undo'; readonly undoOf: RestoreId };
  readonly backupId: BackupId;
  readonly implementation: ImplementationRef;
  readonly mode: RestoreMode;
  readonly selection: { readonly configOnly: boolean; readonly tables: readonly string[] | null };
  readonly createdAt: string;
  readonly expiresAt: string;
  /** The live snapshot that the plan was computed in. */
  readonly snapshot: SnapshotFacts;
  /** Hex SHA-256 over the tables' fingerprints, the operations and everything else below. */
  readonly fingerprint: string;
  /** In the order of the definition. */
  readonly tables: readonly PlanTable[];
  readonly collateral: readonly { readonly table: string; readonly action: string; readonly rows: number }[];
  readonly triggers: readonly { readonly table: string; readonly trigger: string; readonly fires: boolean }[];
  readonly drift: readonly {
    readonly table: string;
    readonly column: string;
    readonly kind: string;
    readonly detail: string;
  }[];
  readonly warnings: readonly string[];
  readonly applicable: boolean;
}

export interface PlanTable {
  readonly schema: string;
  readonly name: string;
  /** Columns that rows of the pages hold, in stored order, key first; columns that no longer exist are left out. */
  readonly columns: readonly string[];
  readonly key: readonly KeyColumn[];
  readonly fingerprint: string;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
  readonly unchanged: number;
  /** Live rows that the backup does not have and that stay. */
  readonly kept: number;
  readonly conflicts: readonly { readonly kind: ConflictKind; readonly count: number; readonly detail: string }[];
  /** `plans/<id>/<page>`; each holds some 2 MiB of operations in key order. */
  readonly pages: readonly string[];
  /** Hex SHA-256 over the operations of the pages, in order. */
  readonly operationsHash: string;
  /** Indexes of the backup's ranges of which every row is inserted (deleted, in an undo); pages do not repeat their rows. */
  readonly wholeRanges: readonly number[];
}

/** One row's fate. Lines are COPY text with their newline, of the table's `columns`. */
export type PlanOperation =
  | { readonly op: 'insert'; readonly after: Buffer }
  | { readonly op: 'update'; readonly before: Buffer; readonly after: Buffer }
  | { readonly op: 'delete'; readonly before: Buffer };
