import { assert } from '@cofre/contracts';
import type pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import { columnListSql, sameRowSql } from './restore-table.ts';
import { matchNumbered, numberedLines } from './numbered-lines.ts';
import { beforeOf, setsTouching, type StagedTable, type StageInput } from './stage-operations.ts';
import { stale } from './stale.ts';

export type LockInput = StageInput & { readonly client: pg.ClientBase; readonly staged: StagedTable };

/**
 * Locks every row that will be updated or deleted, in the plan's order, and compares it with what the plan saw, as text,
 * byte for byte; keys that will be inserted must be absent. What differs makes the plan stale (I6).
 */
export async function lockAndCompare(input: LockInput): Promise<void> {
  const { client, table, staged } = input;
  if (table.identity === null) return;
  if (staged.counts.deletes > 0) await lockRows(input, 'd', 'FOR UPDATE');
  if (staged.counts.updates > 0) await lockRows(input, 'u', updateLock(staged));
  if (staged.counts.inserts === 0) return;
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${staged.after} AS a JOIN ${table.live.fromSql} AS t
         ON ${sameRowSql(table.identity, 'a', 't')} WHERE a.${staged.meta.op} = 'i'`,
  );
  if (Number(rows[0]?.count ?? 0) > 0) throw stale(table.name, 'rows that were missing are there again');
}

/** Where no column changes that others point at, rows of others may go on pointing here while we work. */
function updateLock(staged: StagedTable): string {
  const pointedAt = new Set(staged.table.live.facts.referencedBy.flatMap(({ to }) => to.columns));
  return setsTouching(staged, pointedAt).startsWith('ARRAY[]') ? 'FOR NO KEY UPDATE' : 'FOR UPDATE';
}

async function lockRows(input: LockInput, op: 'u' | 'd', lock: string): Promise<void> {
  const { client, table, staged } = input;
  const { live, identity } = table;
  assert(identity !== null, 'only rows that can be told apart are locked one by one');
  const { n } = staged.meta;
  const sql =
    `COPY (SELECT b.${n}, ${columnListSql(table.columns, 't')} FROM ${staged.before} AS b JOIN ${live.fromSql} AS t ` +
    `ON ${sameRowSql(identity, 'b', 't')} WHERE b.${staged.meta.op} = '${op}' AND ${live.scopeSql('t')} ` +
    `ORDER BY b.${n} ${lock} OF t) TO STDOUT`;
  const expected = numberedLines(input, (operation) => (operation.op.startsWith(op) ? beforeOf(operation) : null));
  const outcome = await matchNumbered(copyRows(client, sql), expected);
  if (outcome !== 'same') throw stale(table.name, 'a row is not as the plan saw it, or no longer there');
}
