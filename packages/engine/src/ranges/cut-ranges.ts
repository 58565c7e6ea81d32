import { assert, CofreError } from '@cofre/contracts';
import type { RangeEntry } from '../format/manifest.ts';
import { BufferPool } from './buffer-pool.ts';
import { Gathered, RANGE_BYTES } from './gathered.ts';
import { gatherKeys, type GatheredKeys, type KeysMark } from './gather-keys.ts';
import { compareKeysAt, type KeyPlace } from '../rows/keys.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';

/** A range is cut at whichever comes first. Small enough to be read again cheaply, large enough to compress well. */
export const RANGE_ROWS = 8192;
export { RANGE_BYTES };

/** Rows of one range, gathered and ready to be stored. */
export interface CutRange {
  readonly low: string | null;
  readonly rows: number;
  readonly bytes: Buffer;
  /** Its keys, as `rows/key-block.ts` writes them; null where the table has no key. */
  readonly keys: Buffer | null;
  /** The parent's range with the same lower bound. */
  readonly inherited: RangeEntry | null;
}

export interface CutOptions {
  readonly table: string;
  readonly layout: RowLayout;
  readonly batches: AsyncIterable<RowBatch>;
  /** Where buffers come from; whoever is done with a range gives its buffers back there. */
  readonly buffers?: BufferPool;
  /** Rows that fill a range; default `RANGE_ROWS`. Smaller ones show in few rows what happens between ranges. */
  readonly rangeRows?: number | undefined;
  /** Ranges of the parent backup, whose bounds are kept so that untouched ranges give equal blocks. */
  readonly inherited: AsyncIterable<RangeEntry> | null;
}

/**
 * Cuts one ordered stream of rows into ranges and checks that keys rise strictly (lines may repeat where there is no key).
 * - Without a parent a range ends when it is full.
 * - With a parent a range ends at the parent's bound, and is split when it has doubled; a range left empty is dropped.
 * - Where there is no key, bounds would be whole rows; ends are chosen by the content instead, so that an inserted row
 *   moves only the blocks around it.
 * Memory: two ranges, plus the largest row.
 */
export async function* cutRanges(options: CutOptions): AsyncGenerator<CutRange> {
  const bounds = await InheritedBounds.open(options);
  const cutter = new RangeCutter(options, bounds);
  for await (const batch of options.batches) {
    for (let line = 0; line < batch.ends.length; ) {
      line = cutter.take(batch, line);
      if (cutter.due === 'no') continue;
      const atBound = cutter.due === 'bound';
      const range = cutter.cut();
      if (range) yield range;
      if (atBound) await bounds.advance();
    }
  }
  for (let range = cutter.finish(); range; range = cutter.finish()) yield range;
}

/** The parent's ranges, one ahead. */
class InheritedBounds {
  current: RangeEntry | null = null;
  upcoming: RangeEntry | null = null;
  /** Key of `upcoming`: the first key that no longer belongs to `current`. */
  limit: { bytes: Buffer; start: number } | null = null;
  readonly #ranges: AsyncIterator<RangeEntry> | null;

  private constructor(ranges: AsyncIterator<RangeEntry> | null) {
    this.#ranges = ranges;
  }

  static async open(options: CutOptions): Promise<InheritedBounds> {
    const usable = options.layout.key.length > 0 ? options.inherited : null;
    const bounds = new InheritedBounds(usable?.[Symbol.asyncIterator]() ?? null);
    await bounds.advance();
    await bounds.advance();
    return bounds;
  }

  get used(): boolean {
    return this.#ranges !== null;
  }

  async advance(): Promise<void> {
    this.current = this.upcoming;
    const result = await this.#ranges?.next();
    this.upcoming = result && !result.done ? result.value : null;
    const low = this.upcoming?.low ?? null;
    this.limit = low === null ? null : { bytes: Buffer.from(low, 'utf8'), start: 0 };
  }
}

class RangeCutter {
  /** Why the range that is being gathered must end now. */
  due: 'no' | 'full' | 'bound' = 'no';
  readonly #options: CutOptions;
  readonly #bounds: InheritedBounds;
  readonly #hasKey: boolean;
  readonly #rangeRows: number;
  readonly #rows: Gathered;
  readonly #keys: GatheredKeys;
  #count = 0;
  #cutBefore = false;
  /** True while gathering what is left of a range that was split. */
  #splitOff = false;
  /** Where a range that grows to double size will be split: just behind the row that filled it once. */
  #half: Half | null = null;
  readonly #place: KeyPlace = { bytes: Buffer.alloc(0), start: 0 };

  constructor(options: CutOptions, bounds: InheritedBounds) {
    const buffers = options.buffers ?? new BufferPool();
    this.#options = options;
    this.#bounds = bounds;
    this.#hasKey = options.layout.key.length > 0;
    this.#rangeRows = options.rangeRows ?? RANGE_ROWS;
    this.#rows = new Gathered(buffers);
    this.#keys = gatherKeys(options.layout, buffers);
  }

  /** Takes lines from `first` on until the range must end; gives the first line not taken. */
  take(batch: RowBatch, first: number): number {
    this.due = 'no';
    const from = batch.ends[first - 1] ?? 0;
    let start = from;
    let line = first;
    const place = this.#place;
    place.bytes = batch.bytes;
    for (; line < batch.ends.length && this.due === 'no'; line++) {
      place.start = start;
      const limit = this.#bounds.limit;
      if (limit && compareKeysAt(this.#options.layout, place, limit) >= 0) {
        this.due = 'bound';
        break;
      }
      if (!this.#keys.add(batch.bytes, start)) throw this.#outOfOrder();
      this.#count++;
      start = batch.ends[line] ?? start;
      this.#judgeSize(start - from, batch.bytes, start);
    }
    this.#rows.append(batch.bytes, from, start);
    this.#keys.endBatch();
    return line;
  }

  /** The range gathered so far, or its first half where it doubled; null where it is empty. */
  cut(): CutRange | null {
    const half = this.due === 'full' && this.#bounds.used ? this.#half : null;
    const range = this.#range(half);
    this.due = 'no';
    return range;
  }

  /** What is left at the end: call until null. */
  finish(): CutRange | null {
    return this.#range(null);
  }

  #range(half: Half | null): CutRange | null {
    if (this.#count === 0) return null;
    const bytes = this.#rows.detach(half?.rowBytes);
    const keys = this.#keys.detach(half?.keys ?? null);
    const rows = half?.count ?? this.#count;
    assert(rows > 0 && bytes.length > 0, 'a range that is cut has rows');
    this.#count -= rows;
    // What is left was a whole range too; nothing is, where one huge row made it double.
    const isSplitAgain = half !== null && this.#count > 0;
    this.#half = isSplitAgain ? { rowBytes: this.#rows.length, keys: this.#keys.mark(), count: this.#count } : null;
    const inherited = this.#splitOff ? null : this.#bounds.current;
    const low = this.#cutBefore && keys ? (inherited?.low ?? firstLine(keys)) : null;
    this.#splitOff = half !== null;
    this.#cutBefore = true;
    return { low, rows, bytes, keys, inherited };
  }

  #outOfOrder(): CofreError {
    const { table } = this.#options;
    const message = `${table}: two rows have the same key, or keys are out of order. No backup was written.`;
    return new CofreError('backup/duplicate-key', message, { params: { table } });
  }

  #judgeSize(taken: number, bytes: Buffer, end: number): void {
    const size = this.#rows.length + taken;
    const full = this.#count >= this.#rangeRows || size >= RANGE_BYTES;
    if (!this.#hasKey) {
      if (full || (this.#count >= this.#rangeRows / 8 && endsByContent(bytes, end))) this.due = 'full';
    } else if (!this.#bounds.used) {
      if (full) this.due = 'full';
    } else if (full) {
      this.#half ??= { rowBytes: size, keys: this.#keys.mark(), count: this.#count };
      if (this.#count >= 2 * this.#rangeRows || size >= 2 * RANGE_BYTES) this.due = 'full';
    }
  }
}

interface Half {
  readonly rowBytes: number;
  readonly keys: KeysMark;
  readonly count: number;
}

function firstLine(lines: Buffer): string {
  return lines.toString('utf8', 0, lines.indexOf(0x0a));
}

/** About one line in 2,048 ends a range, by a hash (FNV-1a) of its last bytes. */
function endsByContent(bytes: Buffer, end: number): boolean {
  let hash = 0x811c9dc5;
  for (let at = Math.max(0, end - 48); at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return (hash >>> 7) % 2048 === 0;
}
