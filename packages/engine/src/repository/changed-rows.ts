import type { ManifestTable, RangeEntry } from '../format/manifest.ts';
import type { CutRange } from '../ranges/cut-ranges.ts';
import { type BytesRange, isSameRange } from '../rows/bytes.ts';
import { compareKeysAt, type KeyPlace } from '../rows/keys.ts';
import type { RowLayout } from '../rows/layout.ts';
import { isDamage } from './is-damage.ts';
import type { Repository } from './repository.ts';

/**
 * Counts the rows of one table that were inserted, updated or deleted since the parent, while it is written. Only ranges
 * that changed are looked at. In a table with no key every row of a block that is not the parent's counts as changed.
 */
export class ChangedRows {
  readonly #repository: Repository;
  readonly #layout: RowLayout;
  readonly #parent: ManifestTable | null;
  /** The parent's range that is being rewritten, as far as it is not compared yet. */
  #before = new Lines(Buffer.alloc(0));
  #same = 0;
  #updated = 0;

  constructor(repository: Repository, input: { readonly layout: RowLayout; readonly inherited: ManifestTable | null }) {
    this.#repository = repository;
    this.#layout = input.layout;
    this.#parent = input.inherited;
  }

  reused(range: Pick<CutRange, 'rows'>): void {
    this.#same += range.rows;
  }

  async stored(range: CutRange): Promise<void> {
    if (this.#parent === null || this.#layout.key.length === 0) return;
    // A range that was split goes on in the rows of the parent's range where its first half stopped.
    if (range.inherited?.base) {
      this.#before = new Lines(await this.#read(this.#parent, range.inherited));
    }
    const before = this.#before;
    for (const now = new Lines(range.bytes); !now.done; now.next()) {
      if (!this.#meets(now)) continue;
      if (before.isSameLineAs(now)) this.#same++;
      else this.#updated++;
      before.next();
    }
  }

  /** Of a range that is damaged nothing can be told: all its rows count as inserted, and none as the same. */
  async #read(parent: ManifestTable, range: RangeEntry): Promise<Buffer> {
    try {
      return await this.#repository.readRange(parent, range);
    } catch (error) {
      if (isDamage(error)) return Buffer.alloc(0);
      throw error;
    }
  }

  /** Both are in the order of the key: goes on to where the row would be in the parent's range, and says whether it is there. */
  #meets(now: Lines): boolean {
    const before = this.#before;
    for (; !before.done; before.next()) {
      const sign = compareKeysAt(this.#layout, before, now);
      if (sign >= 0) return sign === 0;
    }
    return false;
  }

  /** Inserted, updated and deleted rows, given how many there are now and were in the parent, of all that was compared. */
  total({ now, before }: { readonly now: number; readonly before: number }): number {
    const deleted = Math.max(0, before - this.#same - this.#updated);
    return now - this.#same + (this.#layout.key.length === 0 ? 0 : deleted);
  }
}

const NEWLINE = 0x0a;

/** Walks the lines of a block where they lie: one object for each would cost more than all the comparing. */
class Lines implements KeyPlace {
  readonly bytes: Buffer;
  start = 0;
  #end = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.next();
  }

  get done(): boolean {
    return this.start >= this.bytes.length;
  }

  next(): void {
    const { bytes } = this;
    this.start = this.#end;
    let at = this.start;
    while (at < bytes.length && bytes[at] !== NEWLINE) at++;
    this.#end = at + 1;
  }

  isSameLineAs(other: Lines): boolean {
    return isSameRange(this.#line, other.#line);
  }

  get #line(): BytesRange {
    return { bytes: this.bytes, start: this.start, end: this.#end };
  }
}
