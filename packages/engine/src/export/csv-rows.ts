import { linesOf } from '../rows/batches.ts';
import { splitLine } from '../rows/copy-text.ts';
import type { RowBatch } from '../rows/layout.ts';
import type { ExportedTable } from './export-files.ts';
import { pickValues } from './exportable-rows.ts';

/**
 * RFC 4180 with a header. NULL is nothing between its commas and an empty text is `""`, as PostgreSQL's own
 * `COPY … (FORMAT csv)` has it, which reads these files.
 */
export async function* csvRows(exported: ExportedTable, batches: AsyncIterable<RowBatch>): AsyncGenerator<Buffer> {
  const { table, places } = exported;
  const names = table.columns.map(({ name }) => name);
  yield Buffer.from(csvLine(pickValues(table, places, names)), 'utf8');
  for await (const batch of batches) {
    const lines: string[] = [];
    for (const line of linesOf(batch)) lines.push(csvLine(pickValues(table, places, splitLine(line))));
    yield Buffer.from(lines.join(''), 'utf8');
  }
}

function csvLine(values: readonly (string | null)[]): string {
  return `${values.map(csvValue).join(',')}\r\n`;
}

/** Besides what must be: blanks at the ends, which some readers trim, and `\.`, which ended the data for older servers. */
const TO_QUOTE = /^$|[",\r\n]|^\s|\s$|^\\\.$/;

function csvValue(value: string | null): string {
  if (value === null) return '';
  return TO_QUOTE.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
