import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isCofreError } from '@cofre/contracts';
import {
  type BlobStore,
  collectGarbage,
  GARBAGE_GRACE_MS,
  isCollectionDue,
  type Manifest,
  manifestPath,
  type ObjectInfo,
  putTrash,
  RANGE_ROWS,
  type Repository,
  simulateCollection,
  WRITE_TIME_MAX_MS,
} from '@cofre/engine';
import { diesAt, FileStore, MemoryStore, openStore, withFaults } from '@cofre/storage';
import { afterAll, describe, expect, it } from 'vitest';
import { s3Address } from '../support/s3-server.ts';
import { S3Stub } from '../support/s3-stub.ts';
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

const HOUR_MS = 3_600_000;
const codeOf = (error: unknown) => (isCofreError(error) ? error.code : String(error));

/** A repository whose store has a clock of its own. */
async function timedRepository(key = noKey) {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const store = new MemoryStore({ clock: { now: () => new Date(nowMs) } });
  const repository = await initRepository(store, key);
  return { store, repository, pass: (hours: number) => void (nowMs += hours * HOUR_MS), now: () => new Date(nowMs) };
}

async function paths(store: BlobStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const info of store.list(prefix)) found.push(info.path);
  return found.toSorted();
}

const packsOf = (...manifests: readonly Manifest[]) =>
  [
    ...new Set(manifests.flatMap(({ packs }) => packs.map(({ id }) => `packs/${id.slice(0, 2)}/${id}.pack`))),
  ].toSorted();

const drop = (repository: Repository, manifest: Manifest) =>
  repository.deleteManifest(IMPLEMENTATION, manifest.backupId);

describe('collecting garbage', () => {
  it.each([
    ['plain', noKey],
    ['encrypted', keyFile],
  ])('frees what a deleted backup alone needed, after a day in the trash, and nothing else (%s)', async (_, key) => {
    const { store, repository, pass } = await timedRepository(key);
    const rows = rowsOf(2 * RANGE_ROWS);
    const first = await backUp(repository, rows);
    const second = await backUp(repository, rows.set(3, 'changed'), { parent: first });
    const shared = packsOf(first).filter((pack) => packsOf(second).includes(pack));
    expect(shared).toHaveLength(1);
    const third = await backUp(
      repository,
      rowsOf(10, (id) => `other ${id}`),
    );
    pass(13);
    await drop(repository, third);
    const size = (await store.stat(packsOf(third)[0] ?? ''))?.sizeBytes;
    expect(await collectGarbage(repository)).toMatchObject({ isMarked: true, freedObjects: 0, waitingBytes: size });
    pass(23);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0, waitingBytes: size });
    pass(2);
    expect(await collectGarbage(repository)).toMatchObject({
      freedObjects: 1,
      freedBytes: size,
      waitingBytes: 0,
      left: 0,
    });
    expect(await paths(store, 'packs/')).toEqual(packsOf(first, second));
    expect(await paths(store, 'trash/')).toEqual([]);
    expect(await readText(repository, second)).toBe(textOf(rows));
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });

  it('what a crashed backup left is found when it cannot be at work any more', async () => {
    const { store, repository, pass } = await timedRepository();
    const dying = withFaults(store, ({ path }) => (path.startsWith('backups/') ? { kind: 'before' } : null));
    await expect(backUp(await openRepository(dying, noKey), rowsOf(5))).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
    expect([await paths(store, 'packs/'), await paths(store, 'leases/')]).toMatchObject([{ length: 1 }, { length: 2 }]);
    pass(11);
    expect(await collectGarbage(repository)).toMatchObject({ waitingBytes: 0 });
    expect(await paths(store, 'trash/')).toEqual([]);
    pass(2);
    expect((await collectGarbage(repository)).waitingBytes).toBeGreaterThan(0);
    pass(25);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 1 });
    expect([await paths(store, 'packs/'), await paths(store, 'leases/'), await paths(store, 'trash/')]).toEqual([
      [],
      [],
      [],
    ]);
  });

  it('stores anew what is in the trash, the page of a range list alone too, and counts the rows as unchanged', async () => {
    const { repository, pass, store } = await timedRepository();
    const rows = rowsOf(RANGE_ROWS + 10);
    const first = await backUp(repository, rows);
    for (let id = RANGE_ROWS; id < RANGE_ROWS + 10; id++) rows.delete(id);
    const shorter = await backUp(repository, rows, { parent: first });
    const page = shorter.tables[0]?.ranges[0]?.pack ?? '';
    expect(shorter.stats.blocksNew).toBe(1);
    await putTrash(repository, [page]);
    pass(1);
    const next = await backUp(repository, rows, { parent: shorter });
    expect(next.packs.map(({ id }) => id)).not.toContain(page);
    expect(next.stats).toMatchObject({ blocksNew: 1, rowsChanged: 0 });
    await putTrash(
      repository,
      first.packs.map(({ id }) => id),
    );
    const anew = await backUp(repository, rows, { parent: next });
    expect(anew.packs.filter(({ id }) => first.packs.some((old) => old.id === id))).toEqual([]);
    expect(anew.stats).toMatchObject({ blocksReused: 0, rowsChanged: 0 });
    expect(await readText(repository, anew)).toBe(textOf(rows));
    // Needed all the same: it is taken out of the trash, and stays.
    pass(25);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0 });
    expect(await paths(store, 'trash/')).toEqual([]);
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });

  it('with a shorter grace nothing goes that a writer may have begun to build on, and all else does', async () => {
    const { store, repository, pass } = await timedRepository();
    const kept = await backUp(repository, rowsOf(3));
    const dropped = await backUp(repository, rowsOf(4));
    await drop(repository, dropped);
    pass(1.1);
    const writer = await repository.takeLease();
    const graceMs = HOUR_MS;
    expect(await collectGarbage(repository, { graceMs })).toMatchObject({ freedObjects: 0, waitingBytes: 0 });
    await writer.release();
    expect(await collectGarbage(repository, { graceMs })).toMatchObject({ waitingBytes: dropped.stats.bytesStored });
    const late = await repository.takeLease();
    pass(1.1);
    expect(await collectGarbage(repository, { graceMs })).toMatchObject({ freedObjects: 0, writers: 1 });
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0, writers: 0 });
    await late.release();
    expect(await collectGarbage(repository, { graceMs })).toMatchObject({ freedObjects: 1, writers: 0 });
    expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
  });

  it('a manifest whose put was not answered keeps the lease, for it may appear yet', async () => {
    const { store, repository } = await timedRepository();
    const unanswered = withFaults(store, ({ path, operation }) =>
      operation === 'put' && path.startsWith('backups/') ? { kind: 'before' } : null,
    );
    const through = await openRepository(unanswered, noKey);
    const lease = await through.takeLease();
    await expect(backUp(through, rowsOf(3), { lease })).rejects.toMatchObject({ code: 'storage/unavailable' });
    await lease.release();
    expect(await paths(store, 'leases/')).toHaveLength(2);
    const other = await repository.takeLease();
    await backUp(repository, rowsOf(3), { lease: other });
    expect(await paths(store, 'leases/')).toHaveLength(2);
  });

  it('a backup that took longer than half the grace is refused before its manifest is put', async () => {
    const { repository, pass, store } = await timedRepository();
    for (const hours of [WRITE_TIME_MAX_MS / HOUR_MS + 0.01, -7]) {
      const lease = await repository.takeLease();
      pass(hours);
      const failure = await backUp(repository, rowsOf(3), { lease }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'backup/took-too-long', retryable: true });
      await lease.release();
    }
    expect([await paths(store, 'backups/'), await paths(store, 'leases/')]).toEqual([[], []]);
    const lease = await repository.takeLease();
    pass(WRITE_TIME_MAX_MS / HOUR_MS - 0.01);
    await backUp(repository, rowsOf(3), { lease });
  });

  it('stops, and deletes nothing, where a manifest cannot be opened', async () => {
    const { repository, pass, store } = await timedRepository();
    const kept = await backUp(repository, rowsOf(3));
    const dropped = await backUp(repository, rowsOf(4));
    await drop(repository, dropped);
    pass(25);
    await collectGarbage(repository);
    pass(25);
    const place = manifestPath(IMPLEMENTATION, kept.backupId);
    const whole = await store.get(place);
    for (const [bytes, code] of [
      [Uint8Array.from(whole).fill(1, 70, 80), 'repository/damaged'],
      [Uint8Array.from(whole).fill(9, 8, 9), 'repository/newer-format'],
    ] as const) {
      await store.put(place, bytes);
      const before = await objectsOf(store);
      await expect(collectGarbage(repository).catch(codeOf)).resolves.toBe(code);
      expect(await objectsOf(store)).toEqual(before);
      expect(await isCollectionDue(repository, new Date(0))).toBe(true);
    }
    await store.put(place, whole);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 1 });
  });

  it('a damaged list of trash names every pack to a writer, none to a collector, and does not stay', async () => {
    const { repository, pass, store } = await timedRepository();
    const kept = await backUp(repository, rowsOf(3));
    const dropped = await backUp(repository, rowsOf(4));
    await drop(repository, dropped);
    pass(25);
    await collectGarbage(repository);
    pass(25);
    const [list = ''] = await paths(store, 'trash/');
    await store.put(list, (await store.get(list)).fill(7, 70, 74));
    expect((await backUp(repository, rowsOf(3), { parent: kept })).stats.blocksReused).toBe(0);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0 });
    expect(await paths(store, 'packs/')).toEqual(expect.arrayContaining(packsOf(kept, dropped)));
    pass(25);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 1 });
  });

  it('one that is killed at any of its calls leaves every backup whole, and the next one goes on', async () => {
    for (const kind of ['before', 'after'] as const) {
      for (let at = 0, isKilled = true; isKilled; at++) {
        const { repository, pass, store } = await timedRepository();
        const rows = rowsOf(50);
        const kept = await backUp(repository, rows);
        const dropped = [await backUp(repository, rowsOf(4)), await backUp(repository, rowsOf(5))];
        for (const manifest of dropped) await drop(repository, manifest);
        pass(25);
        await collectGarbage(repository);
        const late = await backUp(repository, rowsOf(6));
        await drop(repository, late);
        pass(25);
        const mortal = await openRepository(withFaults(store, diesAt(at + 1, kind)), noKey);
        isKilled = await collectGarbage(mortal).then(
          () => false,
          () => true,
        );
        expect(await readText(repository, kept)).toBe(textOf(rows));
        for (let run = 0; run < 2; run++) {
          pass(25);
          await collectGarbage(repository);
        }
        expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
        expect([await paths(store, 'trash/'), (await repository.check({ readData: true })).ok]).toEqual([[], true]);
      }
    }
  });

  it('a listing that is behind by hours hurts nothing, and the next run frees the rest', async () => {
    const { repository, pass, store } = await timedRepository();
    let isStale = false;
    const behind = await openRepository(
      withFaults(store, ({ operation }) => (operation === 'list' && isStale ? { kind: 'stale' } : null)),
      noKey,
    );
    const dropped = await backUp(behind, rowsOf(4));
    await drop(behind, dropped);
    pass(25);
    await collectGarbage(behind);
    pass(19);
    // From here on nobody sees what was put since: five and more hours.
    isStale = true;
    const kept = await backUp(behind, rowsOf(8));
    pass(6);
    expect(await collectGarbage(behind)).toMatchObject({ freedObjects: 1 });
    expect(await readText(repository, kept)).toBe(textOf(rowsOf(8)));
    isStale = false;
    pass(25);
    await collectGarbage(behind);
    pass(25);
    await collectGarbage(behind);
    expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
  });

  it('goes on where the time was up, and does nothing where there is none to look at every manifest', async () => {
    const { repository, pass, store } = await timedRepository();
    const kept = await backUp(repository, rowsOf(3));
    for (let count = 1; count <= 40; count++) await drop(repository, await backUp(repository, rowsOf(count + 10)));
    pass(25);
    await collectGarbage(repository);
    pass(25);
    const times = (count: number) => {
      let left = count;
      return () => left-- > 0;
    };
    const before = await objectsOf(store);
    expect(await collectGarbage(repository, { mayGoOn: times(0) })).toMatchObject({ isMarked: false, freedObjects: 0 });
    expect(await objectsOf(store)).toEqual(before);
    expect(await collectGarbage(repository, { mayGoOn: times(3) })).toMatchObject({ freedObjects: 32, left: 8 });
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 8, left: 0 });
    expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
  });

  it('a simulation says what a run would do, and changes nothing', async () => {
    const { repository, pass, store, now } = await timedRepository();
    const kept = await backUp(repository, rowsOf(3));
    const dropped = await backUp(repository, rowsOf(4));
    const next = await backUp(repository, rowsOf(5));
    await drop(repository, dropped);
    pass(25);
    await collectGarbage(repository);
    pass(25);
    const before = await objectsOf(store);
    const simulated = await simulateCollection(repository, { now: now(), without: new Set([next.backupId]) });
    expect(await objectsOf(store)).toEqual(before);
    await drop(repository, next);
    expect(await collectGarbage(repository)).toEqual(simulated);
    expect(simulated).toMatchObject({ freedObjects: 1, waitingBytes: next.stats.bytesStored });
    expect(await readText(repository, kept)).toBe(textOf(rowsOf(3)));
  });

  it('is due when the last mark is an hour old, whoever made it', async () => {
    const { repository, pass, store, now } = await timedRepository();
    expect(await isCollectionDue(repository, now())).toBe(true);
    await collectGarbage(repository);
    expect(await isCollectionDue(repository, now())).toBe(false);
    pass(0.9);
    await collectGarbage(repository);
    pass(0.2);
    expect(await isCollectionDue(repository, now())).toBe(false);
    expect(await paths(store, 'marks/')).toHaveLength(1);
    pass(0.9);
    expect(await isCollectionDue(repository, now())).toBe(true);
  });
});

describe('in a folder', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  it('collects as in memory: ages are those of the files', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-garbage-'));
    folders.push(folder);
    const store = new FileStore(folder);
    const repository = await initRepository(store, keyFile);
    const kept = await backUp(repository, rowsOf(3));
    const dropped = await backUp(repository, rowsOf(4));
    await drop(repository, dropped);
    await age(folder, packsOf(dropped));
    expect((await collectGarbage(repository)).waitingBytes).toBe(dropped.stats.bytesStored);
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0 });
    await age(folder, await paths(store, 'trash/'));
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 1 });
    expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
  });

  it('removes what killed writers left half written a day ago, and nothing that may be under way', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-garbage-'));
    folders.push(folder);
    const repository = await initRepository(new FileStore(folder), noKey);
    const manifest = await backUp(repository, rowsOf(3));
    const place = `${path.dirname(manifestPath(IMPLEMENTATION, manifest.backupId))}/x~`;
    for (const name of ['old', 'young']) await writeFile(path.join(folder, place + name), 'half');
    await age(folder, [`${place}old`]);
    await collectGarbage(repository);
    const left = await readdir(folder, { recursive: true });
    expect(left.filter((name) => name.includes('~'))).toEqual([`${place}young`]);
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });
});

describe('in a bucket', () => {
  it('collects as in memory, through pages of three objects', async () => {
    await using server = await bucket();
    // What was put before an hour passed looks an hour older; the stub's own clock goes on as it does.
    let shiftMs = 0;
    const shifts = new Map<string, number>();
    const shifted = (info: ObjectInfo) => ({
      ...info,
      modifiedAt: new Date(info.modifiedAt.getTime() + (shifts.get(info.path) ?? 0)),
    });
    const { stub } = server;
    const inner = openStore(s3Address(stub, 'garbage'), { s3: { credentials: stub.credentials } });
    const store: BlobStore = {
      url: inner.url,
      get: (path, range) => inner.get(path, range),
      delete: (path) => inner.delete(path),
      put: (path, bytes, options) => {
        shifts.set(path, shiftMs);
        return inner.put(path, bytes, options);
      },
      stat: async (path) => {
        const info = await inner.stat(path);
        return info && shifted(info);
      },
      async *list(prefix) {
        for await (const info of inner.list(prefix)) yield shifted(info);
      },
    };
    const repository = await initRepository(store, keyFile);
    const kept = await backUp(repository, rowsOf(3));
    for (let count = 4; count < 9; count++) await drop(repository, await backUp(repository, rowsOf(count)));
    shiftMs += 13 * HOUR_MS;
    expect((await collectGarbage(repository)).waitingBytes).toBeGreaterThan(0);
    shiftMs += 25 * HOUR_MS;
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 5, left: 0, waitingBytes: 0 });
    expect(await paths(store, 'packs/')).toEqual(packsOf(kept));
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });
});

async function bucket() {
  const stub = await S3Stub.start({ pageSize: 3 });
  return { stub, [Symbol.asyncDispose]: () => stub.close() };
}

async function age(folder: string, objects: readonly string[]): Promise<void> {
  const then = new Date(Date.now() - GARBAGE_GRACE_MS - HOUR_MS);
  for (const object of objects) await utimes(path.join(folder, object), then, then);
}
