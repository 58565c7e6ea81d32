import { assert } from '@cofre/contracts';
import type { ManifestTable, RangeEntry } from '../format/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import { batchOfBlock } from '../rows/batches.ts';
import type { RowBatch } from '../rows/layout.ts';

/** Ranges that are read and opened while the one before is worked on. */
const READ_AHEAD = 2;

export interface RangeRows {
  readonly index: number;
  readonly range: RangeEntry;
  readonly rows: RowBatch;
}

/** The rows of those ranges of a table that are named by index (rising), one range at a time, reading ahead. */
export async function* readRangesAt(
  repository: Pick<Repository, 'ranges' | 'readRange'>,
  table: ManifestTable,
  indexes: readonly number[],
): AsyncGenerator<RangeRows> {
  const wanted = new Set(indexes);
  const ahead: { index: number; range: RangeEntry; bytes: Promise<Buffer> }[] = [];
  const next = async (): Promise<RangeRows | null> => {
    const head = ahead.shift();
    return head ? { index: head.index, range: head.range, rows: batchOfBlock(await head.bytes) } : null;
  };
  let index = 0;
  let found = 0;
  try {
    for await (const range of repository.ranges(table)) {
      if (wanted.has(index)) {
        const bytes = repository.readRange(range);
        bytes.catch(() => undefined); // Thrown when its turn comes.
        ahead.push({ index, range, bytes });
        found++;
      }
      index++;
      const ready = ahead.length > READ_AHEAD ? await next() : null;
      if (ready) yield ready;
      if (found === wanted.size) break;
    }
    assert(found === wanted.size, 'a plan names only ranges that the backup has');
    for (let ready = await next(); ready; ready = await next()) yield ready;
  } finally {
    await Promise.allSettled(ahead.map((range) => range.bytes));
  }
}
