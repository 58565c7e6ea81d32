import { isCofreError } from '@cofre/contracts';
import { type BlobStore, type Codecs, compareRows, type RepositoryKey, RANGE_ROWS } from '@cofre/engine';
import { MemoryStore, nodeCodecs } from '@cofre/storage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backUp,
  IMPLEMENTATION,
  initRepository,
  keyFile,
  keylessLayout,
  layout,
  noKey,
  objectsOf,
  openRepository,
  passphrase,
  readText,
  rowsOf,
  tableOf,
  textOf,
} from './fixtures.ts';

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return isCofreError(error) ? error.code : String(error);
};

const KINDS: [string, RepositoryKey, 'zstd' | 'gzip' | 'none'][] = [
  ['encrypted, zstd', keyFile, 'zstd'],
  ['plain, gzip', noKey, 'gzip'],
  ['plain, uncompressed', noKey, 'none'],
];

describe.each(KINDS)('a repository (%s)', (_, key, compression) => {
  it('I1: gives back exactly the rows that were backed up', async () => {
    const store = new MemoryStore();
    const repository = await initRepository(store, key, compression);
    const rows = rowsOf(2 * RANGE_ROWS + 100, (id) => `tab\t newline\n back\\slash ${id} ✓`);
    const manifest = await backUp(repository, rows);
    const reopened = await openRepository(store, key);
    expect(await readText(reopened, await reopened.readManifest(IMPLEMENTATION, manifest.backupId))).toBe(textOf(rows));
    expect(manifest.stats).toMatchObject({ rows: rows.size, rowsChanged: rows.size, blocksReused: 0 });
    expect((await reopened.verifyBackup(manifest)).ok).toBe(true);
    expect((await reopened.check({ readData: true })).ok).toBe(true);
  });

  it('an empty slice is a backup too', async () => {
    const repository = await initRepository(new MemoryStore(), key, compression);
    const manifest = await backUp(repository, rowsOf(0));
    expect(await readText(repository, manifest)).toBe('');
    expect(manifest.packs).toEqual([]);
    expect((await repository.verifyBackup(manifest)).ok).toBe(true);
  });

  it('stores only blocks that are new, and counts the rows that changed', async () => {
    const repository = await initRepository(new MemoryStore(), key, compression);
    const rows = rowsOf(4 * RANGE_ROWS);
    const first = await backUp(repository, rows);
    const same = await backUp(repository, rows, { parent: first });
    expect(same.stats).toMatchObject({ rowsChanged: 0, blocksNew: 0, bytesStored: 0 });
    rows.set(5, 'changed').delete(6);
    rows.set(4 * RANGE_ROWS + 1, 'appended');
    const next = await backUp(repository, rows, { parent: same });
    expect(next.stats).toMatchObject({ rowsChanged: 3, rows: rows.size });
    // Two ranges changed, each with its keys, and the range list.
    expect(next.stats.blocksNew).toBe(5);
    expect(await readText(repository, next)).toBe(textOf(rows));
    expect(await readText(repository, first)).toBe(textOf(rowsOf(4 * RANGE_ROWS)));
  });

  it('I3: deleting a backup leaves those that share its blocks whole', async () => {
    const repository = await initRepository(new MemoryStore(), key, compression);
    const rows = rowsOf(100);
    const first = await backUp(repository, rows);
    rows.set(7, 'later');
    const second = await backUp(repository, rows, { parent: first });
    await repository.deleteManifest(IMPLEMENTATION, first.backupId);
    expect(await codeOf(repository.readManifest(IMPLEMENTATION, first.backupId))).toBe('repository/object-missing');
    expect(await readText(repository, second)).toBe(textOf(rows));
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });

  it('any history of changes reads back as it was at each step', async () => {
    const change = fc.record({
      id: fc.integer({ min: 0, max: 300 }),
      value: fc.option(fc.string({ maxLength: 9 }).filter((v) => !v.includes('\0'))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 20 }), { minLength: 1, maxLength: 5 }), async (steps) => {
        const repository = await initRepository(new MemoryStore(), key, compression);
        const rows = rowsOf(200);
        let parent = await backUp(repository, rows);
        for (const step of steps) {
          const before = new Map(rows);
          for (const { id, value } of step) {
            if (value === null) rows.delete(id);
            else rows.set(id, value);
          }
          parent = await backUp(repository, rows, { parent });
          expect(await readText(repository, parent)).toBe(textOf(rows));
          const ids = new Set([...before.keys(), ...rows.keys()]);
          expect(parent.stats.rowsChanged).toBe([...ids].filter((id) => before.get(id) !== rows.get(id)).length);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('a table with no key keeps rows that are alike, and reuses its blocks', async () => {
    const repository = await initRepository(new MemoryStore(), key, compression);
    const rows = rowsOf(10);
    const first = await backUp(repository, rows, { layout: keylessLayout });
    const again = await backUp(repository, rows, { layout: keylessLayout, parent: first });
    expect(again.stats).toMatchObject({ blocksNew: 0, rowsChanged: 0 });
    expect(tableOf(again).key).toEqual([]);
  });
});

describe('keys of a repository', () => {
  it('a passphrase opens it, another one is refused before anything else is read', async () => {
    const store = new MemoryStore();
    const manifest = await backUp(await initRepository(store, passphrase), rowsOf(3));
    const read: string[] = [];
    const watched: BlobStore = {
      url: store.url,
      put: (path, bytes, options) => store.put(path, bytes, options),
      get: (path, range) => {
        read.push(path);
        return store.get(path, range);
      },
      stat: (path) => store.stat(path),
      list: (prefix) => store.list(prefix),
      delete: (path) => store.delete(path),
    };
    expect(await codeOf(openRepository(watched, { kind: 'passphrase', passphrase: 'wrong' }))).toBe(
      'repository/key-wrong',
    );
    expect(read).toContain('cofre.json');
    expect(read.every((path) => path === 'cofre.json' || path.startsWith('keys/'))).toBe(true);
    expect(await codeOf(openRepository(store, keyFile))).toBe('repository/key-wrong');
    expect(await codeOf(openRepository(store, noKey))).toBe('repository/key-required');
    const reopened = await openRepository(store, passphrase);
    expect(await readText(reopened, manifest)).toBe(textOf(rowsOf(3)));
  });

  it('the same passphrase in another Unicode form opens it', async () => {
    const store = new MemoryStore();
    await initRepository(store, { kind: 'passphrase', passphrase: 'coração' });
    await expect(
      openRepository(store, { kind: 'passphrase', passphrase: 'coração'.normalize('NFD') }),
    ).resolves.toBeDefined();
  });

  it('of two that are made at once one is, and it lists no key of the other', async () => {
    const store = new MemoryStore();
    const made = await Promise.allSettled([
      initRepository(store, { kind: 'passphrase', passphrase: 'one' }),
      initRepository(store, { kind: 'passphrase', passphrase: 'other' }),
    ]);
    const [winner] = made.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await winner?.info())?.keySlots).toHaveLength(1);
    expect((await Array.fromAsync(store.list('keys/'))).length).toBe(1);
  });

  it('a key for a plain repository is refused, and so is a second init', async () => {
    const store = new MemoryStore();
    await initRepository(store, noKey);
    expect(await codeOf(openRepository(store, keyFile))).toBe('repository/key-not-wanted');
    expect(await codeOf(initRepository(store, keyFile))).toBe('repository/exists');
    expect(await codeOf(openRepository(new MemoryStore(), noKey))).toBe('repository/not-found');
  });

  it('one that is taken away is not there, and nothing of it is called missing or written', async () => {
    const store = new MemoryStore();
    const repository = await initRepository(store, noKey);
    const manifest = await backUp(repository, rowsOf(500));
    const kept = await objectsOf(store);
    for (const path of kept.keys()) await store.delete(path);
    for (const work of [
      () => readText(repository, manifest),
      () => repository.readManifest(IMPLEMENTATION, manifest.backupId),
      () => repository.verifyBackup(manifest),
      () => repository.check({ readData: true }),
      () => Array.fromAsync(repository.listManifests()),
      () => backUp(repository, rowsOf(3)),
    ])
      expect(await codeOf(work())).toBe('repository/not-found');
    expect((await objectsOf(store)).size).toBe(0);
    for (const [path, bytes] of kept) await store.put(path, bytes);
    expect((await repository.verifyBackup(manifest)).ok).toBe(true);
    for (const path of kept.keys()) if (path.startsWith('packs/')) await store.delete(path);
    expect((await repository.verifyBackup(manifest)).ok).toBe(false);
  });

  it('a newer format is refused by its number, not called damage', async () => {
    const store = new MemoryStore();
    await initRepository(store, noKey);
    const config = JSON.parse(Buffer.from(await store.get('cofre.json')).toString()) as object;
    await store.put('cofre.json', Buffer.from(JSON.stringify({ ...config, format: 2 })));
    expect(await codeOf(openRepository(store, noKey))).toBe('repository/newer-format');
  });

  it('I10: nothing readable is stored, and equal rows look different in two repositories', async () => {
    const rows = rowsOf(500, () => 'very secret value');
    const [one, two] = [new MemoryStore(), new MemoryStore()];
    for (const store of [one, two]) await backUp(await initRepository(store, keyFile), rows);
    const objects = await objectsOf(one);
    const other = await objectsOf(two);
    expect([...objects].filter(([path]) => path.startsWith('packs/')).length).toBeGreaterThan(0);
    for (const [path, bytes] of objects) {
      expect(bytes.includes('secret')).toBe(false);
      expect(bytes.includes('public')).toBe(false);
      if (path !== 'cofre.json') expect([...other.values()].some((theirs) => theirs.equals(bytes))).toBe(false);
    }
  });
});

describe('what is sealed', () => {
  it.each(['rows', 'manifest'] as const)(
    'is opened and compared before it leaves the process: faulty %s are never stored',
    async (what) => {
      const store = new MemoryStore();
      const real = await initRepository(store, keyFile);
      const before = await objectsOf(store);
      // A machine that compresses something else than it was given, as faulty memory would.
      const isHit = (plain: Uint8Array): boolean =>
        Buffer.from(plain).includes('repositoryId') === (what === 'manifest');
      const faulty: Codecs = (compression) => ({
        ...nodeCodecs(compression),
        compress: (plain) => {
          const bytes = Buffer.from(plain);
          if (isHit(plain)) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
          return nodeCodecs(compression).compress(bytes);
        },
      });
      const repository = await openRepository(store, keyFile, faulty);
      expect(repository.id).toBe(real.id);
      expect(await codeOf(backUp(repository, rowsOf(100)))).toBe('repository/damaged');
      const manifests = [...(await objectsOf(store)).keys()].filter((path) => path.startsWith('backups/'));
      expect(manifests).toEqual([]);
      if (what === 'rows') expect([...(await objectsOf(store)).keys()]).toEqual([...before.keys()]);
    },
  );
});

describe('what is inherited', () => {
  it('I3: a backup whose inherited pack went away meanwhile is taken back, not called complete', async () => {
    const store = new MemoryStore();
    const first = await backUp(await initRepository(store, keyFile), rowsOf(10));
    const packs = [...(await objectsOf(store)).keys()].filter((path) => path.startsWith('packs/'));
    // Somebody deletes the parent's packs in the instant in which the manifest is put.
    const raced: BlobStore = {
      url: store.url,
      put: async (path, bytes, options) => {
        if (path.startsWith('backups/')) for (const pack of packs) await store.delete(pack);
        return store.put(path, bytes, options);
      },
      get: (path, range) => store.get(path, range),
      stat: (path) => store.stat(path),
      list: (prefix) => store.list(prefix),
      delete: (path) => store.delete(path),
    };
    const repository = await openRepository(raced, keyFile);
    expect(await codeOf(backUp(repository, rowsOf(10), { parent: first }))).toBe('repository/object-missing');
    const manifests = [...(await objectsOf(store)).keys()].filter((path) => path.startsWith('backups/'));
    expect(manifests).toEqual([`backups/${IMPLEMENTATION}/${first.backupId}`]);
  });
});

describe('comparing rows', () => {
  it('names rows of one side only and rows that changed', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const before = await backUp(repository, rowsOf(50));
    const rows = rowsOf(51);
    rows.set(10, 'other').delete(20);
    const after = await backUp(repository, rows);
    let equal = 0;
    const found: string[] = [];
    const streams = { left: repository.readRows(tableOf(before)), right: repository.readRows(tableOf(after)) };
    for await (const difference of compareRows(layout, streams, (count) => (equal += count))) {
      found.push(
        `${difference.kind} ${'left' in difference ? difference.left.toString().trim() : difference.right.toString().trim()}`,
      );
    }
    expect(found).toEqual(['changed 10\tvalue 10', 'left-only 20\tvalue 20', 'right-only 50\tvalue 50']);
    expect(equal).toBe(48);
  });
});

describe('checking a share', () => {
  it('so many runs read every byte once, and what is hurt is found by the one that reads it', async () => {
    const store = new MemoryStore();
    const repository = await initRepository(store, keyFile);
    for (let count = 1; count <= 12; count++) await backUp(repository, rowsOf(count));
    const parts = 5;
    const runs = () =>
      Promise.all(Array.from({ length: parts }, (_, at) => repository.check({ readData: { part: at + 1, parts } })));
    const sum = (checks: Awaited<ReturnType<typeof runs>>) =>
      checks.reduce((bytes, { checked }) => bytes + checked.bytes, 0);
    const whole = await repository.check({ readData: true });
    expect(sum(await runs())).toBe(whole.checked.bytes);
    expect((await repository.check({ readData: { part: 1, parts } })).checked.bytes).toBeLessThan(whole.checked.bytes);
    for await (const { path } of store.list('packs/')) {
      const bytes = await store.get(path);
      await store.put(path, Uint8Array.from(bytes).fill(bytes[70] === 0 ? 1 : 0, 70, 71));
      break;
    }
    expect((await runs()).filter(({ ok }) => !ok)).toHaveLength(1);
  });
});
