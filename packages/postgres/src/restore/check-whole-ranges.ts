import {
  batchOfBlock,
  compareKeysAt,
  type RangeEntry,
  readRangesAt,
  type RowBatch,
  type RowLayout,
  withBounds,
} from '@cofre/engine';
import { copyRows } from '../capture/copy-rows.ts';
import type { ForeignKeyFacts, UniqueFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { copyInto } from './copy-into.ts';
import { DistinctValues } from './distinct-values.ts';
import {
  keysToCheck,
  type MissingParents,
  openMissingParents,
  type ParentSearch,
  searchParents,
} from './find-missing-parents.ts';
import { addPlace, findMoved, type Whereabouts } from './find-moved.ts';
import { countOutOfScope } from './find-out-of-scope.ts';
import { countUniqueClashes, otherUniques } from './find-unique-clashes.ts';
import { columnListSql, type RestoreTable } from './restore-table.ts';
import { RowCursor } from './row-cursor.ts';
import { createLike, type StagedTable } from './stage-operations.ts';

/** Rows that are asked about together. */
const ASKED_ROWS = 32 * 1024;

/** One scan of the rows outside the slice is cheaper than looking up each row until they outnumber these so many times. */
const SCAN_FACTOR = 4;

export interface WholeRangeInput {
  readonly search: ParentSearch;
  readonly staged: StagedTable;
  readonly wholeRanges: readonly number[];
  /** Rows of these ranges. */
  readonly rows: number;
  /** Live rows of the slice that the backup does not have. */
  readonly kept: number;
  /** Live rows of the slice. */
  readonly live: number;
}

export interface WholeRangeFindings {
  readonly places: Whereabouts;
  readonly clashes: ReadonlyMap<UniqueFacts, number>;
  readonly missing: readonly MissingParents[];
  /** Parents through which rows would come into another slice. */
  readonly outOfScope: number;
}

/**
 * What stands in the way of ranges that are put back whole. Most of it follows from the backup being of one snapshot and
 * from what the scope says; only what does not is asked, and rows are sent to the server only where nothing else will do.
 */
export async function checkWholeRanges(input: WholeRangeInput): Promise<WholeRangeFindings> {
  const places: Whereabouts = new Map();
  const clashes = new Map<UniqueFacts, number>();
  const missing: MissingParents[] = [];
  const { search, staged, wholeRanges } = input;
  if (wholeRanges.length === 0) return { places, clashes, missing, outOfScope: 0 };
  const keys = keysToCheck(staged, search);
  for (const key of keys) missing.push(await openMissingParents(search, staged, key));
  const uniques = otherUniques(staged.table).filter((unique) => !cannotClash(unique, input));
  if (uniques.length > 0) {
    await askByRow(input, { uniques, clashes, missing, places });
  } else {
    await findMovedKeys(input, places);
    await askDistinctParents(input, missing);
  }
  return { places, clashes, missing, outOfScope: await countScopeParents(input) };
}

/** True where two rows that clash both belong to the slice, because the columns hold what decides that. */
function decidesScope(columns: readonly string[] | null, table: RestoreTable): boolean {
  const { scope } = table.live;
  return columns !== null && scope.kind === 'root' && scope.columns.every((column) => columns.includes(column));
}

/** Live rows of the slice that are rows of the backup do not clash with those that are put back: they stood beside them. */
function cannotClash(unique: UniqueFacts, { staged, kept }: WholeRangeInput): boolean {
  return unique.kind !== 'exclusion' && kept === 0 && decidesScope(unique.columns, staged.table);
}

interface Asked {
  readonly uniques: readonly UniqueFacts[];
  readonly clashes: Map<UniqueFacts, number>;
  readonly missing: readonly MissingParents[];
  readonly places: Whereabouts;
}

/** Sends the rows to the server, some thousands at a time. */
async function askByRow(input: WholeRangeInput, asked: Asked): Promise<void> {
  const { client, repository } = input.search;
  const { table } = input.staged;
  const relation = await createLike(client, table, { name: `cofre_range_${table.index}`, checks: true });
  const rows = { staged: input.staged, relation };
  for await (const group of inGroups(readRangesAt(repository, table.stored, input.wholeRanges))) {
    await client.query(`TRUNCATE ${relation}`);
    await copyInto(client, `COPY ${relation} (${columnListSql(table.columns)}) FROM STDIN`, group);
    await client.query(`ANALYZE ${relation}`);
    await findMoved(client, rows, asked.places);
    for (const unique of asked.uniques)
      asked.clashes.set(unique, (asked.clashes.get(unique) ?? 0) + (await countUniqueClashes(client, rows, unique)));
    for (const missing of asked.missing) await searchParents(input.search, missing, rows);
  }
}

async function* inGroups(ranges: AsyncIterable<{ readonly rows: RowBatch }>): AsyncGenerator<Buffer[]> {
  let group: Buffer[] = [];
  let count = 0;
  for await (const { rows } of ranges) {
    group.push(rows.bytes);
    count += rows.ends.length;
    if (count < ASKED_ROWS) continue;
    yield group;
    group = [];
    count = 0;
  }
  if (group.length > 0) yield group;
}

/** Rows point at few parents again and again: only the distinct values go to the server. */
async function askDistinctParents(input: WholeRangeInput, missing: readonly MissingParents[]): Promise<void> {
  if (missing.length === 0) return;
  const { search, staged } = input;
  const { table } = staged;
  const { scope } = table.live;
  const isFixed = ({ key }: MissingParents) =>
    scope.kind === 'root' && key.from.columns.every((column) => scope.fixed.includes(column));
  const values = missing.map((one) => new DistinctValues(table.layout, one.key.from.columns));
  const onlyFixed = missing.every(isFixed);
  for await (const { rows } of readRangesAt(search.repository, table.stored, input.wholeRanges)) {
    for (const [at, one] of missing.entries()) {
      const distinct = values[at];
      if (distinct === undefined || (isFixed(one) && distinct.size > 0)) continue;
      distinct.add(rows, isFixed(one) ? 1 : rows.ends.length);
      if (distinct.isFull) await askValues(input, one, distinct);
    }
    if (onlyFixed) break;
  }
  for (const [at, one] of missing.entries()) {
    const distinct = values[at];
    if (distinct !== undefined && distinct.size > 0) await askValues(input, one, distinct);
  }
}

async function askValues(input: WholeRangeInput, missing: MissingParents, values: DistinctValues): Promise<void> {
  const relation = await createValueTable(input, missing.key);
  const columns = missing.key.from.columns.map(quoteIdentifier).join(', ');
  await copyInto(input.search.client, `COPY ${relation} (${columns}) FROM STDIN`, values.take());
  await searchParents(input.search, missing, { staged: input.staged, relation });
}

/** Asked only where the scope goes through a table that this plan does not write. */
async function countScopeParents({ search, staged, wholeRanges }: WholeRangeInput): Promise<number> {
  const { client, repository, written } = search;
  const { table } = staged;
  const { scope, scopeSql } = table.live;
  if (scope.kind !== 'parent' || written.has(scope.parentOid)) return 0;
  const names = scope.columns.map((column) => column.own);
  const columns = names.map(quoteIdentifier).join(', ');
  const relation = 'pg_temp.cofre_scope';
  await client.query(
    `DROP TABLE IF EXISTS ${relation}; CREATE TEMPORARY TABLE cofre_scope AS SELECT ${columns} FROM ${staged.after} WITH NO DATA`,
  );
  const values = new DistinctValues(table.layout, names);
  const copy = () => copyInto(client, `COPY ${relation} (${columns}) FROM STDIN`, values.take());
  for await (const { rows } of readRangesAt(repository, table.stored, wholeRanges)) {
    values.add(rows, rows.ends.length);
    if (values.isFull) await copy();
  }
  await copy();
  return countOutOfScope(client, relation, scopeSql);
}

async function createValueTable({ search, staged }: WholeRangeInput, key: ForeignKeyFacts): Promise<string> {
  const columns = key.from.columns.map(quoteIdentifier).join(', ');
  await search.client.query(
    `DROP TABLE IF EXISTS pg_temp.cofre_values;
     CREATE TEMPORARY TABLE cofre_values AS SELECT ${columns}, ${staged.meta.set} FROM ${staged.after} WITH NO DATA`,
  );
  return 'pg_temp.cofre_values';
}

/** Keys of the ranges that are in the table all the same, outside the slice. */
async function findMovedKeys(input: WholeRangeInput, places: Whereabouts): Promise<void> {
  const { table } = input.staged;
  const identity = table.identity?.map((column) => column.name) ?? [];
  if (identity.length === 0 || decidesScope(identity, table)) return;
  const estimate = table.live.facts.rowsEstimate;
  const outside = estimate < 0 ? 0 : Math.max(0, estimate - input.live);
  const isKeyWhole = identity.every((name) => table.layout.key.some((part) => part.name === name));
  if (isKeyWhole && outside <= SCAN_FACTOR * input.rows) await scanOutside(input, places);
  else await lookUpKeys(input, places);
}

async function scanOutside(input: WholeRangeInput, places: Whereabouts): Promise<void> {
  const { search, wholeRanges } = input;
  const { table } = input.staged;
  const keyColumns = table.layout.key.map((part) => ({ name: part.name }));
  const layout: RowLayout = { columns: keyColumns.map(({ name }) => name), key: table.layout.key };
  const sql =
    `COPY (SELECT ${columnListSql(keyColumns, 't')} FROM ${table.live.fromSql} AS t ` +
    `WHERE (${table.live.scopeSql('t')}) IS NOT TRUE ORDER BY ${table.orderSql('t')}) TO STDOUT`;
  await using outside = new RowCursor(layout, copyRows(search.client, sql));
  const wanted = new Set(wholeRanges);
  for await (const { index, range, low, bound } of withBounds(search.repository.ranges(table.stored))) {
    // All keys are read to the last, so that the session can go on to other statements.
    if (low !== null) for await (const _ of outside.takeBelow(low));
    if (!wanted.has(index) || !(await outside.hasRowBelow(bound))) continue;
    const keys = await readKeys(input, range);
    for await (const batch of outside.takeBelow(bound)) {
      const both = countCommonKeys(layout, keys, batch);
      if (both > 0) addPlace(places, null, both);
    }
  }
  for await (const _ of outside.takeBelow(null));
}

async function lookUpKeys({ search, staged, wholeRanges }: WholeRangeInput, places: Whereabouts): Promise<void> {
  const { client, repository } = search;
  const { table, meta } = staged;
  const identity = table.identity ?? [];
  await client.query(
    `DROP TABLE IF EXISTS pg_temp.cofre_keys;
     CREATE TEMPORARY TABLE cofre_keys AS SELECT ${columnListSql(identity)} FROM ${staged.after} WITH NO DATA;
     ALTER TABLE pg_temp.cofre_keys ADD COLUMN ${meta.op} pg_catalog."char" NOT NULL DEFAULT 'i'`,
  );
  const relation = 'pg_temp.cofre_keys';
  const names = identity.map((column) => column.name);
  for await (const { rows } of readRangesAt(repository, table.stored, wholeRanges)) {
    const keys = new DistinctValues(table.layout, names);
    keys.add(rows, rows.ends.length);
    await client.query(`TRUNCATE ${relation}`);
    await copyInto(client, `COPY ${relation} (${columnListSql(identity)}) FROM STDIN`, keys.take());
    await client.query(`ANALYZE ${relation}`);
    await findMoved(client, { staged, relation }, places);
  }
}

/** How many keys are in both, found by bisection: there are few outside for many of a range. */
function countCommonKeys(layout: RowLayout, keys: RowBatch, others: RowBatch): number {
  const place = (batch: RowBatch, line: number) => ({ bytes: batch.bytes, start: batch.ends[line - 1] ?? 0 });
  let common = 0;
  let from = 0;
  for (let line = 0; line < others.ends.length; line++) {
    const other = place(others, line);
    let to = keys.ends.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (compareKeysAt(layout, place(keys, middle), other) < 0) from = middle + 1;
      else to = middle;
    }
    if (from < keys.ends.length && compareKeysAt(layout, place(keys, from), other) === 0) common++;
  }
  return common;
}

async function readKeys({ search, staged }: WholeRangeInput, range: RangeEntry): Promise<RowBatch> {
  return batchOfBlock(await search.repository.readRangeKeys(staged.table.stored, range));
}
