import { assert } from '@cofre/contracts';
import { IntegerKey, isIntegerKey } from '../rows/key-block.ts';
import { compareKeysAt, keyEnd, orderingColumns } from '../rows/keys.ts';
import type { RowLayout } from '../rows/layout.ts';
import type { BufferPool } from './buffer-pool.ts';
import { Gathered } from './gathered.ts';

/** The keys of the range that is being gathered, in the form of a `keys` block, and the order that they must have. */
export interface GatheredKeys {
  /** Notes the key of the line at `start`; false where it does not come after the one before. */
  add(bytes: Buffer, start: number): boolean;
  /** To be called before the bytes that were added from are used again. */
  endBatch(): void;
  mark(): KeysMark;
  /** Hands over the keys up to the mark (default: all) and keeps the rest. null: the table has no key. */
  detach(mark: KeysMark | null): Buffer | null;
}

/** A place between two keys. */
export interface KeysMark {
  readonly bytes: number;
  /** The key before it, where what follows is written as a difference to it. */
  readonly last: IntegerKey | null;
}

export function gatherKeys(layout: RowLayout, buffers: BufferPool): GatheredKeys {
  if (layout.key.length === 0) return new WholeLines(layout);
  return isIntegerKey(layout) ? new Differences(buffers) : new KeyLines(layout, buffers);
}

/** One integer column: each key as the difference to the one before. */
class Differences implements GatheredKeys {
  readonly #lines: Gathered;
  readonly #key = new IntegerKey();
  #isFirstEver = true;

  constructor(buffers: BufferPool) {
    this.#lines = new Gathered(buffers);
  }

  add(bytes: Buffer, start: number): boolean {
    const lines = this.#lines;
    lines.reserve(IntegerKey.LINE_BYTES_MAX);
    const isFirst = lines.length === 0;
    const wasEver = !this.#isFirstEver;
    this.#isFirstEver = false;
    const before = this.#key.advance(bytes, start);
    if (wasEver && before >= 0) return false;
    lines.length = isFirst
      ? this.#key.writeWhole(lines.bytes, lines.length)
      : this.#key.writeStep(lines.bytes, lines.length);
    return true;
  }

  endBatch(): void {}

  mark(): KeysMark {
    return { bytes: this.#lines.length, last: this.#key.clone() };
  }

  /** What is kept begins anew: its first key is written whole. */
  detach(mark: KeysMark | null): Buffer {
    const keys = this.#lines.detach(mark?.bytes);
    if (mark === null || this.#lines.length === 0) return keys;
    assert(mark.last !== null, 'a mark between differences knows the key before it');
    const rest = Buffer.from(this.#lines.detach());
    const firstEnd = rest.indexOf(0x0a);
    const first = mark.last.plus(rest.toString('latin1', 0, firstEnd));
    this.#lines.append(Buffer.from(first, 'latin1'), 0, first.length);
    this.#lines.append(rest, firstEnd, rest.length);
    return keys;
  }
}

/** Any other key: its columns as they lie in the row. */
class KeyLines implements GatheredKeys {
  readonly #lines: Gathered;
  readonly #layout: RowLayout;
  readonly #previous = { bytes: Buffer.alloc(0) as Buffer, start: -1 };
  readonly #place = { bytes: Buffer.alloc(0) as Buffer, start: 0 };

  constructor(layout: RowLayout, buffers: BufferPool) {
    this.#layout = layout;
    this.#lines = new Gathered(buffers);
  }

  add(bytes: Buffer, start: number): boolean {
    this.#place.bytes = bytes;
    this.#place.start = start;
    if (this.#previous.start >= 0 && compareKeysAt(this.#layout, this.#previous, this.#place) >= 0) return false;
    const end = keyEnd(bytes, start, this.#layout.key.length);
    this.#previous.start = this.#lines.appendLine(bytes, start, end);
    this.#previous.bytes = this.#lines.bytes;
    return true;
  }

  endBatch(): void {}

  mark(): KeysMark {
    return { bytes: this.#lines.length, last: null };
  }

  /** The last key is kept on its own: the buffer that it lies in is handed over, and will be used again. */
  detach(mark: KeysMark | null): Buffer {
    const { bytes, start } = this.#previous;
    this.#previous.bytes = Buffer.from(bytes.subarray(start, keyEnd(bytes, start, this.#layout.key.length)));
    this.#previous.start = 0;
    return this.#lines.detach(mark?.bytes);
  }
}

/** No key: lines are in order as a whole, may be alike, and nothing is gathered. */
class WholeLines implements GatheredKeys {
  readonly #layout: RowLayout;
  readonly #previous = { bytes: Buffer.alloc(0) as Buffer, start: -1 };
  readonly #place = { bytes: Buffer.alloc(0) as Buffer, start: 0 };

  constructor(layout: RowLayout) {
    this.#layout = layout;
  }

  add(bytes: Buffer, start: number): boolean {
    this.#place.bytes = bytes;
    this.#place.start = start;
    if (this.#previous.start >= 0 && compareKeysAt(this.#layout, this.#previous, this.#place) > 0) return false;
    this.#previous.bytes = bytes;
    this.#previous.start = start;
    return true;
  }

  endBatch(): void {
    const { bytes, start } = this.#previous;
    if (start < 0) return;
    this.#previous.bytes = Buffer.from(bytes.subarray(start, keyEnd(bytes, start, orderingColumns(this.#layout))));
    this.#previous.start = 0;
  }

  mark(): KeysMark {
    return { bytes: 0, last: null };
  }

  detach(): null {
    return null;
  }
}
