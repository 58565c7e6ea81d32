import { type BackupId, type CheckDocument, CofreError, type Damage, isCofreError } from '@cofre/contracts';
import { packPath } from '../format/constants.ts';
import type { BlockRef, Manifest, ManifestTable, RangeEntry } from '../format/manifest.ts';
import { readPackIndex, sealedKeyOf } from '../format/pack.ts';
import { isSameRange } from '../rows/bytes.ts';
import { applyDeltas, keyLinesOf } from '../rows/apply-deltas.ts';
import { decodeKeys } from '../rows/key-block.ts';
import { columnEnd, keyEnd } from '../rows/keys.ts';
import type { RowLayout } from '../rows/layout.ts';
import { blocksOf, type KindOfBlock } from './blocks-of.ts';
import { layoutOf } from './read-rows.ts';
import { isDamage } from './is-damage.ts';
import type { Repository } from './repository.ts';

/** The `part`-th of `parts` shares of all packs, counted from 1. Each pack is in one of them, the same in every run. */
export interface ReadShare {
  readonly part: number;
  readonly parts: number;
}

export interface CheckOptions {
  readonly readData: boolean | ReadShare;
  readonly onProgress?: ((done: { readonly packs: number; readonly bytes: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is wrong in the store, gathered; the same object hurt twice is one entry that names every backup it hurts. */
class Findings {
  readonly checked = { backups: 0, packs: 0, blocks: 0, bytes: 0 };
  readonly #damage = new Map<string, { object: string; kind: string; backups: Set<BackupId> }>();

  add(object: string, kind: string, backup: BackupId | null): void {
    const entry = this.#damage.get(`${kind} ${object}`) ?? { object, kind, backups: new Set<BackupId>() };
    if (backup) entry.backups.add(backup);
    this.#damage.set(`${kind} ${object}`, entry);
  }

  document(): CheckDocument {
    const damage: Damage[] = [...this.#damage.values()].map(({ object, kind, backups }) => ({
      object,
      kind,
      backups: [...backups].toSorted(),
    }));
    return { ok: damage.length === 0, checked: { ...this.checked }, damage };
  }
}

/**
 * Every manifest opens, every range list opens, every pack is there and long enough; with `readData` every byte of every
 * pack is read and every block opened. Packs are read once, however many backups share them; memory holds one pack and
 * what is damaged, never a list of all blocks.
 */
export async function checkRepository(repository: Repository, options: CheckOptions): Promise<CheckDocument> {
  const findings = new Findings();
  const suspects = await checkPacks(repository, findings, options);
  for await (const info of repository.listManifests()) {
    options.signal?.throwIfAborted();
    findings.checked.backups++;
    try {
      const manifest = await repository.readManifest(info.implementationId, info.backupId);
      await checkNeeds(repository, manifest, { findings, suspects });
    } catch (error) {
      note(findings, error, { object: info.path, kind: 'manifest-damaged', backup: info.backupId });
    }
  }
  return findings.document();
}

/** Offsets of damaged blocks by pack; `all` where the pack as a whole cannot be used. */
type Suspects = Map<
  string,
  { readonly sizeBytes: number; readonly all: string | null; readonly blocks: ReadonlySet<number> }
>;

async function checkPacks(repository: Repository, findings: Findings, options: CheckOptions): Promise<Suspects> {
  const suspects: Suspects = new Map();
  for await (const info of repository.store.list('packs/')) {
    options.signal?.throwIfAborted();
    const id = /([0-9a-f]{32})\.pack$/.exec(info.path)?.[1];
    if (!id || packPath(id) !== info.path) continue;
    findings.checked.packs++;
    const state = isToBeRead(id, options.readData)
      ? await readPack(repository, findings, id)
      : { sizeBytes: info.sizeBytes, all: null, blocks: new Set<number>() };
    suspects.set(id, state);
    // A pack that no backup uses may still be damaged: it is named, with no backup beside it.
    if (state.all) findings.add(info.path, state.all, null);
    for (const offset of state.blocks) findings.add(`${info.path}@${offset}`, 'block-damaged', null);
    options.onProgress?.({ packs: findings.checked.packs, bytes: findings.checked.bytes });
  }
  return suspects;
}

function isToBeRead(packId: string, readData: boolean | ReadShare): boolean {
  if (typeof readData === 'boolean') return readData;
  // Ids are random, so the shares are of about the same size.
  return Number.parseInt(packId.slice(0, 8), 16) % readData.parts === readData.part - 1;
}

async function readPack(
  repository: Repository,
  findings: Findings,
  id: string,
): Promise<{ sizeBytes: number; all: string | null; blocks: Set<number> }> {
  const blocks = new Set<number>();
  let sizeBytes = 0;
  try {
    const pack = Buffer.from(await repository.store.get(packPath(id)));
    sizeBytes = pack.length;
    findings.checked.bytes += pack.length;
    const key = sealedKeyOf(repository.sealing.keyring, id, pack);
    for (const entry of await readPackIndex(repository.sealing, id, pack)) {
      findings.checked.blocks++;
      const { kind, ...ref } = entry;
      const sealed = pack.subarray(entry.offset, entry.offset + entry.length);
      try {
        await repository.openBlock(key, { ref, kind, sealed });
      } catch (error) {
        if (!isDamage(error)) throw error;
        blocks.add(entry.offset);
      }
    }
    return { sizeBytes, all: null, blocks };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return {
      sizeBytes,
      all: isCofreError(error, 'repository/object-missing') ? 'pack-missing' : 'pack-damaged',
      blocks,
    };
  }
}

async function checkNeeds(
  repository: Repository,
  manifest: Manifest,
  state: { readonly findings: Findings; readonly suspects: Suspects },
): Promise<void> {
  const { findings, suspects } = state;
  const backup = manifest.backupId;
  const usable = (need: KindOfBlock): boolean => {
    const path = packPath(need.ref.pack);
    const pack = suspects.get(need.ref.pack);
    if (!pack) findings.add(path, 'pack-missing', backup);
    else if (pack.all) findings.add(path, pack.all, backup);
    else if (pack.blocks.has(need.ref.offset)) findings.add(`${path}@${need.ref.offset}`, 'block-damaged', backup);
    else if (need.ref.offset + need.ref.length > pack.sizeBytes) findings.add(path, 'pack-truncated', backup);
    else return true;
    return false;
  };
  for (const pack of manifest.packs)
    if (!suspects.has(pack.id)) findings.add(packPath(pack.id), 'pack-missing', backup);
  for (const table of manifest.tables) {
    for (const page of table.ranges) {
      if (!usable({ ref: page, kind: 'ranges' })) continue;
      try {
        for (const need of await needsOfPage(repository, table, page)) usable(need);
      } catch (error) {
        note(findings, error, { object: `${packPath(page.pack)}@${page.offset}`, kind: 'block-damaged', backup });
      }
    }
  }
}

async function needsOfPage(repository: Repository, table: ManifestTable, page: BlockRef): Promise<KindOfBlock[]> {
  const needs: KindOfBlock[] = [];
  for await (const range of repository.ranges({ ...table, ranges: [page] })) needs.push(...blocksOf(range));
  return needs;
}

/** Reads every block of one backup and checks that rows, keys and counts agree. */
export async function checkBackup(
  repository: Repository,
  manifest: Manifest,
  options: CheckOptions,
): Promise<CheckDocument> {
  const findings = new Findings();
  findings.checked.backups = 1;
  findings.checked.packs = manifest.packs.length;
  for (const table of manifest.tables) {
    let rows = 0;
    try {
      for await (const range of repository.ranges(table)) {
        options.signal?.throwIfAborted();
        rows += range.rows;
        await checkRange(repository, { findings, manifest, table }, range);
        options.onProgress?.({ packs: manifest.packs.length, bytes: findings.checked.bytes });
      }
      if (rows !== table.rows) findings.add(`${table.schema}.${table.name}`, 'row-count', manifest.backupId);
    } catch (error) {
      note(findings, error, {
        object: `range list of ${table.schema}.${table.name}`,
        kind: 'block-damaged',
        backup: manifest.backupId,
      });
    }
  }
  return findings.document();
}

async function checkRange(
  repository: Repository,
  context: { readonly findings: Findings; readonly manifest: Manifest; readonly table: ManifestTable },
  range: RangeEntry,
): Promise<void> {
  const { findings, manifest, table } = context;
  const blocks = new Map<BlockRef, Buffer>();
  for (const { ref, kind } of blocksOf(range)) {
    findings.checked.blocks++;
    findings.checked.bytes += ref.length;
    try {
      blocks.set(ref, await repository.readBlock(ref, kind));
    } catch (error) {
      const gone = isCofreError(error, 'repository/object-missing');
      note(findings, error, {
        object: gone ? packPath(ref.pack) : `${packPath(ref.pack)}@${ref.offset}`,
        kind: gone ? 'pack-missing' : 'block-damaged',
        backup: manifest.backupId,
      });
      return;
    }
  }
  if (range.base === null) return;
  const of = (ref: BlockRef | null): Buffer | null => (ref === null ? null : (blocks.get(ref) ?? null));
  if (!rowsFitRange(contentOf(layoutOf(table), range, of), range)) {
    findings.add(
      `${table.schema}.${table.name} from ${range.low ?? 'the start'}`,
      'range-inconsistent',
      manifest.backupId,
    );
  }
}

interface RangeContent {
  readonly rows: Buffer;
  readonly keys: Buffer | null;
  readonly layout: RowLayout;
}

/** What the blocks of a range make together. */
function contentOf(layout: RowLayout, range: RangeEntry, of: (ref: BlockRef | null) => Buffer | null): RangeContent {
  const rows = of(range.base?.rows ?? null) ?? Buffer.alloc(0);
  const block = of(range.base?.keys ?? null);
  const keys = block && decodeKeys(layout, block);
  if (range.deltas.length === 0) return { rows, keys, layout };
  const deltas = range.deltas.map(({ upserts, deletes }) => ({ upserts: of(upserts), deletes: of(deletes) }));
  const ofKeys = deltas.map(({ upserts, deletes }) => ({ upserts: upserts && keyLinesOf(layout, upserts), deletes }));
  return { rows: applyDeltas(layout, rows, deltas), keys: keys && applyDeltas(layout, keys, ofKeys), layout };
}

/** As many lines as the range says, each of the table's columns, and the key block is just their keys. */
function rowsFitRange(block: RangeContent, range: RangeEntry): boolean {
  let lines = 0;
  let key = 0;
  for (let start = 0; start < block.rows.length; lines++) {
    const end = block.rows.indexOf(0x0a, start);
    if (end === -1) return false;
    if (lines === 0 && countColumns(block.rows, start) !== block.layout.columns.length) return false;
    if (block.keys) {
      const keyLength = keyEnd(block.rows, start, block.layout.key.length) - start;
      const inRows = { bytes: block.rows, start, end: start + keyLength };
      const inKeys = { bytes: block.keys, start: key, end: key + keyLength };
      if (block.keys[key + keyLength] !== 0x0a || !isSameRange(inRows, inKeys)) return false;
      key += keyLength + 1;
    }
    start = end + 1;
  }
  // What rows that were replaced or deleted had in bytes is not known without the base: with deltas it is an estimate.
  const hasItsBytes = range.deltas.length > 0 || block.rows.length === range.bytes;
  return lines === range.rows && hasItsBytes && (block.keys === null || key === block.keys.length);
}

function countColumns(bytes: Buffer, start: number): number {
  let columns = 1;
  for (let end = columnEnd(bytes, start); bytes[end] === 0x09; end = columnEnd(bytes, end + 1)) columns++;
  return columns;
}

/** Damage is gathered; anything else (an unreachable store, a bug) ends the check, so that it never passes as healthy. */
function note(
  findings: Findings,
  error: unknown,
  what: { readonly object: string; readonly kind: string; readonly backup: BackupId },
): void {
  if (!isDamage(error)) throw error;
  const named =
    error instanceof CofreError && error.code === 'repository/object-missing' ? error.params['object'] : undefined;
  findings.add(
    typeof named === 'string' ? named : what.object,
    named === undefined ? what.kind : 'pack-missing',
    what.backup,
  );
}
