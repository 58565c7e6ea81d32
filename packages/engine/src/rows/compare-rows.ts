import { type BytesRange, isSameRange } from './bytes.ts';
import type { RowBatch, RowLayout } from './layout.ts';
import { compareKeysAt, type KeyPlace } from './keys.ts';

/** A row that two versions of a table do not share. Lines are copies and may be kept. */
export type RowDifference =
  | { readonly kind: 'left-only'; readonly left: Buffer }
  | { readonly kind: 'right-only'; readonly right: Buffer }
  | { readonly kind: 'changed'; readonly left: Buffer; readonly right: Buffer };

/**
 * Merge join of two ordered streams of rows of one layout. Where the table has no key, lines are their own keys and may
 * repeat: equal lines pair off one to one, which compares the two as multisets.
 * Memory: one batch of each side. `onEqual` counts rows that both sides hold alike.
 */
export async function* compareRows(
  layout: RowLayout,
  streams: { readonly left: AsyncIterable<RowBatch>; readonly right: AsyncIterable<RowBatch> },
  onEqual: (rows: number) => void,
): AsyncGenerator<RowDifference> {
  await using left = new LineCursor(streams.left);
  await using right = new LineCursor(streams.right);
  await left.next();
  await right.next();
  while (!left.done && !right.done) {
    const sign = compareKeysAt(layout, left, right);
    if (sign < 0) {
      yield { kind: 'left-only', left: left.copy() };
      if (left.step()) await left.next();
    } else if (sign > 0) {
      yield { kind: 'right-only', right: right.copy() };
      if (right.step()) await right.next();
    } else {
      if (left.sameLineAs(right)) onEqual(1);
      else yield { kind: 'changed', left: left.copy(), right: right.copy() };
      if (left.step()) await left.next();
      if (right.step()) await right.next();
    }
  }
  for (; !left.done; left.step() && (await left.next())) yield { kind: 'left-only', left: left.copy() };
  for (; !right.done; right.step() && (await right.next())) yield { kind: 'right-only', right: right.copy() };
}

/** Walks the lines of batches; within a batch without awaiting anything. */
class LineCursor implements KeyPlace, AsyncDisposable {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  done = false;
  #ends: readonly number[] = [];
  #line = 0;
  readonly #batches: AsyncIterator<RowBatch>;

  constructor(batches: AsyncIterable<RowBatch>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** Goes to the next line of the batch; true where the batch is used up and `next` must be awaited. */
  step(): boolean {
    this.start = this.#end();
    this.#line++;
    return this.#line >= this.#ends.length;
  }

  async next(): Promise<void> {
    do {
      const result = await this.#batches.next();
      if (result.done) {
        this.done = true;
        return;
      }
      this.bytes = result.value.bytes;
      this.#ends = result.value.ends;
    } while (this.#ends.length === 0);
    this.start = 0;
    this.#line = 0;
  }

  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(this.start, this.#end()));
  }

  sameLineAs(other: LineCursor): boolean {
    return isSameRange(this.#range(), other.#range());
  }

  #range(): BytesRange {
    return { bytes: this.bytes, start: this.start, end: this.#end() };
  }

  #end(): number {
    return this.#ends[this.#line] ?? this.start;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batches.return?.();
  }
}
