import {
  batchesOfLines,
  compareRows,
  joinLine,
  linesOf,
  type ManifestTable,
  type RowBatch,
  splitLine,
} from '@cofre/engine';

/** A row that two states of a table do not share; lines have the named columns. */
export interface TableDifference {
  readonly columns: readonly string[];
  readonly before: Buffer | null;
  readonly after: Buffer | null;
}

export interface TableRows {
  readonly table: ManifestTable;
  readonly batches: AsyncIterable<RowBatch>;
}

/**
 * Compares two states of a table, row by row in the order of the key. Columns that only one of them has are left out of
 * the comparison. With another key the rows cannot be matched: all of the one went and all of the other came.
 */
export async function* diffTable(streams: {
  readonly left: TableRows;
  readonly right: TableRows;
}): AsyncGenerator<TableDifference, void, void> {
  const { left, right } = streams;
  const rightNames = new Set(right.table.columns.map(({ name }) => name));
  const columns = left.table.columns.map(({ name }) => name).filter((name) => rightNames.has(name));
  if (JSON.stringify(left.table.key) !== JSON.stringify(right.table.key)) {
    yield* allRows(left, 'before');
    yield* allRows(right, 'after');
    return;
  }
  const layout = { columns, key: left.table.key };
  const differences = compareRows(
    layout,
    { left: projected(left, columns), right: projected(right, columns) },
    () => undefined,
  );
  for await (const difference of differences) {
    if (difference.kind === 'left-only') yield { columns, before: difference.left, after: null };
    else if (difference.kind === 'right-only') yield { columns, before: null, after: difference.right };
    else yield { columns, before: difference.left, after: difference.right };
  }
}

async function* allRows({ table, batches }: TableRows, side: 'before' | 'after'): AsyncGenerator<TableDifference> {
  const columns = table.columns.map(({ name }) => name);
  for await (const batch of batches) {
    for (const line of linesOf(batch)) {
      // A copy: the batch's memory is used again for the next.
      const copy = Buffer.from(line);
      yield { columns, before: side === 'before' ? copy : null, after: side === 'after' ? copy : null };
    }
  }
}

/** The same rows with these columns only; the key keeps its place at the front, so the order stays. */
function projected({ table, batches }: TableRows, columns: readonly string[]): AsyncIterable<RowBatch> {
  const places = columns.map((name) => table.columns.findIndex((column) => column.name === name));
  if (places.length === table.columns.length && places.every((place, index) => place === index)) return batches;
  return batchesOfLines(projectedLines(batches, places));
}

async function* projectedLines(batches: AsyncIterable<RowBatch>, places: readonly number[]): AsyncGenerator<Buffer> {
  for await (const batch of batches) {
    for (const line of linesOf(batch)) {
      const values = splitLine(line);
      yield joinLine(places.map((place) => values[place] ?? null));
    }
  }
}
