import { assert, CofreError } from '@cofre/contracts';
import type { RangeEntry } from '../format/manifest.ts';
import { BufferPool } from './buffer-pool.ts';
import { compareKeysAt, type KeyPlace, keyEnd, orderingColumns } from '../rows/keys.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';

/** A range is cut at whichever comes first. Small enough to be read again cheaply, large enough to compress well. */
export const RANGE_ROWS = 8192;
export const RANGE_BYTES = 2 * 1024 * 1024;

/** Rows of one range, gathered and ready to be stored. */
export interface CutRange {
  readonly low: string | null;
  readonly rows: number;
  readonly bytes: Buffer;
  /** Key lines; null where the table has no key. */
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
  readonly #keyColumns: number;
  readonly #rows: Gathered;
  readonly #keys: Gathered;
  #count = 0;
  #cutBefore = false;
  /** True while gathering what is left of a range that was split. */
  #splitOff = false;
  /** Where a range that grows to double size will be split: just behind the row that filled it once. */
  #half: { rowBytes: number; keyBytes: number; count: number } | null = null;
  #previous: { bytes: Buffer; start: number } | null = null;
  readonly #place: KeyPlace = { bytes: Buffer.alloc(0), start: 0 };

  constructor(options: CutOptions, bounds: InheritedBounds) {
    this.#options = options;
    this.#bounds = bounds;
    this.#keyColumns = options.layout.key.length;
    this.#rows = new Gathered(options.buffers ?? new BufferPool());
    this.#keys = new Gathered(options.buffers ?? new BufferPool());
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
      const end = batch.ends[line] ?? start;
      place.start = start;
      this.#checkOrder(place);
      const limit = this.#bounds.limit;
      if (limit && compareKeysAt(this.#options.layout, place, limit) >= 0) {
        this.due = 'bound';
        break;
      }
      this.#remember(batch.bytes, start);
      this.#count++;
      start = end;
      this.#judgeSize(start - from, batch.bytes, start);
    }
    this.#rows.append(batch.bytes, from, start);
    if (this.#keyColumns === 0 && this.#previous?.bytes === batch.bytes) this.#keepPrevious();
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

  /** Keeps the last key on its own: the buffer that it lies in is about to be handed over, and used again. */
  #keepPrevious(): void {
    if (this.#previous === null) return;
    const { bytes, start } = this.#previous;
    const end = keyEnd(bytes, start, orderingColumns(this.#options.layout));
    this.#previous = { bytes: Buffer.from(bytes.subarray(start, end)), start: 0 };
  }

  #range(half: { rowBytes: number; keyBytes: number; count: number } | null): CutRange | null {
    if (this.#count === 0) return null;
    this.#keepPrevious();
    const bytes = this.#rows.detach(half?.rowBytes);
    const keys = this.#keyColumns > 0 ? this.#keys.detach(half?.keyBytes) : null;
    const rows = half?.count ?? this.#count;
    this.#count -= rows;
    this.#half = half ? { rowBytes: this.#rows.length, keyBytes: this.#keys.length, count: this.#count } : null;
    const inherited = this.#splitOff ? null : this.#bounds.current;
    const low = this.#cutBefore && keys ? (inherited?.low ?? firstLine(keys)) : null;
    this.#splitOff = half !== null;
    this.#cutBefore = true;
    return { low, rows, bytes, keys, inherited };
  }

  #checkOrder(place: { bytes: Buffer; start: number }): void {
    if (this.#previous === null) return;
    const sign = compareKeysAt(this.#options.layout, this.#previous, place);
    if (sign < 0 || (sign === 0 && this.#keyColumns === 0)) return;
    throw new CofreError(
      'backup/duplicate-key',
      `${this.#options.table}: two rows have the same key, or keys are out of order. No backup was written.`,
      {
        params: { table: this.#options.table },
      },
    );
  }

  #remember(bytes: Buffer, start: number): void {
    if (this.#keyColumns === 0) {
      this.#previous = { bytes, start };
      return;
    }
    const end = keyEnd(bytes, start, this.#keyColumns);
    const at = this.#keys.appendLine(bytes, start, end);
    this.#previous ??= { bytes: this.#keys.bytes, start: at };
    this.#previous.bytes = this.#keys.bytes;
    this.#previous.start = at;
  }

  #judgeSize(taken: number, bytes: Buffer, end: number): void {
    const size = this.#rows.length + taken;
    const full = this.#count >= RANGE_ROWS || size >= RANGE_BYTES;
    if (this.#keyColumns === 0) {
      if (full || (this.#count >= RANGE_ROWS / 8 && endsByContent(bytes, end))) this.due = 'full';
    } else if (!this.#bounds.used) {
      if (full) this.due = 'full';
    } else if (full) {
      this.#half ??= { rowBytes: size, keyBytes: this.#keys.length, count: this.#count };
      if (this.#count >= 2 * RANGE_ROWS || size >= 2 * RANGE_BYTES) this.due = 'full';
    }
  }
}

/** Most tables of most slices are small: they should not cost two megabytes each. */
const GATHERED_BYTES_MIN = 16 * 1024;

/** Bytes that grow at the end and are handed over without copying. */
class Gathered {
  bytes: Buffer;
  length = 0;
  readonly #buffers: BufferPool;

  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
    this.bytes = buffers.take(GATHERED_BYTES_MIN);
  }

  append(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    source.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  /** Appends a short line and its newline; gives where it starts. */
  appendLine(source: Buffer, start: number, end: number): number {
    this.#reserve(end - start + 1);
    const at = this.length;
    let to = at;
    for (let from = start; from < end; from++) this.bytes[to++] = source[from] ?? 0;
    this.bytes[to++] = 0x0a;
    this.length = to;
    return at;
  }

  /** Hands over the first `size` bytes (default: all) and keeps the rest. */
  detach(size: number = this.length): Buffer {
    assert(size <= this.length, 'no more is handed over than was gathered');
    const gathered = this.bytes.subarray(0, size);
    const rest = this.bytes.subarray(size, this.length);
    // The next range will be about as large, unless this one held a huge row.
    const next = Math.min(size + size / 8, 2 * RANGE_BYTES);
    this.bytes = this.#buffers.take(Math.max(GATHERED_BYTES_MIN, rest.length, next));
    rest.copy(this.bytes);
    this.length = rest.length;
    return gathered;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    // The old bytes stay valid for those who still look at them (the previous key).
    const grown = this.#buffers.take(Math.max(needed, Math.min(this.bytes.length * 2, needed + RANGE_BYTES)));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
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
