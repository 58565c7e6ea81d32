import { compareKeysAt, type KeyPlace, type RowBatch, type RowLayout } from '@cofre/engine';

/** Walks an ordered stream of rows in pieces that end at given keys. Memory: one batch. */
export class RowCursor implements AsyncDisposable {
  readonly #layout: RowLayout;
  readonly #batches: AsyncIterator<RowBatch>;
  #batch: RowBatch = { bytes: Buffer.alloc(0), ends: [] };
  /** The first line of the batch that was not given yet. */
  #line = 0;
  #ended = false;

  constructor(layout: RowLayout, batches: AsyncIterable<RowBatch>) {
    this.#layout = layout;
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** True where no row is left. */
  async isAtEnd(): Promise<boolean> {
    while (!this.#ended && this.#line >= this.#batch.ends.length) {
      const next = await this.#batches.next();
      if (next.done === true) this.#ended = true;
      else this.#batch = next.value;
      this.#line = 0;
    }
    return this.#ended;
  }

  /** True where the next row is one below `bound` (null: any row is). */
  async hasRowBelow(bound: Buffer | null): Promise<boolean> {
    if (await this.isAtEnd()) return false;
    return bound === null || compareKeysAt(this.#layout, this.#placeOf(this.#line), { bytes: bound, start: 0 }) < 0;
  }

  /** The rows below `bound` that were not given yet. A consumer that stops early leaves the rest of its batch behind. */
  async *takeBelow(bound: Buffer | null): AsyncGenerator<RowBatch> {
    while (await this.hasRowBelow(bound)) {
      const end = bound === null ? this.#batch.ends.length : this.#firstNotBelow(bound);
      const piece = this.#slice(this.#line, end);
      this.#line = end;
      yield piece;
    }
  }

  #placeOf(line: number): KeyPlace {
    return { bytes: this.#batch.bytes, start: this.#batch.ends[line - 1] ?? 0 };
  }

  /** By bisection: a batch has thousands of lines. The next one is known to be below. */
  #firstNotBelow(bound: Buffer): number {
    let low = this.#line + 1;
    let high = this.#batch.ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeysAt(this.#layout, this.#placeOf(middle), { bytes: bound, start: 0 }) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slice(from: number, to: number): RowBatch {
    const { bytes, ends } = this.#batch;
    if (from === 0 && to === ends.length) return this.#batch;
    const start = ends[from - 1] ?? 0;
    const end = ends[to - 1] ?? start;
    return { bytes: bytes.subarray(start, end), ends: ends.slice(from, to).map((at) => at - start) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batches.return?.();
  }
}
