import { assert } from '@cofre/contracts';
import type { ManifestTable } from '../format/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import { batchOfBlock } from '../rows/batches.ts';
import type { RowBatch } from '../rows/layout.ts';
import { type BoundedRange, withBounds } from './range-bounds.ts';

/** Ranges that are read and opened while the one before is worked on. */
const READ_AHEAD = 2;

export type RangeRows = BoundedRange & { readonly rows: RowBatch };

/** The rows of those ranges of a table that are named by index (rising), one range at a time, reading ahead. */
export async function* readRangesAt(
  repository: Pick<Repository, 'ranges' | 'readRange'>,
  table: ManifestTable,
  indexes: readonly number[],
): AsyncGenerator<RangeRows> {
  const wanted = new Set(indexes);
  const ahead: { place: BoundedRange; bytes: Promise<Buffer> }[] = [];
  const next = async (): Promise<RangeRows | null> => {
    const head = ahead.shift();
    return head ? { ...head.place, rows: batchOfBlock(await head.bytes) } : null;
  };
  let found = 0;
  try {
    for await (const place of withBounds(repository.ranges(table))) {
      if (found === wanted.size) break;
      if (!wanted.has(place.index)) continue;
      const bytes = repository.readRange(table, place.range);
      bytes.catch(() => undefined); // Thrown when its turn comes.
      ahead.push({ place, bytes });
      found++;
      const ready = ahead.length > READ_AHEAD ? await next() : null;
      if (ready) yield ready;
    }
    assert(found === wanted.size, 'a plan names only ranges that the backup has');
    for (let ready = await next(); ready; ready = await next()) yield ready;
  } finally {
    await Promise.allSettled(ahead.map(({ bytes }) => bytes));
  }
}
