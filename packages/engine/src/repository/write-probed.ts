import { assert } from '@cofre/contracts';
import type { BlockRef, DeltaBlocks, ManifestTable, RangeEntry } from '../format/manifest.ts';
import { BufferPool } from '../ranges/buffer-pool.ts';
import { cutRanges, RANGE_BYTES } from '../ranges/cut-ranges.ts';
import { ReadAhead } from '../ranges/read-ahead.ts';
import { RangeWalk } from '../ranges/range-walk.ts';
import { countLines, mergeDeltas } from '../rows/apply-deltas.ts';
import { compareKeyLists } from '../rows/compare-keys.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';
import type { BackupWriter } from './backup-writer.ts';
import { isDamage } from './is-damage.ts';
import { blocksOf } from './blocks-of.ts';
import { ChangedRows } from './changed-rows.ts';
import { readDeltas } from './read-rows.ts';
import type { Repository } from './repository.ts';

/** How many rows lie in a range of the parent now. */
export interface RangeCount {
  readonly rows: number;
  /** Those that may have come, or changed, since the parent's snapshot. */
  readonly touched: number;
}

/** What a live table says about the ranges of a parent backup (design §4). Everything is of one snapshot. */
export interface ProbedTable {
  /** By the index of the range; one that is not named has no rows. */
  count(): Promise<ReadonlyMap<number, RangeCount>>;
  /** In the order of the key: rows that were touched, and all rows of the ranges that are named. */
  rows(whole: ReadonlySet<number>): AsyncIterable<RowBatch>;
  /** In the order of the key: the key columns of all rows of these ranges. */
  keys(ranges: ReadonlySet<number>): AsyncIterable<RowBatch>;
}

export interface WriteProbedInput {
  readonly table: string;
  readonly layout: RowLayout;
  /** The same table in the parent: it has a key, and its rows lie in the same layout. */
  readonly inherited: ManifestTable;
  /** Given the lower bounds of all ranges but the first, as COPY text. */
  readonly probe: (lows: readonly string[]) => ProbedTable;
}

/** What the table answers cannot be, or cannot be used: it has to be read whole. `reason` says why, for people. */
export class ProbeRefuted extends Error {
  readonly reason: string;
  /** True where the answers contradict each other: then something is wrong that somebody must look at. */
  readonly isAlarming: boolean;

  constructor(reason: string, { isAlarming }: { readonly isAlarming: boolean }) {
    super(reason);
    this.reason = reason;
    this.isAlarming = isAlarming;
  }
}

function contradiction(what: string): ProbeRefuted {
  return new ProbeRefuted(`what the probe found cannot be: ${what}`, { isAlarming: true });
}

/** What is to be done about a range of the parent. */
type Fate =
  /** No row was touched, and there are as many as before: it holds the same rows. */
  | 'same'
  /** It has no rows any more. */
  | 'gone'
  /** What changed is stored beside it. */
  | 'delta'
  /** It is read whole and stored anew. */
  | 'whole';

/**
 * A range with so many deltas has them merged into one before the next: the format has room for eight, and each is a block to
 * be read. When they outgrow a part of the base the range is stored anew, so that reading it stays cheap. Both bounds lie
 * anywhere in these spans, by the base of the range: so it is never the turn of all ranges in one backup.
 */
const MERGED_AT = { min: 4, max: 8 };
const DELTA_SHARE_MAX = { min: 0.125, max: 0.25 };

/** A place in a span that is a range's own as long as it has this base; ids of blocks are as good as random. */
function placeOf({ base }: RangeEntry): number {
  return base === null ? 1 : Number.parseInt(base.rows.id.slice(0, 4), 16) / 0xffff;
}

/** Touched rows of one range that may be held in memory; more only where rows grew enormously. */
const UPSERT_BYTES_MAX = 4 * RANGE_BYTES;

/** A range's new entry, or entries where it was split, as soon as its blocks are sealed. */
type Outcome = readonly Promise<RangeEntry>[];

/** A delta whose rows are being stored, and of which the deleted keys may not be known yet. */
interface DeltaUnderWay {
  readonly upserts: { readonly ref: Promise<BlockRef> } | null;
  readonly upsertBytes: number;
  readonly touched: number;
  /** Touched rows whose keys the parent did not have. */
  readonly fresh: number;
}

/**
 * Writes one table from what the probe says changed since the parent. Memory: an entry for each range, and the rows that
 * one range gained. Throws `ProbeRefuted` where the table has to be read whole instead; nothing of it is then in the backup.
 */
export class ProbedTableWriter {
  rowsRead = 0;
  rowsChanged = 0;
  rows = 0;
  bytes = 0;
  readonly #writer: BackupWriter;
  readonly #repository: Repository;
  readonly #input: WriteProbedInput;
  readonly #buffers: BufferPool;
  readonly #rangeRows: number;
  readonly #changed: ChangedRows;
  readonly #wholeRows = { now: 0, before: 0 };
  readonly #outcomes = new Map<number, Outcome>();
  #merging: Promise<unknown> = Promise.resolve();
  #entries: readonly RangeEntry[] = [];
  #lows: readonly string[] = [];
  #counts: ReadonlyMap<number, RangeCount> = new Map();

  constructor(options: {
    readonly writer: BackupWriter;
    readonly repository: Repository;
    readonly input: WriteProbedInput;
    readonly buffers: BufferPool;
    readonly rangeRows: number;
  }) {
    this.#writer = options.writer;
    this.#repository = options.repository;
    this.#input = options.input;
    this.#buffers = options.buffers;
    this.#rangeRows = options.rangeRows;
    this.#changed = new ChangedRows(options.repository, options.input);
  }

  /** The table's entries in order. */
  async write(): Promise<readonly Promise<RangeEntry>[]> {
    await this.#loadEntries();
    const probe = this.#input.probe(this.#lows);
    this.#counts = await probe.count();
    const fates = this.#entries.map((_, index) => this.#fateOf(index));
    const of = (fate: Fate) => fates.flatMap((one, index) => (one === fate ? [index] : []));
    const [deltas, whole] = [of('delta'), new Set(of('whole'))];
    const gathered = await this.#takeRows(probe, deltas, whole);
    await this.#settleDeltas(probe, gathered);
    for (const index of of('same')) this.#keep(index);
    for (const index of of('gone')) this.rowsChanged += this.#entry(index).rows;
    this.rowsChanged += this.#changed.total(this.#wholeRows);
    return this.#assemble();
  }

  async #loadEntries(): Promise<void> {
    const entries: RangeEntry[] = [];
    for await (const range of this.#repository.ranges(this.#input.inherited)) entries.push(range);
    if (entries.length === 0) throw new ProbeRefuted('the backup before has no rows of it', { isAlarming: false });
    this.#entries = entries;
    this.#lows = entries.slice(1).map(({ low }) => {
      assert(low !== null, 'every range but the first has a lower bound');
      return low;
    });
  }

  #fateOf(index: number): Fate {
    const before = this.#entry(index);
    const { rows, touched } = this.#count(index);
    if (rows === 0) return 'gone';
    if (touched > rows) throw contradiction('more rows were touched than there are');
    if (rows > before.rows + touched) throw contradiction('rows came that nothing touched');
    if (!this.#mayUse(before)) return 'whole';
    if (touched === 0 && rows === before.rows) return 'same';
    return this.#isWorthADelta(before, { rows, touched }) ? 'delta' : 'whole';
  }

  #isWorthADelta(before: RangeEntry, { rows, touched }: RangeCount): boolean {
    if (before.base === null) return false;
    const rowBytes = before.bytes / before.rows;
    if (rows >= 2 * this.#rangeRows || rows * rowBytes >= 2 * RANGE_BYTES) return false;
    const earlier = before.deltas
      .flatMap(({ upserts, deletes }) => [upserts?.plainBytes ?? 0, deletes?.plainBytes ?? 0])
      .reduce((sum, bytes) => sum + bytes, 0);
    const { min, max } = DELTA_SHARE_MAX;
    const share = min + placeOf(before) * (max - min);
    return earlier + touched * rowBytes <= share * before.base.rows.plainBytes;
  }

  /** A block in the trash may be deleted before the backup is done: its range is stored anew. */
  #mayUse(entry: RangeEntry): boolean {
    return blocksOf(entry).every(({ ref }) => this.#writer.mayUse(ref));
  }

  /** Reads the rows that are needed, and begins to store them. Gives the deltas, of which deletions are still to be found. */
  async #takeRows(
    probe: ProbedTable,
    deltas: readonly number[],
    whole: ReadonlySet<number>,
  ): Promise<ReadonlyMap<number, DeltaUnderWay>> {
    const gathered = new Map<number, DeltaUnderWay>();
    const touched = deltas.filter((index) => this.#count(index).touched > 0);
    const wanted = [...touched, ...whole].sort((a, b) => a - b);
    const keys = new ReadAhead(touched, (index) => this.#keysBefore(index));
    if (wanted.length > 0) {
      const walk = new RangeWalk(this.#input.layout, this.#lows, probe.rows(whole));
      await drainingWhenRefuted(walk, async () => {
        for (const index of wanted) {
          if (whole.has(index)) await this.#rewrite(index, walk.of(index));
          else gathered.set(index, await this.#takeTouched(index, walk.of(index), keys));
        }
        if ((await walk.peek()) !== null) throw contradiction('rows were touched that had not been');
      });
    }
    for (const index of deltas)
      if (!gathered.has(index)) gathered.set(index, { upserts: null, upsertBytes: 0, touched: 0, fresh: 0 });
    return gathered;
  }

  async #rewrite(index: number, batches: AsyncIterable<RowBatch>): Promise<void> {
    const before = this.#entry(index);
    const entries: Promise<RangeEntry>[] = [];
    let rows = 0;
    async function* inherited(): AsyncGenerator<RangeEntry> {
      yield before;
    }
    const cut = { ...this.#input, batches, inherited: inherited(), buffers: this.#buffers, rangeRows: this.#rangeRows };
    for await (const range of cutRanges(cut)) {
      rows += range.rows;
      const low = entries.length === 0 ? before.low : range.low;
      entries.push((await this.#writer.beginRange({ ...range, low }, this.#changed)).entry);
    }
    if (rows !== this.#count(index).rows) throw contradiction('a range has not as many rows as were counted');
    this.rowsRead += rows;
    this.#wholeRows.now += rows;
    this.#wholeRows.before += before.rows;
    this.#settle(index, entries);
  }

  async #takeTouched(
    index: number,
    batches: AsyncIterable<RowBatch>,
    keysBefore: ReadAhead<Buffer>,
  ): Promise<DeltaUnderWay> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const batch of batches) {
      bytes += batch.bytes.length;
      if (bytes > UPSERT_BYTES_MAX)
        throw new ProbeRefuted('its rows have grown too large to be kept beside the old ones', { isAlarming: false });
      parts.push(Buffer.from(batch.bytes));
    }
    const plain = Buffer.concat(parts);
    const { touched } = this.#count(index);
    if (countLines(plain) !== touched) throw contradiction('not as many rows are touched as were counted');
    const difference = compareKeyLists(this.#input.layout, await keysBefore.get(index), plain);
    if (difference === null) throw contradiction('touched rows are out of order');
    this.rowsRead += touched;
    const upserts = await this.#writer.beginBlock('upserts', plain);
    return { upserts, upsertBytes: plain.length, touched, fresh: difference.addedCount };
  }

  /** Where there are as many rows as keys then and now together, none was deleted; elsewhere the keys of today say which. */
  async #settleDeltas(probe: ProbedTable, gathered: ReadonlyMap<number, DeltaUnderWay>): Promise<void> {
    const shrunk = new Set<number>();
    for (const [index, delta] of gathered) {
      const union = this.#entry(index).rows + delta.fresh;
      const { rows } = this.#count(index);
      if (rows > union) throw contradiction('rows came that nothing touched');
      if (rows < union) shrunk.add(index);
      else this.#settleDelta(index, delta, { deletes: null, count: 0 });
    }
    if (shrunk.size === 0) return;
    const walk = new RangeWalk(this.#input.layout, this.#lows, probe.keys(shrunk));
    const indexes = [...shrunk].sort((a, b) => a - b);
    const keys = new ReadAhead(indexes, (index) => this.#keysBefore(index));
    await drainingWhenRefuted(walk, async () => {
      for (const index of indexes) {
        const delta = gathered.get(index);
        assert(delta !== undefined, 'a range that shrank has a delta');
        await this.#takeDeleted(index, { delta, keysBefore: await keys.get(index) }, walk.of(index));
      }
      if ((await walk.peek()) !== null) throw contradiction('there are keys in ranges that were not asked about');
    });
  }

  async #takeDeleted(
    index: number,
    { delta, keysBefore }: { readonly delta: DeltaUnderWay; readonly keysBefore: Buffer },
    batches: AsyncIterable<RowBatch>,
  ): Promise<void> {
    const parts: Buffer[] = [];
    for await (const batch of batches) parts.push(Buffer.from(batch.bytes));
    const difference = compareKeyLists(this.#input.layout, keysBefore, Buffer.concat(parts));
    if (difference === null) throw contradiction('keys are out of order');
    const { removed, removedCount, addedCount } = difference;
    // A key that neither was there before nor was touched must not exist.
    if (addedCount !== delta.fresh) throw contradiction('there are keys that nothing touched');
    if (this.#entry(index).rows + addedCount - removedCount !== this.#count(index).rows)
      throw contradiction('a range has not as many keys as rows were counted');
    const deletes = removedCount === 0 ? null : await this.#writer.beginBlock('deletes', removed);
    this.#settleDelta(index, delta, { deletes, count: removedCount });
  }

  #settleDelta(
    index: number,
    delta: DeltaUnderWay,
    removed: { readonly deletes: { readonly ref: Promise<BlockRef> } | null; readonly count: number },
  ): void {
    const before = this.#entry(index);
    const replaced = delta.touched - delta.fresh + removed.count;
    const bytes = Math.max(0, Math.round(before.bytes * (1 - replaced / before.rows))) + delta.upsertBytes;
    const { rows } = this.#count(index);
    this.rowsChanged += delta.touched + removed.count;
    const entry = async (): Promise<RangeEntry> => {
      const blocks: DeltaBlocks = {
        upserts: (await delta.upserts?.ref) ?? null,
        deletes: (await removed.deletes?.ref) ?? null,
      };
      for (const ref of [blocks.upserts, blocks.deletes]) if (ref) this.#writer.use(ref);
      const { min, max } = MERGED_AT;
      const isMerged = before.deltas.length >= min + Math.round(placeOf(before) * (max - min));
      const merged = isMerged ? [await this.#mergeDeltas(before)] : [];
      const carried = await this.#writer.carry(isMerged ? { ...before, deltas: [] } : before);
      return { ...carried, rows, bytes, deltas: [...merged, ...carried.deltas, blocks] };
    };
    this.#settle(index, [entry()]);
  }

  /** One range at a time: what is read to be merged does not pile up in memory. */
  #mergeDeltas(before: RangeEntry): Promise<DeltaBlocks> {
    const store = async (kind: 'upserts' | 'deletes', plain: Buffer | null): Promise<BlockRef | null> =>
      plain === null ? null : this.#writer.use(await (await this.#writer.beginBlock(kind, plain)).ref);
    const merge = async (): Promise<DeltaBlocks> => {
      const delta = mergeDeltas(this.#input.layout, await readDeltas(this.#repository, before));
      return { upserts: await store('upserts', delta.upserts), deletes: await store('deletes', delta.deletes) };
    };
    const merging = this.#merging.then(merge);
    this.#merging = merging.catch(() => undefined);
    return merging;
  }

  #keep(index: number): void {
    this.#settle(index, [this.#writer.carry(this.#entry(index))]);
  }

  #settle(index: number, outcome: Outcome): void {
    // A failure is kept by the pack writer and thrown at its next step; here it must only not go unhandled.
    for (const entry of outcome) entry.catch(() => undefined);
    this.#outcomes.set(index, outcome);
  }

  /** The lowest range has no bound, whichever it is. */
  #assemble(): readonly Promise<RangeEntry>[] {
    const entries = this.#entries.flatMap((_, index) => this.#outcomes.get(index) ?? []);
    const [first, ...others] = entries;
    for (const [index] of this.#entries.entries()) this.rows += this.#count(index).rows;
    if (first === undefined) return [];
    const unbounded = first.then((entry): RangeEntry => ({ ...entry, low: null }));
    unbounded.catch(() => undefined);
    return [unbounded, ...others];
  }

  #keysBefore(index: number): Promise<Buffer> {
    return this.#repository.readRangeKeys(this.#input.inherited, this.#entry(index));
  }

  #entry(index: number): RangeEntry {
    const entry = this.#entries[index];
    assert(entry !== undefined, 'the probe knows the ranges of the parent only');
    return entry;
  }

  #count(index: number): RangeCount {
    return this.#counts.get(index) ?? { rows: 0, touched: 0 };
  }
}

async function drainingWhenRefuted(walk: RangeWalk, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ProbeRefuted || isDamage(error)) await walk.drain();
    throw error;
  }
}
