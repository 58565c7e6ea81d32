import type { ManifestTable } from '../format/manifest.ts';
import { damaged } from '../format/seal.ts';
import type { RowBatch } from '../rows/layout.ts';
import { printTable } from '../sql/quote.ts';
import type { RowSource } from './export-files.ts';

const BACKSLASH = 0x5c;
const CARRIAGE_RETURN = 0x0d;

/** What PostgreSQL writes behind a backslash: `\b \f \n \r \t \v \\ \N`. */
const ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('bfnrtv\\N', 'latin1'));

/**
 * The rows of a table, as many as the manifest says, in COPY text as PostgreSQL itself writes it. Whoever can write to a
 * repository that is not encrypted can write blocks: a line `\.` among the rows would end them for psql, which would carry
 * out what follows.
 */
export async function* checkedBatches(source: RowSource, table: ManifestTable): AsyncGenerator<RowBatch> {
  const object = `the rows of ${printTable(table)}`;
  let rows = 0;
  for await (const batch of source.readRows(table)) {
    if (!isCopyText(batch)) throw damaged(object, 'they are not written as PostgreSQL writes them');
    rows += batch.ends.length;
    yield batch;
  }
  if (rows !== table.rows) throw damaged(object, `there are ${rows} instead of ${table.rows}`);
}

function isCopyText({ bytes, ends }: RowBatch): boolean {
  if ((ends.at(-1) ?? 0) !== bytes.length || bytes.includes(CARRIAGE_RETURN) || bytes.includes(0)) return false;
  for (let at = bytes.indexOf(BACKSLASH); at !== -1; at = bytes.indexOf(BACKSLASH, at + 2))
    if (!ESCAPES.has(bytes[at + 1])) return false;
  return true;
}

/** The values of one line at these places; a line with other than the table's columns is damage. */
export function pickValues<Value>(table: ManifestTable, places: readonly number[], values: readonly Value[]): Value[] {
  if (values.length !== table.columns.length)
    throw damaged(`the rows of ${printTable(table)}`, `one has ${values.length} columns`);
  return places.flatMap((place) => values.slice(place, place + 1));
}
