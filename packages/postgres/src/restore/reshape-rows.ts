import { batchesOfLines, columnEnd, compareKeys, linesOf, type RowBatch } from '@cofre/engine';
import pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import { sqlStateOf } from '../session/errors.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { copyInto } from './copy-into.ts';
import { columnListSql, freeColumn, type RestoreTable } from './restore-table.ts';

/** Rows of a backup as they read today: without columns that are gone, and in the types of the live table. */
export function reshapeRows(
  client: pg.ClientBase,
  table: RestoreTable,
  stored: AsyncIterable<RowBatch>,
): AsyncIterable<RowBatch> {
  const { keep, cast } = table.shape;
  const kept = keep === null ? stored : batchesOfLines(keepColumns(stored, keep));
  return cast ? castRows(client, table, kept) : kept;
}

const TAB = 0x09;
const NEWLINE = 0x0a;

async function* keepColumns(batches: AsyncIterable<RowBatch>, keep: readonly number[]): AsyncGenerator<Buffer> {
  for await (const batch of batches) for (const line of linesOf(batch)) yield keepOf(line, keep);
}

function keepOf(line: Buffer, keep: readonly number[]): Buffer {
  const columns: Buffer[] = [];
  for (let start = 0; start < line.length; ) {
    const end = columnEnd(line, start);
    columns.push(line.subarray(start, end));
    start = end + 1;
  }
  const kept = keep.flatMap((at, place) => [
    columns[at] ?? Buffer.alloc(0),
    Buffer.of(place < keep.length - 1 ? TAB : NEWLINE),
  ]);
  return Buffer.concat(kept);
}

/** A value of the backup does not fit the column of today. The message names the column, never the value. */
export class ValueDoesNotFit extends Error {}

const CAST_TABLE = 'pg_temp.cofre_cast';

/** The server reads each batch in the types of today and writes it again: what comes back is what a table would hold. */
async function* castRows(
  client: pg.ClientBase,
  table: RestoreTable,
  batches: AsyncIterable<RowBatch>,
): AsyncGenerator<RowBatch> {
  const columns = columnListSql(table.columns);
  const types = table.columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`);
  // An identity column counts the lines, so that they come back in their order.
  const order = freeColumn('cofre_line', table.columns);
  await client.query(`DROP TABLE IF EXISTS ${CAST_TABLE}`);
  await client.query(
    `CREATE TEMPORARY TABLE cofre_cast (${types.join(', ')}, ${order} pg_catalog.int8 GENERATED ALWAYS AS IDENTITY)`,
  );
  let last: Buffer | null = null;
  for await (const batch of batches) {
    await client.query(`TRUNCATE ${CAST_TABLE} RESTART IDENTITY`);
    await copyInto(client, `COPY ${CAST_TABLE} (${columns}) FROM STDIN`, [batch.bytes]).catch((error: unknown) => {
      throw isUnfit(error) ? unfit(table, error) : error;
    });
    for await (const cast of copyRows(
      client,
      `COPY (SELECT ${columns} FROM ${CAST_TABLE} ORDER BY ${order}) TO STDOUT`,
    )) {
      last = checkOrder(table, last, cast);
      yield cast;
    }
  }
}

/** A cast may bring keys together or out of their order (`char` to `text` drops blanks): then rows cannot be told apart. */
function checkOrder(table: RestoreTable, last: Buffer | null, batch: RowBatch): Buffer | null {
  let previous = last;
  for (const line of linesOf(batch)) {
    if (previous !== null && compareKeys(table.layout, previous, line) >= 0)
      throw new ValueDoesNotFit('in the types of today, keys of the backup are equal or in another order');
    previous = line;
  }
  // A copy: the bytes of a batch are used again for the next.
  return previous === null ? null : Buffer.from(previous);
}

/** Data exceptions, and checks of domains. */
function isUnfit(error: unknown): boolean {
  const state = sqlStateOf(error) ?? '';
  return state.startsWith('22') || state.startsWith('23');
}

/** Says which column it was, from what `COPY` says of the place; its message would repeat the value. */
function unfit(table: RestoreTable, error: unknown): ValueDoesNotFit {
  const where = error instanceof pg.DatabaseError ? (error.where ?? '') : '';
  const name = /, column ([^:]+)/.exec(where)?.[1];
  const column = table.columns.find((candidate) => candidate.name === name);
  const told = column === undefined ? 'a column' : `${quoteIdentifier(column.name)} (${column.type})`;
  return new ValueDoesNotFit(`a value of the backup does not fit ${told}`, { cause: error });
}
