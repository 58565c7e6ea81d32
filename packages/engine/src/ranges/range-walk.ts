import { compareKeysAt, type KeyPlace } from '../rows/keys.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';

/** Rows in the order of the key, dealt out to the ranges that they belong to: ask for the ranges in rising order. */
export class RangeWalk {
  readonly #layout: RowLayout;
  /** Where range `i` ends and range `i + 1` begins. */
  readonly #bounds: readonly KeyPlace[];
  readonly #batches: AsyncIterator<RowBatch>;
  #batch: RowBatch = { bytes: Buffer.alloc(0), ends: [] };
  #line = 0;
  #range = 0;

  /** `lows`: the lower bounds of all ranges but the first, as COPY text with no newline. */
  constructor(layout: RowLayout, lows: readonly string[], batches: AsyncIterable<RowBatch>) {
    this.#layout = layout;
    this.#bounds = lows.map((low) => ({ bytes: Buffer.from(low, 'utf8'), start: 0 }));
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** The range of the next row; null: there is none left. */
  async peek(): Promise<number | null> {
    while (this.#line === this.#batch.ends.length) {
      const next = await this.#batches.next();
      if (next.done === true) return null;
      this.#batch = next.value;
      this.#line = 0;
    }
    while (this.#isBeyond(this.#line)) this.#range++;
    return this.#range;
  }

  /** The rows of one range that come next. */
  async *of(range: number): AsyncGenerator<RowBatch> {
    while ((await this.peek()) === range) {
      const { bytes, ends } = this.#batch;
      const first = this.#line;
      const from = ends[first - 1] ?? 0;
      do this.#line++;
      while (this.#line < ends.length && !this.#isBeyond(this.#line));
      const taken = ends.slice(first, this.#line);
      yield { bytes: bytes.subarray(from, taken.at(-1)), ends: taken.map((end) => end - from) };
    }
  }

  /** Goes to the end: who stops in the middle of a stream of rows breaks the connection that they come from. */
  async drain(): Promise<void> {
    this.#line = this.#batch.ends.length;
    while ((await this.#batches.next()).done !== true);
  }

  #isBeyond(line: number): boolean {
    const bound = this.#bounds[this.#range];
    if (bound === undefined) return false;
    const place = { bytes: this.#batch.bytes, start: this.#batch.ends[line - 1] ?? 0 };
    return compareKeysAt(this.#layout, place, bound) >= 0;
  }
}
