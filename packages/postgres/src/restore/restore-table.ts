import type { ConflictKind } from '@cofre/contracts';
import type { ManifestTable, RestorePlan, RowLayout } from '@cofre/engine';
import type { SliceTable } from '../definition/slice.ts';
import type { ColumnFacts, TableFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier } from '../session/quote.ts';

/** A table that is restored: as the backup has it, and as it is live. */
export interface RestoreTable {
  /** Its place among the tables of the plan. */
  readonly index: number;
  /** For people. */
  readonly name: string;
  readonly stored: ManifestTable;
  readonly live: SliceTable;
  /** What rows of the plan hold, in stored order: stored columns that still exist. */
  readonly columns: readonly ColumnFacts[];
  readonly layout: RowLayout;
  /** What tells a row from all others of the live table; null: rows are a multiset. */
  readonly identity: readonly IdentityColumn[] | null;
  /** ORDER BY list that makes live rows come in the layout's order. */
  readonly orderSql: (alias: string) => string;
  readonly shape: RowShape;
}

/** How a stored row becomes a row of the plan. */
export interface RowShape {
  /** Places of the stored columns that are kept; null: all are, and lines are used as they are. */
  readonly keep: readonly number[] | null;
  /** The server must first say how values read in the types of today, and whether they fit. */
  readonly cast: boolean;
}

/** One column of a unique index, and the operator under which two of its values are the same: `OPERATOR(schema.=)`. */
export interface IdentityColumn {
  readonly name: string;
  readonly equalsSql: string;
}

export type Drift = RestorePlan['drift'][number];

export interface Conflict {
  readonly kind: ConflictKind;
  readonly count: number;
  readonly detail: string;
}

/** True where the blocks of the backup can be written as they lie. */
export function isUnchangedShape(table: RestoreTable): boolean {
  return table.shape.keep === null && !table.shape.cast;
}

/** `a."x" OPERATOR(pg_catalog.=) b."x" AND …` over two aliases. */
export function sameRowSql(identity: readonly IdentityColumn[], left: string, right: string): string {
  return identity
    .map(({ name, equalsSql }) => `${left}.${quoteIdentifier(name)} ${equalsSql} ${right}.${quoteIdentifier(name)}`)
    .join(' AND ');
}

export function columnListSql(columns: readonly { readonly name: string }[], alias?: string): string {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return columns.map((column) => `${prefix}${quoteIdentifier(column.name)}`).join(', ');
}

/** Where rows of the table are really kept: itself, or the partitions behind it. */
export function holdersOf(
  facts: TableFacts,
): readonly { readonly oid: number; readonly schema: string; readonly name: string }[] {
  const isRoot = facts.kind === 'partitioned' || (facts.kind === 'partition' && facts.children.length > 0);
  return isRoot ? facts.children : [facts];
}

/** A column name that the table does not have. */
export function freeColumn(base: string, columns: readonly { readonly name: string }[]): string {
  let name = base;
  while (columns.some((column) => column.name === name)) name += '_';
  return quoteIdentifier(name);
}
