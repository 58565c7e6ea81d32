import { compareKeys, compareRows, type PlanOperation, readPlanOperations } from '@cofre/engine';
import type pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { liveRowsSql } from './live-rows.ts';
import type { RestoreTable } from './restore-table.ts';
import type { StagedTable, StageInput } from './stage-operations.ts';
import { stale } from './stale.ts';

/**
 * Tables with no key. Equal rows cannot be told apart, so what is promised is how many there are of each, and rows to be
 * deleted are named by where they lie: they are locked, so they stay there.
 */
export type MultisetInput = StageInput & { readonly client: pg.ClientBase; readonly staged: StagedTable };

/** Rows to be put back must still be missing, each as often as the plan saw; rows to be deleted must be there. */
export async function lockMultiset(input: MultisetInput): Promise<void> {
  if (input.staged.counts.inserts > 0) await expectStillMissing(input);
  if (input.staged.counts.deletes > 0) await lockPlaces(input);
}

async function expectStillMissing(input: MultisetInput): Promise<void> {
  const { table } = input;
  const expected = readPlanOperations(input.repository, input.plan);
  for await (const line of missingLines(input)) {
    const { value } = await expected.next();
    if (value?.op !== 'insert' || !value.after.equals(line)) throw changed(table);
  }
  if ((await expected.next()).done !== true) throw changed(table);
}

function changed(table: RestoreTable) {
  return stale(table.name, 'rows are there more or less often than the plan saw');
}

/** Rows of the backup that the slice has not, or has less often; in order, as often as they are missing. */
async function* missingLines({ client, table, repository }: MultisetInput): AsyncGenerator<Buffer> {
  const streams = { left: repository.readRows(table.stored), right: copyRows(client, liveRowsSql(table)) };
  for await (const difference of compareRows(table.layout, streams, () => undefined))
    if (difference.kind === 'left-only') yield difference.left;
}

/** The first row that the plan put back and that is missing all the same, or null. Run after writing. */
export async function firstStillMissing(input: MultisetInput): Promise<Buffer | null> {
  const promised = readPlanOperations(input.repository, input.plan);
  let next = await promised.next();
  let found: Buffer | null = null;
  for await (const line of missingLines(input)) {
    while (next.done !== true && compareKeys(input.table.layout, lineOf(next.value), line) < 0)
      next = await promised.next();
    // Read to the last, for the session is needed again.
    if (next.done !== true && lineOf(next.value).equals(line)) found ??= line;
  }
  return found;
}

function lineOf(operation: PlanOperation): Buffer {
  return operation.op === 'insert' ? operation.after : operation.before;
}

const places = (table: RestoreTable) => `pg_temp.cofre_places_${table.index}`;

async function lockPlaces({ client, table, staged }: MultisetInput): Promise<void> {
  const { live } = table;
  await client.query(
    `DROP TABLE IF EXISTS ${places(table)};
     CREATE TEMPORARY TABLE cofre_places_${table.index} (relation pg_catalog.oid, place pg_catalog.tid)`,
  );
  await client.query(
    `INSERT INTO ${places(table)}
     SELECT l.relation, l.place
       FROM (SELECT t.tableoid AS relation, t.ctid AS place, ${wholeRowSql(table, 't')} AS whole,
                    row_number() OVER (PARTITION BY ${wholeRowSql(table, 't')} ORDER BY t.tableoid, t.ctid) AS copy
               FROM ${live.fromSql} AS t WHERE ${live.scopeSql('t')}) AS l
       JOIN (SELECT ${wholeRowSql(table, 'b')} AS whole, count(*) AS copies FROM ${staged.before} AS b GROUP BY 1) AS w
         ON w.whole OPERATOR(pg_catalog.=) l.whole AND l.copy <= w.copies`,
  );
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM (
       SELECT FROM ${live.fromSql} AS t JOIN ${places(table)} AS p ON t.tableoid = p.relation AND t.ctid = p.place
       FOR UPDATE OF t) AS locked`,
  );
  if (Number(rows[0]?.count ?? 0) !== staged.counts.deletes) throw changed(table);
}

/** All columns as COPY writes them, in one value that can be compared: types that know no equality are compared too. */
function wholeRowSql(table: RestoreTable, alias: string): string {
  const texts = table.columns.map(({ name }) => {
    const value = `${alias}.${quoteIdentifier(name)}`;
    return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN pg_catalog.concat(${value}) END`;
  });
  return `ARRAY[${texts.join(', ')}]::pg_catalog.text[]`;
}

export async function deletePlaces(client: pg.ClientBase, table: RestoreTable): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM ${table.live.fromSql} AS t USING ${places(table)} AS p WHERE t.tableoid = p.relation AND t.ctid = p.place`,
  );
  return rowCount ?? 0;
}
