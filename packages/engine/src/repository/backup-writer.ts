import type { Compression } from '@cofre/contracts';
import { manifestPath } from '../format/constants.ts';
import {
  type BaseBlocks,
  type BlockRef,
  type Manifest,
  type ManifestTable,
  type RangeEntry,
  RANGES_PER_PAGE,
} from '../format/manifest.ts';
import { encodeManifest, encodeRanges } from '../format/manifest-schema.ts';
import { checksumOf, missing } from '../format/pack.ts';
import { sealObject } from '../format/sealed-object.ts';
import { packPath } from '../format/constants.ts';
import { BufferPool } from '../ranges/buffer-pool.ts';
import { cutRanges, RANGE_ROWS } from '../ranges/cut-ranges.ts';
import type { CutRange } from '../ranges/cut-ranges.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';
import { ChangedRows } from './changed-rows.ts';
import { tookTooLong, type WriteLease } from '../garbage/write-lease.ts';
import { blocksOf, type KindOfBlock } from './blocks-of.ts';
import { InheritedPacks } from './inherited-packs.ts';
import { isDamage, untilDamage } from './is-damage.ts';
import type { PackWriter } from './pack-writer.ts';
import type { Repository } from './repository.ts';
import type { BlockKind } from './types.ts';
import { ProbedTableWriter, ProbeRefuted, type WriteProbedInput } from './write-probed.ts';

export interface WriteTableInput {
  /** For messages. */
  readonly table: string;
  readonly layout: RowLayout;
  readonly batches: AsyncIterable<RowBatch>;
  /** The same table in the parent backup, if its rows lie in the same layout. */
  readonly inherited: ManifestTable | null;
}

export interface WrittenTable {
  readonly rows: number;
  readonly bytes: number;
  readonly ranges: readonly BlockRef[];
}

/** What a manifest says that the writer does not know by itself. */
export type ManifestHead = Omit<Manifest, 'format' | 'repositoryId' | 'packs' | 'stats' | 'compression'> & {
  readonly durationMs: number;
};

export interface CompletedBackup {
  readonly manifest: Manifest;
  readonly path: string;
  /** Of the object in the store. */
  readonly checksum: string;
}

export interface BackupWriterOptions {
  /** Taken before the first manifest was opened that this backup builds on. Whoever took it releases it. */
  readonly lease: WriteLease;
  readonly compression: Compression;
  /** The backups that it builds on. Blocks of packs that they hardly use any more are copied forward; default: none are. */
  readonly parents?: readonly Manifest[] | undefined;
  /** Rows that fill a range; default 8,192. Only tests have a reason for another number. */
  readonly rangeRows?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Packs that several backups are written into at the same time, of the same compression. Default: packs of its own. */
  readonly packs?: PackWriter | undefined;
}

/** How many of the parent's blocks a table with no key is compared with; bounds memory. */
const REMEMBERED_BLOCKS_MAX = 8192;

/**
 * Writes one backup: tables (several at once, if the caller likes), then the manifest, which commits it.
 * Until `complete` resolves nothing of it can be seen; what a failed backup leaves are unreferenced packs.
 */
export class BackupWriter {
  readonly progress = { rows: 0, bytes: 0 };
  readonly #repository: Repository;
  readonly #packs: PackWriter;
  readonly #lease: WriteLease;
  readonly #compression: Compression;
  readonly #rangeRows: number;
  readonly #buffers = new BufferPool();
  readonly #parentPacks: InheritedPacks;
  readonly #inheritedPacks = new Set<string>();
  readonly #liveBytes = new Map<string, number>();
  /** One range at a time: what is read to be copied does not pile up in memory. */
  #copying: Promise<unknown> = Promise.resolve();
  #isAborted = false;
  readonly #sharesPacks: boolean;
  #blocksNew = 0;
  #blockBytes = 0;
  #blocksReused = 0;
  #rowsRead = 0;
  #rowsChanged = 0;

  constructor(repository: Repository, options: BackupWriterOptions) {
    this.#repository = repository;
    this.#lease = options.lease;
    this.#compression = options.compression;
    this.#parentPacks = new InheritedPacks(options.parents ?? []);
    this.#rangeRows = options.rangeRows ?? RANGE_ROWS;
    this.#sharesPacks = options.packs !== undefined;
    this.#packs = options.packs ?? repository.startPacks(options);
  }

  /** Where packs are shared: without their headers and indexes, which belong to no backup. */
  get bytesStored(): number {
    return this.#sharesPacks ? this.#blockBytes : this.#packs.bytesStored;
  }

  /** Blocks that no backup had before. While there is none, nothing was put into the store. */
  get blocksNew(): number {
    return this.#blocksNew;
  }

  async writeTable(input: WriteTableInput): Promise<WrittenTable> {
    const pages = new PageWriter(this, input.inherited);
    const remembered =
      input.layout.key.length === 0 && input.inherited ? await this.#rememberBlocks(input.inherited) : null;
    const changed = new ChangedRows(this.#repository, input);
    let rows = 0;
    let bytes = 0;
    const inherited = input.inherited ? untilDamage(this.#repository.ranges(input.inherited)) : null;
    for await (const range of cutRanges({ ...input, inherited, buffers: this.#buffers, rangeRows: this.#rangeRows })) {
      rows += range.rows;
      bytes += range.bytes.length;
      const begun = await this.beginRange(remembered ? { ...range, inherited: null } : range, changed, remembered);
      await pages.add(begun.entry);
      this.progress.rows += range.rows;
      this.progress.bytes += range.bytes.length;
    }
    this.#rowsRead += rows;
    this.#rowsChanged += changed.total({ now: rows, before: input.inherited?.rows ?? 0 });
    return { rows, bytes, ranges: await pages.finish() };
  }

  /** The same from what a probe says changed since the parent. Throws `ProbeRefuted` where the table has to be read whole. */
  async writeProbed(input: WriteProbedInput): Promise<WrittenTable> {
    const probed = new ProbedTableWriter({
      writer: this,
      repository: this.#repository,
      input,
      buffers: this.#buffers,
      rangeRows: this.#rangeRows,
    });
    const entries = await probed.write().catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      throw new ProbeRefuted('what the backup before has of it is damaged', { isAlarming: false });
    });
    const pages = new PageWriter(this, input.inherited);
    let [rows, bytes] = [0, 0];
    for (const entry of entries) {
      await pages.add(entry);
      const range = await entry;
      rows += range.rows;
      bytes += range.bytes;
    }
    this.#rowsRead += probed.rowsRead;
    this.#rowsChanged += probed.rowsChanged;
    this.progress.rows += rows;
    this.progress.bytes += bytes;
    return { rows, bytes, ranges: await pages.finish() };
  }

  /**
   * Begins to store a range, or names the parent's blocks where they hold the same bytes. Resolves when there is room.
   * @internal for ProbedTableWriter
   */
  // oxlint-disable-next-line max-params
  async beginRange(
    range: CutRange,
    changed: ChangedRows,
    remembered: ReadonlyMap<string, RangeEntry> | null = null,
  ): Promise<{ readonly entry: Promise<RangeEntry> }> {
    const id = this.#packs.blockId(range.bytes);
    const candidate = remembered?.get(id) ?? range.inherited;
    const entry = { low: range.low, rows: range.rows, bytes: range.bytes.length, deltas: [] };
    const same = candidate?.deltas.length === 0 && candidate.base?.rows.id === id ? candidate.base : null;
    if (same !== null) changed.reused(range);
    else await changed.stored(range);
    if (same !== null && this.#isWorthKeeping(same)) {
      this.#buffers.give(range.bytes);
      if (range.keys) this.#buffers.give(range.keys);
      this.reuse(same.rows);
      if (same.keys) this.reuse(same.keys);
      return { entry: Promise.resolve({ ...entry, base: same }) };
    }
    const giveBack = (plain: Buffer) => () => this.#buffers.give(plain);
    const rows = await this.#begin({ kind: 'rows', id, plain: range.bytes }, giveBack(range.bytes));
    const keys = range.keys && (await this.beginBlock('keys', range.keys, giveBack(range.keys)));
    const sealed = async (): Promise<RangeEntry> => {
      const base = { rows: this.use(await rows.ref), keys: keys ? this.use(await keys.ref) : null };
      return { ...entry, base };
    };
    return { entry: sealed() };
  }

  #isWorthKeeping({ rows, keys }: BaseBlocks): boolean {
    return [rows, keys].every((ref) => ref === null || (this.mayUse(ref) && !this.#parentPacks.isHardlyUsed(ref)));
  }

  /**
   * A range of the parent in which nothing changed: the same blocks, where they are or, from packs that are hardly in use
   * any more, copied forward without reading the database.
   * @internal for ProbedTableWriter
   */
  carry(range: RangeEntry): Promise<RangeEntry> {
    if (!blocksOf(range).some(({ ref }) => this.#parentPacks.isHardlyUsed(ref))) {
      for (const { ref } of blocksOf(range)) this.reuse(ref);
      return Promise.resolve(range);
    }
    const copied = this.#copying.then(() => this.#copyForward(range));
    this.#copying = copied.catch(() => undefined);
    return copied;
  }

  async #copyForward(range: RangeEntry): Promise<RangeEntry> {
    const copies = new Map<BlockRef, BlockRef>();
    for (const block of blocksOf(range)) copies.set(block.ref, await this.#copyBlock(block));
    const copyOf = (ref: BlockRef | null) => (ref === null ? null : (copies.get(ref) ?? ref));
    const { base, deltas } = range;
    return {
      ...range,
      base: base && { rows: copies.get(base.rows) ?? base.rows, keys: copyOf(base.keys) },
      deltas: deltas.map(({ upserts, deletes }) => ({ upserts: copyOf(upserts), deletes: copyOf(deletes) })),
    };
  }

  async #copyBlock({ ref, kind }: KindOfBlock): Promise<BlockRef> {
    if (this.#isAborted || !this.#parentPacks.isHardlyUsed(ref)) return this.reuse(ref);
    let plain: Buffer;
    try {
      plain = await this.#repository.readBlock(ref, kind);
    } catch (error) {
      // What is damaged is found by who reads it, and keeps nobody from making a backup of everything else.
      if (isDamage(error)) return this.reuse(ref);
      throw error;
    }
    return this.use(await (await this.#begin({ kind, id: ref.id, plain })).ref);
  }

  /** A block in the trash may be deleted before the backup is done: it is stored anew. @internal for ProbedTableWriter */
  mayUse({ pack }: BlockRef): boolean {
    return !this.#lease.trashed.has(pack);
  }

  /** @internal for ProbedTableWriter */
  beginBlock(
    kind: 'keys' | 'upserts' | 'deletes',
    plain: Buffer,
    onProven?: () => void,
  ): Promise<{ readonly ref: Promise<BlockRef> }> {
    return this.#begin({ kind, id: this.#packs.blockId(plain), plain }, onProven);
  }

  async #begin(
    block: { readonly kind: BlockKind; readonly id: string; readonly plain: Buffer },
    onProven?: () => void,
  ): Promise<{ readonly ref: Promise<BlockRef> }> {
    this.#blocksNew++;
    const { ref } = await this.#packs.begin(block, onProven);
    const counted = ref.then((sealed) => {
      this.#blockBytes += sealed.length;
      return sealed;
    });
    // A failure is kept by the pack writer and thrown at its next step; here it must only not go unhandled.
    counted.catch(() => undefined);
    return { ref: counted };
  }

  /** @internal for PageWriter */
  async writePage(entries: readonly RangeEntry[], inherited: BlockRef | null): Promise<BlockRef> {
    const plain = encodeRanges(entries);
    const id = this.#packs.blockId(plain);
    const mayReuse = inherited?.id === id && this.mayUse(inherited) && !this.#parentPacks.isHardlyUsed(inherited);
    if (mayReuse) return this.reuse(inherited);
    return this.use(await (await this.#begin({ kind: 'ranges', id, plain })).ref);
  }

  reuse(ref: BlockRef): BlockRef {
    this.#blocksReused++;
    this.#inheritedPacks.add(ref.pack);
    return this.use(ref);
  }

  /** @internal for ProbedTableWriter */
  use(ref: BlockRef): BlockRef {
    this.#liveBytes.set(ref.pack, (this.#liveBytes.get(ref.pack) ?? 0) + ref.length);
    return ref;
  }

  async #rememberBlocks(table: ManifestTable): Promise<ReadonlyMap<string, RangeEntry>> {
    const blocks = new Map<string, RangeEntry>();
    for await (const range of untilDamage(this.#repository.ranges(table))) {
      if (blocks.size >= REMEMBERED_BLOCKS_MAX) break;
      if (range.base) blocks.set(range.base.rows.id, range);
    }
    return blocks;
  }

  /**
   * Puts the remaining packs, then the manifest, then makes sure that it was in time and that every inherited pack is
   * still there. Throws `backup/took-too-long` where it is too late for a backup to be committed.
   */
  async complete(head: ManifestHead): Promise<CompletedBackup> {
    await this.#packs.flush();
    const { object, ...completed } = await this.seal(head);
    await this.#lease.renew();
    await this.#lease.commit(completed.path, object);
    await this.#requireInTime(completed.path);
    await this.#requireInherited(completed.path);
    return completed;
  }

  /** The manifest as it is to be put, after all packs were. @internal for completeTogether */
  async seal(head: ManifestHead): Promise<CompletedBackup & { readonly object: Buffer }> {
    const { durationMs, ...rest } = head;
    const sum = (of: (table: ManifestTable) => number): number =>
      head.tables.reduce((total, table) => total + of(table), 0);
    const manifest: Manifest = {
      ...rest,
      format: 1,
      repositoryId: this.#repository.id,
      compression: this.#compression,
      packs: [...this.#liveBytes]
        .map(([id, bytesLive]) => ({ id, bytesLive, bytesAtFirst: this.#parentPacks.bytesAtFirst(id, bytesLive) }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      stats: {
        rows: sum((table) => table.rows),
        rowsRead: this.#rowsRead,
        rowsChanged: this.#rowsChanged,
        bytesRaw: sum((table) => table.bytes),
        bytesStored: this.bytesStored,
        blocksNew: this.blocksNew,
        blocksReused: this.#blocksReused,
        durationMs,
      },
    };
    const path = manifestPath(manifest.implementation.id, manifest.backupId);
    const object = await sealObject(this.#repository.sealing, { path, kind: 'manifest' }, encodeManifest(manifest));
    return { manifest, path, checksum: checksumOf(object), object };
  }

  /** Packs of earlier backups that this one takes blocks from. @internal for completeTogether */
  get inheritedPacks(): ReadonlySet<string> {
    return this.#inheritedPacks;
  }

  async #requireInTime(manifest: string): Promise<void> {
    if (await this.#lease.wasInTime(manifest)) return;
    await this.#repository.store.delete(manifest);
    throw tookTooLong();
  }

  /** A manifest that needs what went missing meanwhile was never a backup: it is taken back. */
  async #requireInherited(manifest: string): Promise<void> {
    const gone = await this.findMissing();
    if (gone === null) return;
    await this.#repository.store.delete(manifest);
    throw missing(gone);
  }

  /** The path of a pack that this backup takes blocks from and that is not there any more; null: all are. */
  async findMissing(
    isThere = async (pack: string) => (await this.#repository.store.stat(packPath(pack))) !== null,
  ): Promise<string | null> {
    for (const pack of this.#inheritedPacks) if (!(await isThere(pack))) return packPath(pack);
    return null;
  }

  /**
   * Stops; resolves when nothing of this backup is running any more. Packs already put are left to garbage collection.
   * Packs that are shared go on.
   */
  async abort(): Promise<void> {
    this.#isAborted = true;
    await this.#copying;
    if (!this.#sharesPacks) await this.#packs.settle();
  }
}

/** Gathers range entries, in order, into pages. */
class PageWriter {
  readonly #writer: BackupWriter;
  readonly #inherited: readonly BlockRef[];
  readonly #pages: BlockRef[] = [];
  #entries: Promise<RangeEntry>[] = [];

  constructor(writer: BackupWriter, inherited: ManifestTable | null) {
    this.#writer = writer;
    this.#inherited = inherited?.ranges ?? [];
  }

  async add(entry: Promise<RangeEntry>): Promise<void> {
    // A failure is kept by the pack writer and thrown at the next step; here it must only not go unhandled.
    entry.catch(() => undefined);
    this.#entries.push(entry);
    if (this.#entries.length === RANGES_PER_PAGE) await this.#writePage();
  }

  async finish(): Promise<readonly BlockRef[]> {
    if (this.#entries.length > 0) await this.#writePage();
    return this.#pages;
  }

  async #writePage(): Promise<void> {
    const entries = await Promise.all(this.#entries);
    this.#entries = [];
    this.#pages.push(await this.#writer.writePage(entries, this.#inherited[this.#pages.length] ?? null));
  }
}
