import { createHash } from 'node:crypto';
import { isCofreError } from '@cofre/contracts';
import {
  type BlobStore,
  collectGarbage,
  GARBAGE_GRACE_MS,
  type Manifest,
  manifestPath,
  packPath,
  putTrash,
  Repository,
  type RepositoryKey,
} from '@cofre/engine';
import { addImplementation, createBackup, initRepository as initPlace, verifyBackup } from '@cofre/services';
import { MemoryStore, nodeCodecs, systemClock, systemRandom } from '@cofre/storage';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { costlyTestServers } from '../support/long-tests.ts';
import { createShop, type TestServiceOptions } from '../support/service-context.ts';
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

const codeOf = (error: unknown) => (isCofreError(error) ? error.code : String(error));
const KEYS: readonly (readonly [string, RepositoryKey])[] = [
  ['encrypted', keyFile],
  ['plain', noKey],
];

/** Two backups, the second beside the first as deltas, in a store whose clock is the test's. */
async function someRepository(key: RepositoryKey) {
  let nowMs = Date.parse('2026-01-03T00:00:00Z');
  const store = new MemoryStore({ clock: { now: () => new Date(nowMs) } });
  const repository = await initRepository(store, key);
  const first = await backUp(repository, rowsOf(40));
  const live = new LiveTable(rowsOf(40));
  live.set(7, 'changed');
  live.delete(8);
  const second = await backUp(repository, live.rows, { parent: first, probe: live.probe() });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { store, repository, first, second, texts: [textOf(rowsOf(40)), textOf(live.rows)], pass };
}

const pathOf = ({ backupId }: Manifest) => manifestPath(IMPLEMENTATION, backupId);

async function onlyPack({ packs }: Manifest, except: Manifest | null): Promise<string> {
  const own = packs.filter(({ id }) => except?.packs.some((other) => other.id === id) !== true);
  expect(own).toHaveLength(1);
  return packPath(own[0]?.id ?? '');
}

/** Puts the configuration with other values, its checksum right again: what anybody with the bucket can do. */
async function rewriteConfig(store: BlobStore, change: Record<string, unknown>): Promise<void> {
  const config: Record<string, unknown> = {
    ...JSON.parse(Buffer.from(await store.get('cofre.json')).toString()),
    ...change,
  };
  const { format, id, createdAt, encryption, compression, rootKeyIds } = config;
  const body = JSON.stringify([format, id, createdAt, encryption, compression, rootKeyIds]);
  const checksum = createHash('sha256').update(body).digest('hex');
  await store.put('cofre.json', Buffer.from(JSON.stringify({ ...config, checksum })));
}

describe('a hostile bucket', () => {
  it('with a stripped cofre.json gets no plain text, and shows nothing', async () => {
    const { store, first, repository } = await someRepository(keyFile);
    await rewriteConfig(store, { encryption: 'none', rootKeyIds: [], mac: null });
    await expect(openRepository(store, keyFile)).rejects.toMatchObject({ code: 'repository/key-not-wanted' });
    const stripped = await openRepository(store, noKey);
    await expect(stripped.readManifest(IMPLEMENTATION, first.backupId)).rejects.toMatchObject({
      code: 'repository/damaged',
    });
    expect((await stripped.check({ readData: true })).ok).toBe(false);
    // Nothing is freed where manifests cannot be opened.
    expect(await collectGarbage(stripped).catch(codeOf)).toBe('repository/damaged');
    expect((await repository.check({ readData: true })).ok).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['another compression', { compression: 'none' }],
    ['a root key less', { rootKeyIds: [] }],
    ['a root key more', { rootKeyIds: ['0'.repeat(32), 'f'.repeat(32)] }],
    ['another birthday', { createdAt: '2020-01-01T00:00:00.000Z' }],
    ['no MAC', { mac: null }],
  ])('with a cofre.json that was given %s is refused, by name', async (_, change) => {
    const { store } = await someRepository(keyFile);
    await rewriteConfig(store, change);
    await expect(openRepository(store, keyFile)).rejects.toMatchObject({
      code: 'repository/damaged',
      params: { object: 'cofre.json' },
    });
  });

  it('with the cofre.json of another repository is refused', async () => {
    const [mine, theirs] = [await someRepository(keyFile), await someRepository(keyFile)];
    await mine.store.put('cofre.json', await theirs.store.get('cofre.json'));
    await expect(openRepository(mine.store, keyFile)).rejects.toMatchObject({ code: 'repository/key-wrong' });
  });

  it('with another repository of the same id is refused: its key is not ours', async () => {
    const { store, repository } = await someRepository(keyFile);
    const random = { bytes: (length: number) => systemRandom.bytes(length), uuid: () => repository.id };
    const twin = new MemoryStore();
    const key = { kind: 'key-file', bytes: Buffer.alloc(32, 9) } as const;
    await Repository.init({ store: twin, codecs: nodeCodecs, clock: systemClock, random, key, compression: 'zstd' });
    expect(JSON.parse(Buffer.from(await twin.get('cofre.json')).toString()).id).toBe(repository.id);
    await expect(openRepository(twin, keyFile)).rejects.toMatchObject({ code: 'repository/key-wrong' });
    // Its objects are not believed among ours, either.
    for (const [path, bytes] of await objectsOf(twin)) if (path.startsWith('keys/')) await store.put(path, bytes);
    expect((await openRepository(store, keyFile)).rootKeyIds).toEqual(repository.rootKeyIds);
  });
});

describe.each(KEYS)('objects that were moved in a bucket (%s)', (_, key) => {
  it('the manifest of another backup under this path is refused', async () => {
    const { store, repository, first, second } = await someRepository(key);
    await store.put(pathOf(first), await store.get(pathOf(second)));
    await expect(repository.readManifest(IMPLEMENTATION, first.backupId)).rejects.toMatchObject({
      code: 'repository/damaged',
      params: { object: pathOf(first) },
    });
  });

  it('a block in the place of another of the same size, in another pack or in the same one, is refused', async () => {
    const { store, repository } = await someRepository(key);
    const one = await backUp(repository, new Map([[1, 'aaaa']]));
    const other = await backUp(repository, new Map([[1, 'bbbb']]));
    const [from, into] = [await onlyPack(one, null), await onlyPack(other, null)];
    const ranges = await Promise.all([one, other].map((it) => Array.fromAsync(repository.ranges(tableOf(it)))));
    const [source, target] = ranges.map(([range]) => range?.base?.rows);
    if (!source || !target) throw new Error('each has a block of rows');
    expect(source.length).toBe(target.length);
    const bytes = await store.get(into);
    bytes.set(await store.get(from, source), target.offset);
    await store.put(into, bytes);
    await expect(readText(repository, other)).rejects.toMatchObject({ code: 'repository/damaged' });
    expect(await readText(repository, one)).toBe('1\taaaa\n');
    const { damage } = await repository.through(store).check({ readData: true });
    expect(damage).toMatchObject([{ object: expect.stringContaining(into), backups: [other.backupId] }]);
  });

  it('a whole pack under the path of another, or from another repository, is refused', async () => {
    const { store, repository, first, second } = await someRepository(key);
    const theirs = await someRepository(key);
    const place = await onlyPack(first, null);
    for (const foreign of [
      await store.get(await onlyPack(second, first)),
      await theirs.store.get(await onlyPack(theirs.first, null)),
    ]) {
      await store.put(place, foreign);
      const fresh = repository.through(store);
      await expect(readText(fresh, first)).rejects.toMatchObject({ code: 'repository/damaged' });
      const { damage } = await fresh.check({ readData: true });
      const named = damage.find(({ object }) => object.startsWith(place));
      expect(named?.backups).toEqual([first.backupId, second.backupId].toSorted());
    }
  });

  it('I3: trash and leases that are put again cost space and time, never a backup', async () => {
    const { store, repository, first, second, texts, pass } = await someRepository(key);
    await putTrash(
      repository,
      [...first.packs, ...second.packs].map(({ id }) => id),
    );
    const lease = await repository.takeLease();
    const replayed = [...(await objectsOf(store))].filter(([path]) => /^(trash|leases)\//.test(path));
    expect(replayed).toHaveLength(2);
    await lease.release();
    for (let round = 0; round < 3; round++) {
      pass(GARBAGE_GRACE_MS + 1);
      for (const [path, bytes] of replayed) await store.put(path, bytes);
      pass(GARBAGE_GRACE_MS + 1);
      expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0 });
    }
    expect(await readText(repository, first)).toBe(texts[0]);
    expect(await readText(repository, second)).toBe(texts[1]);
    // Under another's path they say nothing.
    await store.put(`trash/${'0'.repeat(32)}`, replayed[0]?.[1] ?? Buffer.alloc(0));
    expect(await collectGarbage(repository)).toMatchObject({ freedObjects: 0 });
  });

  it('a manifest that was taken away is missed by who knows how many there were', async () => {
    const { store, repository, first, second } = await someRepository(key);
    await store.delete(pathOf(first));
    const { checked } = await repository.check({ readData: true });
    expect(checked.backups).toBe(1);
    await expect(repository.readManifest(IMPLEMENTATION, first.backupId)).rejects.toMatchObject({
      code: 'repository/object-missing',
    });
    expect((await repository.verifyBackup(second)).ok).toBe(true);
  });
});

describe.each(costlyTestServers())('what the catalogue knows of a bucket, on PostgreSQL $name', (server) => {
  async function shop(options: TestServiceOptions = {}) {
    const db = await createTestDatabase(server, { template: 'migrated' });
    onTestFinished(() => db.drop());
    const service = await createShop(db, options);
    onTestFinished(() => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    return { ...service, db };
  }
  const one = { implementation: 'shop/one', type: 'incremental' } as const;

  it('a configuration that lacks a root key that was used is refused, and a new one is remembered', async () => {
    const { context, again, db } = await shop({ key: keyFile });
    await createBackup(context, one);
    const lost = 'f'.repeat(32);
    await db.query('UPDATE cofre.repository_pin SET root_key_ids = root_key_ids || $1::text', [lost]);
    await expect(createBackup(again(), one)).rejects.toMatchObject({
      code: 'repository/identity-changed',
      message: expect.stringContaining('root key'),
    });
    await db.query(`UPDATE cofre.repository_pin SET root_key_ids = '{}'`);
    await createBackup(again(), one);
    const { rows } = await db.query('SELECT root_key_ids FROM cofre.repository_pin');
    expect(rows[0].root_key_ids).toEqual((await context.openRepository()).rootKeyIds);
  });

  it('a plain repository with the same id and made-up backups is told by what was kept of each', async () => {
    const { context, again } = await shop();
    const { id } = await createBackup(context, one);
    // Somebody with the bucket makes a manifest anew; in a plain repository everybody can.
    const repository = await context.openRepository();
    for await (const { path, implementationId, backupId } of repository.listManifests()) {
      const manifest = await repository.readManifest(implementationId, backupId);
      const forged = { ...manifest, description: 'forged' };
      await repository.putObject(path, 'manifest', Buffer.from(JSON.stringify(forged)));
      expect(await repository.readManifest(implementationId, backupId)).toMatchObject({ description: 'forged' });
    }
    const check = await verifyBackup(again(), { backup: id });
    expect(check).toMatchObject({ ok: false, damage: [{ backups: [id] }] });
    // It is built on no more, and the slice is stored anew.
    expect(await createBackup(again(), one)).toMatchObject({ type: 'full', status: 'completed' });
  });

  it('an empty repository in its place is refused', async () => {
    const { context, again } = await shop({ key: keyFile });
    await createBackup(context, one);
    const other = new MemoryStore();
    await initPlace({ ...context, store: other }, {});
    await expect(createBackup(again({ store: other }), one)).rejects.toMatchObject({
      code: 'repository/identity-changed',
    });
  });
});
