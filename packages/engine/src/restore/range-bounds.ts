import type { RangeEntry } from '../format/manifest.ts';

export interface BoundedRange {
  readonly index: number;
  readonly range: RangeEntry;
  /** The first key that is not below the range; null: there is no lower bound. */
  readonly low: Buffer | null;
  /** The first key that no longer belongs to the range: where the next one begins. */
  readonly bound: Buffer | null;
}

/** Each range with the keys between which it lies, its place in the list beside it. */
export async function* withBounds(ranges: AsyncIterable<RangeEntry>): AsyncGenerator<BoundedRange> {
  let previous: Omit<BoundedRange, 'bound'> | null = null;
  let index = 0;
  for await (const range of ranges) {
    const low = range.low === null ? null : Buffer.from(range.low, 'utf8');
    if (previous !== null) yield { ...previous, bound: low };
    previous = { index: index++, range, low };
  }
  if (previous !== null) yield { ...previous, bound: null };
}
