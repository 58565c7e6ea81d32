import { isCofreError } from '@cofre/contracts';
import type { BlobStore, Manifest, Repository, RepositoryKey } from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
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
  textOf,
} from './fixtures.ts';

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
  const noticed: string[] = [];
  try {
    const repository = await openRepository(store, key);
    const report = await repository.check({ readData: true });
    for (const { object, kind, backups } of report.damage) noticed.push(`${kind} ${object} ${backups.join()}`);
    if (report.checked.backups !== manifests.length) noticed.push('a backup is not there');
  } catch (error) {
    if (!isCofreError(error) || !NOTICED.has(error.code)) throw error;
    noticed.push(error.code);
  }
  return noticed;
}

async function twoBackups(
  key: RepositoryKey,
): Promise<{ store: MemoryStore; repository: Repository; manifests: Manifest[] }> {
  const store = new MemoryStore();
  const repository = await initRepository(store, key);
  const first = await backUp(repository, rowsOf(20));
  const second = await backUp(repository, rowsOf(21), { parent: first });
  return { store, repository, manifests: [first, second] };
}

describe.each([
  ['encrypted', keyFile],
  ['plain', noKey],
] as const)('damage in a repository (%s)', (_, key) => {
  it('I5: a flipped bit at any position of any object is noticed', async () => {
    const { store, manifests } = await twoBackups(key);
    expect(await examine(store, key, manifests)).toEqual([]);
    for (const [path, bytes] of await objectsOf(store)) {
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        await store.put(path, flipped);
        const noticed = await examine(store, key, manifests);
        // White space of the JSON that people read may change without harm.
        const harmless = path.endsWith('.json') && sameJson(bytes, flipped);
        if (!harmless) expect(noticed, `${path} at ${at}`).not.toEqual([]);
      }
      await store.put(path, bytes);
    }
  });

  it('I5: an object cut short, emptied or missing is noticed, and every hurt backup is named', async () => {
    const { store, manifests } = await twoBackups(key);
    for (const [path, bytes] of await objectsOf(store)) {
      for (const length of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
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
    const { store, repository, manifests } = await twoBackups(key);
    const [first, second] = manifests;
    if (!first || !second) throw new Error('two backups were made');
    const own = second.packs.find((pack) => !first.packs.some((shared) => shared.id === pack.id));
    await store.delete(`packs/${own?.id.slice(0, 2)}/${own?.id}.pack`);
    const report = await repository.check({ readData: true });
    expect(report.ok).toBe(false);
    expect(new Set(report.damage.flatMap((entry) => entry.backups))).toEqual(new Set([second.backupId]));
    expect((await repository.verifyBackup(first)).ok).toBe(true);
    expect(await readText(repository, first)).toBe(textOf(rowsOf(20)));
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

function sameJson(a: Buffer, b: Buffer): boolean {
  try {
    return JSON.stringify(JSON.parse(a.toString())) === JSON.stringify(JSON.parse(b.toString()));
  } catch {
    return false;
  }
}
