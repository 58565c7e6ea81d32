import { assert, CofreError } from '@cofre/contracts';
import { compareRows, readRangesAt, type RowBatch, withBounds } from '@cofre/engine';
import type pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { KeySpans } from './key-bounds.ts';
import { liveRowsSql } from './live-rows.ts';
import { firstStillMissing } from './multiset.ts';
import { matchNumbered, numberedLines } from './numbered-lines.ts';
import { columnListSql, type RestoreTable, sameRowSql } from './restore-table.ts';
import { RowCursor } from './row-cursor.ts';
import { afterOf, type StagedTable, type StageInput } from './stage-operations.ts';

export type VerifyInput = StageInput & { readonly client: pg.ClientBase; readonly staged: StagedTable };

/**
 * Reads every written key again, within the transaction, and compares it with what was promised, byte for byte (I7). Columns
 * that are new since the backup are not compared. Anything else is `restore/verification-failed`.
 */
export async function verifyWritten(input: VerifyInput): Promise<void> {
  const { table, staged, plan, isUndo } = input;
  if (table.identity === null) {
    if (staged.counts.inserts > 0 && (await firstStillMissing(input)) !== null) throw failed(table, 'a row is missing');
    return;
  }
  if (staged.counts.inserts + staged.counts.updates > 0) await verifyStaged(input);
  if (staged.counts.deletes > 0) await verifyDeleted(input);
  if (!isUndo && plan.wholeRanges.length > 0) await verifyWholeRanges(input);
}

/** Where the rows are this part of the table or more, its index is walked from end to end. */
const INDEX_SHARE = 4;

async function verifyStaged(input: VerifyInput): Promise<void> {
  const { client, table, staged } = input;
  const { live, identity } = table;
  assert(identity !== null, 'only rows that can be told apart are read one by one');
  const { n } = staged.meta;
  const sql =
    `COPY (SELECT a.${n}, ${columnListSql(table.columns, 't')} FROM ${staged.after} AS a JOIN ${live.fromSql} AS t ` +
    `ON ${sameRowSql(identity, 'a', 't')} WHERE ${live.scopeSql('t')} ORDER BY a.${n}) TO STDOUT`;
  const outcome = await matchNumbered(copyRows(client, sql), numberedLines(input, afterOf));
  if (outcome === 'different') throw failed(table, 'a row is missing, or reads otherwise than it was written');
  if (outcome === 'missing') throw failed(table, 'a row is missing, or belongs to another slice');
}

async function verifyDeleted({ client, table, staged }: VerifyInput): Promise<void> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${staged.before} AS b JOIN ${table.live.fromSql} AS t
         ON ${sameRowSql(table.identity ?? [], 'b', 't')} WHERE b.${staged.meta.op} = 'd'`,
  );
  if (Number(rows[0]?.count ?? 0) > 0) throw failed(table, 'a row that was deleted is still there');
}

/** One ordered scan beside the backup's own rows. Live rows that others made meanwhile are not ours to judge. */
async function verifyWholeRanges(input: VerifyInput): Promise<void> {
  const { client, table, plan, repository } = input;
  const spans = await spansOf(input);
  // The planner still believes that the slice is as small as it was; sorting it would cost more than reading it.
  if (spans.rows * INDEX_SHARE >= table.live.facts.rowsEstimate) await client.query('SET LOCAL enable_sort = off');
  await using live = new RowCursor(table.layout, copyRows(client, liveRowsSql(table, spans.conditionSql(table))));
  let verified = 0;
  const onEqual = (rows: number) => {
    verified += rows;
  };
  for await (const { rows, low, bound } of readRangesAt(repository, table.stored, plan.wholeRanges)) {
    if (low !== null) await skip(live.takeBelow(low));
    const streams = { left: once(rows), right: live.takeBelow(bound) };
    for await (const difference of compareRows(table.layout, streams, onEqual)) {
      if (difference.kind === 'left-only') throw failed(table, 'a row is missing, or belongs to another slice');
      if (difference.kind === 'changed') throw failed(table, 'a row reads otherwise than it was written');
    }
  }
  await skip(live.takeBelow(null));
  await client.query('SET LOCAL enable_sort TO DEFAULT');
  assert(verified === spans.rows, 'every row of a whole range was compared');
}

async function spansOf({ repository, table, plan }: VerifyInput): Promise<KeySpans> {
  const wanted = new Set(plan.wholeRanges);
  const spans = new KeySpans();
  for await (const range of withBounds(repository.ranges(table.stored))) if (wanted.has(range.index)) spans.add(range);
  return spans;
}

async function* once(batch: RowBatch): AsyncGenerator<RowBatch> {
  yield batch;
}

async function skip(batches: AsyncIterable<RowBatch>): Promise<void> {
  for await (const batch of batches) assert(batch.ends.length > 0, 'a batch has rows');
}

/** Names what may have changed the row: triggers and rules of the table that could fire. */
function failed(table: RestoreTable, what: string): CofreError {
  const { triggers, rules } = table.live.facts;
  const suspects = [
    ...triggers.filter(({ enabled }) => enabled !== 'disabled').map(({ name }) => `trigger ${quoteIdentifier(name)}`),
    ...rules.map(({ name }) => `rule ${quoteIdentifier(name)}`),
  ];
  const told = suspects.length === 0 ? '' : ` Candidates: ${suspects.join(', ')}.`;
  return new CofreError(
    'restore/verification-failed',
    `${printTable(table.live.facts)}: ${what}. Everything was rolled back.${told}`,
    { params: { table: table.name, suspects } },
  );
}
