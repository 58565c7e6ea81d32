import { readRangesAt, type Repository } from '@cofre/engine';
import type pg from 'pg';
import type { ForeignKeyFacts } from '../introspect/table-facts.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { copyInto } from './copy-into.ts';
import type { RowsToWrite } from './find-unique-clashes.ts';
import { type Relations, isPlainForeignKey, pointsAtSql, pointsSomewhereSql } from './relations.ts';
import { columnListSql, type Conflict, sameRowSql } from './restore-table.ts';
import { createLike, setsTouching, type StagedTable } from './stage-operations.ts';

export interface ParentSearch {
  readonly client: pg.ClientBase;
  readonly repository: Repository;
  readonly relations: Relations;
  /** Every table of the plan, by oid; `wholeRanges` of it are inserted. */
  readonly written: ReadonlyMap<number, { readonly staged: StagedTable; readonly wholeRanges: readonly number[] }>;
  /** Tables, as messages name them, whose rows come back by themselves before anything is written. */
  readonly broughtBack?: ReadonlySet<string> | undefined;
}

/** One foreign key of a written table, and the parents that were not found so far, in a temporary table. */
export interface MissingParents {
  readonly key: ForeignKeyFacts;
  readonly relation: string;
}

/** The foreign keys of a table that must be asked: those that cannot be broken by writing rows of the backup are not. */
export function keysToCheck(staged: StagedTable, search: ParentSearch): readonly ForeignKeyFacts[] {
  const { live, layout } = staged.table;
  return live.facts.foreignKeys.filter((key) => {
    if (search.broughtBack?.has(printTable(key.to)) === true) return false;
    if (!isPlainForeignKey(key) || !key.from.columns.every((name) => layout.columns.includes(name))) return false;
    if (live.scope.kind !== 'parent' || !search.written.has(key.to.oid)) return true;
    // Each row of the backup belongs to a row of its scope's parent, and that is in the backup and restored too.
    const { parentOid, columns } = live.scope;
    const isScope =
      key.to.oid === parentOid &&
      key.from.columns.every((own, at) =>
        columns.some((pair) => pair.own === own && pair.parent === key.to.columns[at]),
      );
    return !isScope;
  });
}

export async function openMissingParents(
  search: ParentSearch,
  staged: StagedTable,
  key: ForeignKeyFacts,
): Promise<MissingParents> {
  const relation = `pg_temp.cofre_missing_${key.oid}_${staged.table.index}`;
  const columns = key.from.columns.map(quoteIdentifier).join(', ');
  await search.client.query(
    `DROP TABLE IF EXISTS ${relation};
     CREATE TEMPORARY TABLE ${relation.slice('pg_temp.'.length)} AS SELECT ${columns} FROM ${staged.after} WITH NO DATA`,
  );
  return { key, relation };
}

/** Adds the parents that rows to be written point at and that neither live nor are written by the plan. */
export async function searchParents(search: ParentSearch, missing: MissingParents, rows: RowsToWrite): Promise<void> {
  const { key } = missing;
  const { staged } = rows;
  const parent = search.relations.get(key.to.oid);
  if (parent === undefined) return;
  const { set } = staged.meta;
  const columns = key.from.columns.map(quoteIdentifier).join(', ');
  const wanted =
    `SELECT DISTINCT ${columns} FROM ${rows.relation} AS a WHERE ${pointsSomewhereSql(key, 'a')} ` +
    `AND (a.${set} IS NULL OR a.${set} = ANY (${setsTouching(staged, new Set(key.from.columns))}))`;
  const written = search.written.get(key.to.oid)?.staged;
  const alive = written === undefined ? 'true' : `NOT ${givenUpSql(written, new Set(key.to.columns), 'p')}`;
  const lives = `EXISTS (SELECT FROM ${parent.fromSql} AS p WHERE ${pointsAt(search, key, 'p')} AND ${alive})`;
  const comes =
    written === undefined ? 'false' : `EXISTS (SELECT FROM ${written.after} AS p WHERE ${pointsAt(search, key, 'p')})`;
  await search.client.query(
    `INSERT INTO ${missing.relation} SELECT * FROM (${wanted}) AS c WHERE NOT ${lives} AND NOT ${comes}`,
  );
}

function pointsAt(search: ParentSearch, key: ForeignKeyFacts, parent: string): string {
  return pointsAtSql(key, search.relations, { parent, child: 'c' });
}

/** A live row (alias) that the plan deletes, or of which it changes one of these columns. */
function givenUpSql(written: StagedTable, columns: ReadonlySet<string>, alias: string): string {
  const { identity } = written.table;
  if (identity === null) return 'false';
  const { op, set } = written.meta;
  const changes = `b.${op} = 'd' OR b.${set} = ANY (${setsTouching(written, columns)})`;
  return `EXISTS (SELECT FROM ${written.before} AS b WHERE ${sameRowSql(identity, 'b', alias)} AND (${changes}))`;
}

/** Takes out the parents that whole ranges will bring, and says what is left. */
export async function judgeMissing(search: ParentSearch, missing: MissingParents): Promise<Conflict | null> {
  const { key, relation } = missing;
  let count = await countRows(search.client, relation);
  const written = search.written.get(key.to.oid);
  if (count > 0 && written !== undefined && written.wholeRanges.length > 0) {
    await removeFound(search, missing, written);
    count = await countRows(search.client, relation);
  }
  if (count === 0) return null;
  const columns = key.from.columns.join(', ');
  const detail = `${count === 1 ? 'a row' : `${count} rows`} of ${printTable(key.to)} that ${columns} points at no longer exist${count === 1 ? 's' : ''}`;
  return { kind: 'parent-missing', count, detail };
}

async function removeFound(
  search: ParentSearch,
  missing: MissingParents,
  written: { readonly staged: StagedTable; readonly wholeRanges: readonly number[] },
): Promise<void> {
  const { client, repository } = search;
  const { table } = written.staged;
  const relation = await createLike(client, table, { name: 'cofre_parents', checks: false });
  for await (const { rows } of readRangesAt(repository, table.stored, written.wholeRanges)) {
    await client.query(`TRUNCATE ${relation}`);
    await copyInto(client, `COPY ${relation} (${columnListSql(table.columns)}) FROM STDIN`, [rows.bytes]);
    await client.query(
      `DELETE FROM ${missing.relation} AS c USING ${relation} AS p WHERE ${pointsAt(search, missing.key, 'p')}`,
    );
    if ((await countRows(client, missing.relation)) === 0) return;
  }
}

export async function countRows(client: pg.ClientBase, relation: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) AS count FROM ${relation}`);
  return Number(rows[0]?.count ?? 0);
}
