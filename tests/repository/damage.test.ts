import { type Compression, isCofreError } from '@cofre/contracts';
import type { BlobStore, Manifest, Repository, RepositoryKey } from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import { IS_LONG } from '../support/long-tests.ts';
import {
  backUp,
  IMPLEMENTATION,
  initRepository,
  keyFile,
  noKey,
  objectsOf,
  openRepository,
  readText,
  rowsOf,
  tableOf,
  textOf,
} from './fixtures.ts';
import { LiveTable } from './live-table.ts';

/** Codes that say: damage was noticed, and where. */
const NOTICED = new Set([
  'repository/damaged',
  'repository/object-missing',
  'repository/not-found',
  'repository/newer-format',
  'repository/key-wrong',
  'repository/key-required',
  'repository/key-not-wanted',
]);

/** What a person would do: open, check everything, read everything. Gives what was noticed; empty: all looked healthy. */
async function examine(store: BlobStore, key: RepositoryKey, manifests: readonly Manifest[]): Promise<string[]> {
  try {
    return await look(await openRepository(store, key), manifests);
  } catch (error) {
    return [noticedBy(error)];
  }
}

/** The same with a repository that is open already, and remembers nothing of its objects. */
async function look(repository: Repository, manifests: readonly Manifest[]): Promise<string[]> {
  try {
    const report = await repository.through(repository.store).check({ readData: true });
    const noticed = report.damage.map(({ object, kind, backups }) => `${object} ${kind} ${backups.join()}`);
    return report.checked.backups === manifests.length ? noticed : [...noticed, 'a backup is not there'];
  } catch (error) {
    return [noticedBy(error)];
  }
}

function noticedBy(error: unknown): string {
  if (!isCofreError(error) || !NOTICED.has(error.code)) throw error;
  return `${String(error.params['object'] ?? error.params['path'] ?? '')} ${error.code}`;
}

/** The rows of a backup as they were, or an error that says what is hurt: never other rows. */
async function expectRightOrRefused(repository: Repository, manifest: Manifest, rows: string): Promise<void> {
  const fresh = repository.through(repository.store);
  const read = async () => readText(fresh, await fresh.readManifest(IMPLEMENTATION, manifest.backupId));
  const text = await read().catch(noticedBy);
  if (!/packs.* repository\/damaged$/.test(text)) expect(text).toBe(rows);
}

interface Backups {
  readonly store: MemoryStore;
  readonly repository: Repository;
  readonly manifests: Manifest[];
  /** What each gives back. */
  readonly texts: string[];
}

/** A full backup, and one that lies beside it as deltas: rows upserted, keys deleted. */
async function twoBackups(key: RepositoryKey, compression: Compression = 'zstd'): Promise<Backups> {
  const store = new MemoryStore();
  const repository = await initRepository(store, key, compression);
  const before = rowsOf(40);
  const first = await backUp(repository, before);
  const live = new LiveTable(before);
  live.set(7, 'changed');
  live.delete(8);
  const second = await backUp(repository, live.rows, { parent: first, probe: live.probe() });
  for await (const { deltas } of repository.ranges(tableOf(second)))
    expect(deltas).toMatchObject([{ upserts: {}, deletes: {} }]);
  return { store, repository, manifests: [first, second], texts: [textOf(before), textOf(live.rows)] };
}

describe.each([
  { name: 'encrypted, zstd', key: keyFile, compression: 'zstd', stride: 1 },
  { name: 'plain, zstd', key: noKey, compression: 'zstd', stride: 1 },
  // What decompresses is asked after the seal was found whole: short runs take every fourth position.
  { name: 'encrypted, gzip', key: keyFile, compression: 'gzip', stride: 4 },
  { name: 'plain, gzip', key: noKey, compression: 'gzip', stride: 4 },
  { name: 'plain, not compressed', key: noKey, compression: 'none', stride: 4 },
] as const)('I5: a flipped bit at any position ($name)', ({ key, compression, stride }) => {
  it('of a pack, block, delta or index is noticed and named, and no wrong row is ever read', async () => {
    const { store, repository, manifests, texts } = await twoBackups(key, compression);
    expect(await look(repository, manifests)).toEqual([]);
    for (const [path, bytes] of await objectsOf(store)) {
      if (!path.startsWith('packs/')) continue;
      for (let at = 0; at < bytes.length; at += IS_LONG ? 1 : stride) {
        await store.put(path, flip(bytes, at));
        const noticed = await look(repository, manifests);
        expect(
          noticed.some((entry) => entry.startsWith(path)),
          `${path} at ${at}: ${noticed.join()}`,
        ).toBe(true);
        if (at % 5 > 0) continue;
        for (const [index, manifest] of manifests.entries())
          await expectRightOrRefused(repository, manifest, texts[index] ?? '');
      }
      await store.put(path, bytes);
    }
  });
});

describe.each([
  ['encrypted', keyFile],
  ['plain', noKey],
] as const)('damage in a repository (%s)', (_, key) => {
  it('I5: a flipped bit at any position of a manifest, the configuration or a key is noticed, and named', async () => {
    const { store, repository, manifests } = await twoBackups(key);
    expect(await examine(store, key, manifests)).toEqual([]);
    for (const [path, bytes] of await objectsOf(store)) {
      if (path.startsWith('packs/')) continue;
      const isManifest = path.startsWith('backups/');
      for (let at = 0; at < bytes.length; at++) {
        const flipped = flip(bytes, at);
        await store.put(path, flipped);
        const noticed = isManifest ? await look(repository, manifests) : await examine(store, key, manifests);
        // White space of the JSON that people read may change without harm.
        if (path.endsWith('.json') && sameJson(bytes, flipped)) continue;
        expect(noticed, `${path} at ${at}`).not.toEqual([]);
        if (isManifest) expect(noticed, `${path} at ${at}`).toEqual([expect.stringContaining(path)]);
      }
      await store.put(path, bytes);
    }
  });

  it('I5: an object cut short, emptied or missing is noticed, and every hurt backup is named', async () => {
    const { store, manifests } = await twoBackups(key);
    for (const [path, bytes] of await objectsOf(store)) {
      for (let length = 0; length < bytes.length; length += IS_LONG ? 1 : 1 + Math.floor(bytes.length / 40)) {
        await store.put(path, bytes.subarray(0, length));
        if (path.endsWith('.json') && sameJson(bytes, bytes.subarray(0, length))) continue; // The last newline.
        expect(await examine(store, key, manifests), `${path} cut to ${length}`).not.toEqual([]);
      }
      await store.delete(path);
      expect(await examine(store, key, manifests), `${path} missing`).not.toEqual([]);
      await store.put(path, bytes);
    }
  });

  it('I5: any object put in the place of another of its kind is noticed', async () => {
    const { store, manifests } = await twoBackups(key);
    const objects = [...(await objectsOf(store))];
    for (const [path, bytes] of objects) {
      for (const [otherPath, other] of objects) {
        if (path === otherPath || path.split('/')[0] !== otherPath.split('/')[0]) continue;
        await store.put(path, other);
        expect(await examine(store, key, manifests), `${otherPath} in place of ${path}`).not.toEqual([]);
      }
      await store.put(path, bytes);
    }
  });

  it('a missing pack hurts those that need it, by name; the others still restore', async () => {
    const { store, repository, manifests, texts } = await twoBackups(key);
    const [first, second] = manifests;
    if (!first || !second) throw new Error('two backups were made');
    const own = second.packs.find((pack) => !first.packs.some((shared) => shared.id === pack.id));
    await store.delete(`packs/${own?.id.slice(0, 2)}/${own?.id}.pack`);
    const report = await repository.check({ readData: true });
    expect(report.ok).toBe(false);
    expect(new Set(report.damage.flatMap((entry) => entry.backups))).toEqual(new Set([second.backupId]));
    expect((await repository.verifyBackup(first)).ok).toBe(true);
    expect(await readText(repository, first)).toBe(texts[0]);
    expect((await repository.verifyBackup(second)).damage[0]?.backups).toEqual([second.backupId]);
  });

  it('a repository whose objects come from another one is not believed', async () => {
    const mine = await twoBackups(key);
    const theirs = await twoBackups(key);
    const [manifest] = theirs.manifests;
    const path = `backups/${IMPLEMENTATION}/${manifest?.backupId}`;
    await mine.store.put(path, await theirs.store.get(path));
    const report = await mine.repository.check({ readData: true });
    expect(report.damage.map((entry) => entry.object)).toContain(path);
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
  return flipped;
}

function sameJson(a: Buffer, b: Buffer): boolean {
  try {
    return JSON.stringify(JSON.parse(a.toString())) === JSON.stringify(JSON.parse(b.toString()));
  } catch {
    return false;
  }
}
