import type pg from 'pg';
import type { UniqueFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { type RestoreTable, sameRowSql } from './restore-table.ts';
import { setsTouching, type StagedTable } from './stage-operations.ts';

/** Rows that will be written: staged operations, or rows of whole ranges that were copied to `relation`. */
export interface RowsToWrite {
  readonly staged: StagedTable;
  readonly relation: string;
}

/** Everything that must be unique beyond the key itself: there a row in the way is the row itself, elsewhere. */
export function otherUniques(table: RestoreTable): readonly UniqueFacts[] {
  const identity = new Set(table.identity?.map((column) => column.name));
  return table.live.facts.uniques.filter(
    ({ columns, predicate, kind, operators, expressions }) =>
      operators.length === expressions.length &&
      !(
        kind !== 'exclusion' &&
        predicate === null &&
        columns !== null &&
        columns.length === identity.size &&
        columns.every((name) => identity.has(name))
      ),
  );
}

/** How many rows to be written are in the way of each other or of live rows that the plan leaves as they are. */
export async function countUniqueClashes(
  client: pg.ClientBase,
  rows: RowsToWrite,
  unique: UniqueFacts,
): Promise<number> {
  const { staged, relation } = rows;
  const { table, before } = staged;
  const identity = table.identity ?? [];
  const live = indexedSql(
    unique,
    table.live.fromSql,
    identity.map(({ name }) => quoteIdentifier(name)),
  );
  const all = indexedSql(unique, relation, ['ctid AS cofre_row']);
  const written = `${all} AND ${writtenSql(staged, unique)}`;
  const staysAsItIs =
    identity.length === 0 ? 'true' : `NOT EXISTS (SELECT FROM ${before} AS b WHERE ${sameRowSql(identity, 'b', 'l')})`;
  const parts = clashConditions(unique).flatMap((clash) => [
    `SELECT a.cofre_row FROM (${written}) AS a JOIN (${live}) AS l ON ${clash} WHERE ${staysAsItIs}`,
    `SELECT a.cofre_row FROM (${written}) AS a JOIN (${all}) AS l ON ${clash} WHERE a.cofre_row <> l.cofre_row`,
  ]);
  const { rows: found } = await client.query<{ count: string }>(
    `SELECT count(DISTINCT c.cofre_row) AS count FROM (${parts.join(' UNION ALL ')}) AS c`,
  );
  return Number(found[0]?.count ?? 0);
}

/** Numbers of the rows that hold now what another row shall hold; they must give it up first. A query with one column. */
export function heldValuesSql(staged: StagedTable, unique: UniqueFacts): string {
  const { n } = staged.meta;
  const wanted = `${indexedSql(unique, staged.after, [n])} AND ${writtenSql(staged, unique)}`;
  const held = indexedSql(unique, staged.before, [n]);
  return clashConditions(unique)
    .map((clash) => `SELECT l.${n} AS n FROM (${wanted}) AS a JOIN (${held}) AS l ON ${clash} WHERE a.${n} <> l.${n}`)
    .join(' UNION ');
}

/** Rows with the values that the index would hold of them, as cofre_x0, cofre_x1, … */
function indexedSql(unique: UniqueFacts, from: string, others: readonly string[]): string {
  const values = unique.expressions.map((expression, at) => `(${expression}) AS cofre_x${at}`);
  return `SELECT ${[...values, ...others].join(', ')} FROM ${from} AS t WHERE (${unique.predicate ?? 'true'})`;
}

/** Inserts, and updates of what the index rests on. */
function writtenSql(staged: StagedTable, unique: UniqueFacts): string {
  const { set } = staged.meta;
  const columns = plainColumns(staged.table, unique);
  return columns === null ? 'true' : `(${set} IS NULL OR ${set} = ANY (${setsTouching(staged, columns)}))`;
}

/** Columns that alone decide what the index holds of a row; null: expressions, a predicate or generated columns do too. */
function plainColumns(table: RestoreTable, unique: UniqueFacts): ReadonlySet<string> | null {
  if (unique.columns === null || unique.predicate !== null) return null;
  const stored = new Set(table.columns.map((column) => column.name));
  return unique.columns.every((name) => stored.has(name)) ? new Set(unique.columns) : null;
}

/**
 * When two rows clash. NULLs clash only where the index says so; that is asked apart, for a condition with OR cannot use an
 * index or a hash.
 */
function clashConditions(unique: UniqueFacts): string[] {
  const clash = unique.operators.map((operator, at) => `a.cofre_x${at} ${operator} l.cofre_x${at}`);
  if (!unique.nullsNotDistinct) return [clash.join(' AND ')];
  const isNull = unique.operators.map((_, at) => `a.cofre_x${at} IS NULL`);
  const both = clash.map((condition, at) => `(${condition} OR (a.cofre_x${at} IS NULL AND l.cofre_x${at} IS NULL))`);
  return [clash.join(' AND '), `(${isNull.join(' OR ')}) AND ${both.join(' AND ')}`];
}
