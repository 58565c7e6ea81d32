import { linesOf } from '../rows/batches.ts';
import { columnEnd } from '../rows/keys.ts';
import type { RowBatch } from '../rows/layout.ts';
import { quoteIdentifier, quoteTable } from '../sql/quote.ts';
import type { ExportedTable, ExportOutline, RowSource } from './export-files.ts';
import { checkedBatches, pickValues } from './exportable-rows.ts';
import { byReference } from './reference-order.ts';
import { describeSql } from './sql-head.ts';
import { SqlStructure } from './sql-structure.ts';

/** How the rows are written, whatever the role or the database that loads them is set to; for this transaction alone. */
const SETTINGS = `SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL TimeZone = 'UTC';
SET LOCAL lc_monetary = 'C';
SET LOCAL xmloption = 'content';
SET LOCAL array_nulls = on;
SET LOCAL standard_conforming_strings = on;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = '';
`;

/**
 * One file that psql loads, in one transaction. Every name is quoted, rows are checked to be COPY text, and nothing that a
 * manifest says is run as it stands: neither server nor psql does anything that is not written here.
 */
export async function* sqlExport(source: RowSource, outline: ExportOutline): AsyncGenerator<Buffer> {
  const tables = byReference(outline.tables);
  const structure = new SqlStructure(tables);
  const isWhole = outline.options.content === 'structure-and-rows';
  // Before any name: psql reads the bytes of the file in the encoding that the session has.
  yield text("-- Made by Cofre.\nSET client_encoding = 'UTF8';\n");
  yield text(describeSql(outline, isWhole ? structure.leftOut() : []));
  yield text(`\nBEGIN;\n${SETTINGS}`);
  if (isWhole) yield* lines(structure.before());
  for (const exported of tables) yield* copyOf(source, exported);
  if (isWhole) yield* lines(structure.after());
  yield* lines(structure.sequences());
  yield text('\nCOMMIT;\n');
}

async function* copyOf(source: RowSource, exported: ExportedTable): AsyncGenerator<Buffer> {
  const { table, places } = exported;
  // A table of which no column is left holds nothing that COPY could say.
  if (places.length === 0) return;
  const columns = pickValues(table, places, table.columns).map(({ name }) => quoteIdentifier(name));
  yield text(`\nCOPY ${quoteTable(table)} (${columns.join(', ')}) FROM stdin;\n`);
  for await (const batch of checkedBatches(source, table)) yield copyText(exported, batch);
  yield text('\\.\n');
}

/** A copy: the batch's memory may be used again before these bytes are written. */
function copyText({ table, places }: ExportedTable, batch: RowBatch): Buffer {
  if (places.length === table.columns.length) return Buffer.from(batch.bytes);
  const parts: Buffer[] = [];
  for (const line of linesOf(batch)) {
    const kept = pickValues(table, places, columnsOf(line));
    for (const [index, column] of kept.entries()) parts.push(column, index === kept.length - 1 ? NEWLINE : TAB);
  }
  return Buffer.concat(parts);
}

const TAB = Buffer.from('\t');
const NEWLINE = Buffer.from('\n');

/** The columns of a line as they stand, escapes and all. */
function columnsOf(line: Buffer): Buffer[] {
  const columns: Buffer[] = [];
  for (let start = 0; start < line.length; ) {
    const end = columnEnd(line, start);
    columns.push(line.subarray(start, end));
    start = end + 1;
  }
  return columns;
}

function* lines(statements: Iterable<string>): Generator<Buffer> {
  for (const statement of statements) yield text(`${statement}\n`);
}

function text(sql: string): Buffer {
  return Buffer.from(sql, 'utf8');
}
