import { assert } from '@cofre/contracts';
import type { RowBatch } from '@cofre/engine';

/** The rows of one member, without the first column. They have to be taken before the next member is asked for. */
export interface MemberRows {
  readonly member: number;
  readonly batches: AsyncIterable<RowBatch>;
}

const TAB = 0x09;
const ZERO = 0x30;

/**
 * Takes apart what `ResolvedSlices.togetherSql` reads: lines whose first column is the index of the member that they belong
 * to, member by member in rising order. One that has no row is left out.
 */
export async function* rowsOfMembers(batches: AsyncIterable<RowBatch>): AsyncGenerator<MemberRows, void, void> {
  const lines = new Lines(batches[Symbol.asyncIterator]());
  let before = -1;
  for (let member = await lines.member(); member !== null; member = await lines.member()) {
    assert(member > before, 'rows come member by member');
    before = member;
    yield { member, batches: lines.of(member) };
    assert((await lines.member()) !== member, 'all rows of a member were taken');
  }
}

class Lines {
  readonly #batches: AsyncIterator<RowBatch, unknown>;
  #batch: RowBatch | null = null;
  #line = 0;

  constructor(batches: AsyncIterator<RowBatch, unknown>) {
    this.#batches = batches;
  }

  /** Of the next line; null: there is none. */
  async member(): Promise<number | null> {
    while (this.#batch === null || this.#line === this.#batch.ends.length) {
      const next: IteratorResult<RowBatch, unknown> = await this.#batches.next();
      if (next.done === true) return null;
      [this.#batch, this.#line] = [next.value, 0];
    }
    return this.#read(this.#batch).member;
  }

  async *of(member: number): AsyncGenerator<RowBatch, void, void> {
    while ((await this.member()) === member) {
      const batch = this.#batch;
      if (batch !== null) yield this.#take(batch, member);
    }
  }

  /** The lines that follow and are the member's, as far as this batch goes. */
  #take(batch: RowBatch, member: number): RowBatch {
    const parts: Buffer[] = [];
    const ends: number[] = [];
    let length = 0;
    for (; this.#line < batch.ends.length; this.#line++) {
      const line = this.#read(batch);
      if (line.member !== member) break;
      const part = batch.bytes.subarray(line.start, batch.ends[this.#line]);
      parts.push(part);
      length += part.length;
      ends.push(length);
    }
    return { bytes: Buffer.concat(parts, length), ends };
  }

  /** A line's member, and where its own columns begin. */
  #read({ bytes, ends }: RowBatch): { readonly member: number; readonly start: number } {
    let member = 0;
    let at = ends[this.#line - 1] ?? 0;
    for (; bytes[at] !== TAB; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      assert(digit >= 0 && digit <= 9, 'a line begins with the number of its member');
      member = member * 10 + digit;
    }
    return { member, start: at + 1 };
  }
}
