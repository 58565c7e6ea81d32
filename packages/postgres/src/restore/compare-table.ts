import {
  batchOfBlock,
  compareRows,
  type PlanPageWriter,
  type Repository,
  type RowBatch,
  type RowDifference,
  type RowLayout,
  type WrittenPages,
  withBounds,
} from '@cofre/engine';
import { isUnchangedShape, type RestoreTable } from './restore-table.ts';
import { RowCursor } from './row-cursor.ts';

export interface Comparison extends WrittenPages {
  readonly unchanged: number;
  readonly kept: number;
  readonly wholeRanges: readonly number[];
}

export interface CompareInput {
  readonly repository: Pick<Repository, 'ranges' | 'readRange' | 'readRows'>;
  readonly table: RestoreTable;
  /** The slice's live rows, in the table's layout and order. */
  readonly live: AsyncIterable<RowBatch>;
  /** The backup's rows as rows of the plan; asked for only where its blocks cannot be used as they lie. */
  readonly reshaped: () => AsyncIterable<RowBatch>;
  readonly writer: PlanPageWriter;
}

/**
 * What `merge` would do to a table: rows of the backup that are missing are inserted, those that differ are updated, all
 * others stay. Where a whole range of the backup is missing, its rows are not even read: the plan names the range.
 */
export async function compareTable(input: CompareInput): Promise<Comparison> {
  const tally = new Tally(input.writer);
  const { table } = input;
  if (table.identity === null || !isUnchangedShape(table)) {
    const stored = isUnchangedShape(table) ? input.repository.readRows(table.stored) : input.reshaped();
    await tally.take(table.layout, { left: stored, right: input.live });
  } else {
    await compareRanges(input, tally);
  }
  return tally.finish();
}

async function compareRanges({ repository, table, live }: CompareInput, tally: Tally): Promise<void> {
  await using cursor = new RowCursor(table.layout, live);
  for await (const { index, range, bound } of withBounds(repository.ranges(table.stored))) {
    if (await cursor.hasRowBelow(bound)) {
      const left = batchOf(repository.readRange(table.stored, range));
      await tally.take(table.layout, { left, right: cursor.takeBelow(bound) });
    } else if (range.rows > 0) {
      tally.takeWholeRange(index, range.rows);
    }
  }
  // A backup with no rows has no ranges either: everything that is live was made later.
  await tally.take(table.layout, { left: noRows(), right: cursor.takeBelow(null) });
}

async function* noRows(): AsyncGenerator<RowBatch> {}

async function* batchOf(block: Promise<Buffer>): AsyncGenerator<RowBatch> {
  yield batchOfBlock(await block);
}

/** Writes down what differs and counts the rest. */
class Tally {
  readonly #writer: PlanPageWriter;
  readonly #wholeRanges: number[] = [];
  #wholeRows = 0;
  #unchanged = 0;
  #kept = 0;

  constructor(writer: PlanPageWriter) {
    this.#writer = writer;
  }

  async take(
    layout: RowLayout,
    streams: { readonly left: AsyncIterable<RowBatch>; readonly right: AsyncIterable<RowBatch> },
  ): Promise<void> {
    const onEqual = (rows: number) => {
      this.#unchanged += rows;
    };
    for await (const difference of compareRows(layout, streams, onEqual))
      if (this.#takeDifference(difference)) await this.#writer.closePage();
  }

  takeWholeRange(index: number, rows: number): void {
    this.#wholeRanges.push(index);
    this.#wholeRows += rows;
  }

  async finish(): Promise<Comparison> {
    const written = await this.#writer.finish();
    return {
      ...written,
      inserts: written.inserts + this.#wholeRows,
      unchanged: this.#unchanged,
      kept: this.#kept,
      wholeRanges: this.#wholeRanges,
    };
  }

  /** True where a page of the plan is full. */
  #takeDifference(difference: RowDifference): boolean {
    switch (difference.kind) {
      case 'left-only':
        return this.#writer.add({ op: 'insert', after: difference.left });
      case 'changed':
        return this.#writer.add({ op: 'update', before: difference.right, after: difference.left });
      case 'right-only':
        this.#kept++;
        return false;
    }
  }
}
