import type { RowBatch } from '@cofre/engine';
import type pg from 'pg';
import type { SliceTable } from '../definition/slice.ts';
import { translatePgError } from '../session/errors.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { copyRows } from './copy-rows.ts';

/**
 * The rows of a table that belong to the slice, as lines of COPY text in the layout's order, within the client's
 * transaction and snapshot. The session must be pinned (`pinSession`). A consumer that stops early ends the connection.
 * `sql`: another COPY that reads the table.
 */
export async function* readSliceTable(
  client: pg.ClientBase,
  table: SliceTable,
  options: { readonly signal?: AbortSignal | undefined; readonly sql?: string | undefined } = {},
): AsyncGenerator<RowBatch, void, void> {
  try {
    yield* copyRows(client, options.sql ?? sliceTableSql(table));
  } catch (error) {
    const name = printTable(table.facts);
    throw translatePgError(error, {
      doing: `reading ${name}`,
      table: name,
      signal: options.signal,
      outcome: 'Nothing was changed.',
    });
  }
}

export function sliceTableSql(table: SliceTable): string {
  const alias = 't';
  const columns = table.columns.map((column) => `${alias}.${quoteIdentifier(column.name)}`).join(', ');
  const order = table.orderSql(alias);
  return (
    `COPY (SELECT ${columns} FROM ${table.fromSql} AS ${alias} WHERE ${table.scopeSql(alias)}` +
    `${order === '' ? '' : ` ORDER BY ${order}`}) TO STDOUT`
  );
}
