import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BlobStore, Manifest, Repository, RepositoryKey } from '../../packages/engine/src/index.ts';
import { diesAt, FileStore, MemoryStore, withFaults } from '../../packages/storage/src/index.ts';
import { backUp, initRepository, keyFile, noKey, openRepository, passphrase, readText, rowsOf } from './fixtures.ts';

type Secret = Exclude<RepositoryKey, { kind: 'none' }>;
const keyOf = (byte: number): Secret => ({ kind: 'key-file', bytes: Buffer.alloc(32, byte) });
const own = keyOf(7);
const other = keyOf(8);
const third = keyOf(9);

/** The manifests of all backups are read by this key, and every one of them to its last byte. */
async function expectReadable(store: BlobStore, key: RepositoryKey, backups: readonly Manifest[]): Promise<Repository> {
  const repository = await openRepository(store, key);
  for (const { backupId, implementation } of backups) {
    const manifest = await repository.readManifest(implementation.id, backupId);
    expect(await readText(repository, manifest)).toContain('value');
  }
  expect((await repository.check({ readData: true })).damage).toEqual([]);
  return repository;
}

async function opens(store: BlobStore, key: RepositoryKey): Promise<boolean> {
  try {
    await openRepository(store, key);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'repository/key-wrong' });
    return false;
  }
}

const objectsOf = async (store: BlobStore, prefix: string) =>
  (await Array.fromAsync(store.list(prefix))).map((info) => info.path);

async function copyOf(store: BlobStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for (const object of await objectsOf(store, '')) await copy.put(object, await store.get(object));
  return copy;
}

/** A repository with a backup, and further keys. */
async function withKeys(...keys: readonly Secret[]): Promise<{ store: MemoryStore; backup: Manifest }> {
  const store = new MemoryStore();
  const repository = await initRepository(store, own);
  const backup = await backUp(repository, rowsOf(20));
  for (const key of keys) await repository.addKey(key);
  return { store, backup };
}

const slotOf = async (store: BlobStore, key: RepositoryKey) =>
  (await (await openRepository(store, key)).listKeys()).find((slot) => slot.isOwn)?.id ?? 'none';

describe('keys of a repository', () => {
  it('one that was added opens all there is; one that was removed opens nothing, and the others still do', async () => {
    const { store, backup } = await withKeys(other);
    expect(await opens(store, third)).toBe(false);
    const opened = await expectReadable(store, other, [backup]);
    expect(await opened.listKeys()).toMatchObject([
      { isOwn: false, isWhole: true },
      { isOwn: true, isWhole: true },
    ]);
    const later = await backUp(opened, rowsOf(30));
    await opened.removeKey((await slotOf(store, own)).slice(0, 6));
    expect(await opens(store, own)).toBe(false);
    await expectReadable(store, other, [backup, later]);
    expect(await objectsOf(store, 'keys/')).toHaveLength(1);
  });

  it('a passphrase beside a key file, added twice: the second time changes nothing', async () => {
    const { store, backup } = await withKeys();
    const repository = await openRepository(store, own);
    const first = await repository.addKey({ kind: 'passphrase', passphrase: 'correct horse battery staple' });
    expect(first).toMatchObject({ isNew: true, slot: { kind: 'passphrase', isWhole: true, isOwn: false } });
    const before = await objectsOf(store, '');
    const again = await repository.addKey({ kind: 'passphrase', passphrase: 'correct horse battery staple' });
    expect(again).toEqual({ ...first, isNew: false });
    expect(await objectsOf(store, '')).toEqual(before);
    await expectReadable(store, passphrase, [backup]);
  });

  it('refuses to remove the key that opened it, one that is not there, and one that opens more than the given one', async () => {
    const { store } = await withKeys(other);
    const repository = await openRepository(store, own);
    const removal = (id: string) => repository.removeKey(id);
    await expect(removal(await slotOf(store, own))).rejects.toMatchObject({ code: 'repository/key-needed' });
    await expect(removal('zz')).rejects.toMatchObject({ code: 'repository/key-not-found' });
    await expect(removal('')).rejects.toMatchObject({ code: 'repository/key-not-found' });
    await (await openRepository(store, other)).rotateRootKey();
    await expect(removal(await slotOf(store, other))).rejects.toMatchObject({ code: 'repository/key-needed' });
    expect(await opens(store, other)).toBe(true);
  });

  it('a plain repository has none', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    expect(await repository.listKeys()).toEqual([]);
    await expect(repository.addKey(own)).rejects.toMatchObject({ code: 'usage/invalid' });
    await expect(repository.rotateRootKey()).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});

describe('rotation', () => {
  it('seals what is new with a new root key, reads what is old, and changes no object (I4)', async () => {
    const { store, backup } = await withKeys();
    const before = await copyOf(store);
    const packsBefore = await objectsOf(store, 'packs/');
    const repository = await openRepository(store, own);
    const { rootKeyId, leftOut } = await repository.rotateRootKey();
    expect(leftOut).toEqual([]);
    for (const object of await objectsOf(before, '')) expect(await store.get(object)).toEqual(await before.get(object));
    const later = await backUp(repository, rowsOf(25), { parent: backup });
    const manifest = await store.get(`backups/${later.implementation.id}/${later.backupId}`);
    expect(Buffer.from(manifest).toString('hex', 16, 32)).toBe(rootKeyId);
    const [pack = ''] = (await objectsOf(store, 'packs/')).filter((it) => !packsBefore.includes(it));
    expect(Buffer.from(await store.get(pack)).toString('hex', 10, 26)).toBe(rootKeyId);
    const opened = await expectReadable(store, own, [backup, later]);
    expect(opened.rootKeyIds).toHaveLength(2);
    expect(opened.rootKeyIds.at(-1)).toBe(rootKeyId);
    expect(await opened.listKeys()).toMatchObject([{ rootKeyIds: opened.rootKeyIds, isWhole: true }]);
  });

  it('a key that was left out reads what is older and writes nothing, until it is added again', async () => {
    const { store, backup } = await withKeys(other);
    const repository = await openRepository(store, own);
    const { leftOut } = await repository.rotateRootKey();
    expect(leftOut).toMatchObject([{ id: await slotOf(store, other), isWhole: false }]);
    const later = await backUp(repository, rowsOf(25));
    const left = await openRepository(store, other);
    expect(await readText(left, await left.readManifest(backup.implementation.id, backup.backupId))).toContain('value');
    const wrong = { code: 'repository/key-wrong' };
    await expect(left.readManifest(later.implementation.id, later.backupId)).rejects.toMatchObject(wrong);
    await expect(backUp(left, rowsOf(5))).rejects.toMatchObject(wrong);
    await expect(left.putObject('plans/x/plan', 'plan', Buffer.from('{}'))).rejects.toMatchObject(wrong);
    await expect(left.addKey(third)).rejects.toMatchObject(wrong);
    await expect(left.rotateRootKey()).rejects.toMatchObject(wrong);
    const slots = await repository.listKeys();
    expect(await repository.addKey(other)).toMatchObject({ isNew: true, slot: { isWhole: true, id: leftOut[0]?.id } });
    expect(await repository.listKeys()).toHaveLength(slots.length);
    await backUp(await expectReadable(store, other, [backup, later]), rowsOf(5));
  });

  it('a process that was open before reads and writes with the root key that another one added', async () => {
    const { store, backup } = await withKeys();
    const [running, reading] = [await openRepository(store, own), await openRepository(store, own)];
    const { rootKeyId } = await (await openRepository(store, own)).rotateRootKey();
    const later = await backUp(running, rowsOf(25));
    expect(running.rootKeyIds.at(-1)).toBe(rootKeyId);
    const manifest = await store.get(`backups/${later.implementation.id}/${later.backupId}`);
    expect(Buffer.from(manifest).toString('hex', 16, 32)).toBe(rootKeyId);
    expect(await readText(reading, await reading.readManifest(later.implementation.id, later.backupId))).toContain(
      'value',
    );
    await expectReadable(store, own, [backup, later]);
  });

  it('many times over, with keys that come and go between', async () => {
    const { store, backup } = await withKeys(other);
    const backups = [backup];
    for (let turn = 0; turn < 5; turn++) {
      const repository = await openRepository(store, turn % 2 === 0 ? own : other);
      await repository.rotateRootKey();
      await repository.addKey(turn % 2 === 0 ? other : own);
      backups.push(await backUp(repository, rowsOf(20 + turn), { parent: backups[0] as Manifest }));
    }
    for (const key of [own, other]) expect((await expectReadable(store, key, backups)).rootKeyIds).toHaveLength(6);
  });

  it('is read by the published reader, which is older than rotation', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-keys-'));
    folders.push(folder);
    const store = new FileStore(folder);
    const repository = await initRepository(store, keyFile);
    await backUp(repository, rowsOf(20));
    await repository.rotateRootKey();
    await backUp(repository, rowsOf(30));
    const reader = path.resolve(import.meta.dirname, '../../apps/reader/recovery/cofre-reader-1.mjs');
    const key = path.join(folder, 'key');
    await writeFile(key, Buffer.alloc(32, 7));
    const env = { PATH: process.env['PATH'], COFRE_KEY_FILE: key };
    const listed = spawnSync(process.execPath, [reader, 'list', folder, '--json'], { env, encoding: 'utf8' });
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    expect(
      JSON.parse(listed.stdout)
        .items.map(({ rows }: { rows: number }) => rows)
        .toSorted(),
    ).toEqual([20, 30]);
    const output = path.join(folder, 'export');
    const args = [reader, 'export', folder, 'latest', '--format', 'csv', '--output', output];
    expect(spawnSync(process.execPath, args, { env, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe('a change of keys that is killed', () => {
  const changes = {
    add: (repository: Repository) => repository.addKey(third),
    'add again what was left out': (repository: Repository) => repository.addKey(other),
    remove: async (repository: Repository) => repository.removeKey(await slotIdOf(repository)),
    rotate: (repository: Repository) => repository.rotateRootKey(),
  };
  const slotIdOf = async (repository: Repository) => (await repository.listKeys()).find((it) => !it.isOwn)?.id ?? '';

  for (const [name, change] of Object.entries(changes))
    it(`${name}: at every operation of the store, before and after its effect, all is readable and can go on (I3)`, async () => {
      const { store: start, backup } = await withKeys(other);
      const first = await openRepository(start, own);
      await first.rotateRootKey();
      const backups = [backup, await backUp(first, rowsOf(30))];
      if (name === 'remove') await first.addKey(other);
      let deaths = 0;
      for (const kind of ['before', 'after'] as const) {
        for (let index = 0; ; index++) {
          const store = await copyOf(start);
          // The world ends at the nth operation of the change itself.
          let endsAt = Number.POSITIVE_INFINITY;
          let calls = 0;
          const dying = withFaults(store, (call) => {
            calls = call.index + 1;
            return diesAt(endsAt, kind)(call);
          });
          const repository = await openRepository(dying, own);
          endsAt = calls + index;
          const outcome = await change(repository).then(
            () => 'done',
            () => 'killed',
          );
          const after = await expectReadable(store, own, backups);
          // The next one does it to its end, and everything is as if nothing had happened.
          await backUp(after, rowsOf(5));
          await change(after).catch((error: unknown) =>
            expect(error).toMatchObject({ code: 'repository/key-not-found' }),
          );
          await expectReadable(store, own, backups);
          if (name === 'add') await expectReadable(store, third, backups);
          if (name === 'add again what was left out') await expectReadable(store, other, backups);
          if (name === 'remove') expect(await opens(store, other)).toBe(false);
          if (outcome === 'done' && calls <= endsAt) break;
          deaths++;
        }
      }
      expect(deaths).toBeGreaterThan(8);
    });
});

describe('two changes of keys at once', () => {
  /** Runs both, one operation of the store at a time, in an order that `turns` decides. */
  async function interleaved(
    store: BlobStore,
    turns: number,
    work: readonly ((store: BlobStore) => Promise<unknown>)[],
  ): Promise<PromiseSettledResult<unknown>[]> {
    const waiting: (() => void)[][] = work.map(() => []);
    let running = work.length;
    const gated = (mine: number): BlobStore => {
      const turn = () => new Promise<void>((resolve) => waiting[mine]?.push(resolve));
      return {
        url: store.url,
        put: (...args) => turn().then(() => store.put(...args)),
        get: (...args) => turn().then(() => store.get(...args)),
        stat: (...args) => turn().then(() => store.stat(...args)),
        delete: (...args) => turn().then(() => store.delete(...args)),
        async *list(prefix) {
          await turn();
          yield* store.list(prefix);
        },
      };
    };
    const all = Promise.allSettled(work.map((it, mine) => it(gated(mine)).finally(() => running--)));
    let bits = turns;
    while (running > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const preferred = bits & 1;
      bits = (bits >> 1) | ((bits & 1) << 11);
      (waiting[preferred]?.shift() ?? waiting[1 - preferred]?.shift())?.();
    }
    return all;
  }

  const ORDERS = Array.from({ length: 40 }, (_, it) => (it * 1103 + 12345) & 0xfff);

  it('two who remove each other: one key still opens everything', async () => {
    const { store: start, backup } = await withKeys(other);
    const [mine, theirs] = [await slotOf(start, own), await slotOf(start, other)];
    for (const order of ORDERS) {
      const store = await copyOf(start);
      const opened = [await openRepository(store, own), await openRepository(store, other)];
      await interleaved(store, order, [
        (gated) => (opened[0] as Repository).through(gated).removeKey(theirs),
        (gated) => (opened[1] as Repository).through(gated).removeKey(mine),
      ]);
      const who = (await opens(store, own)) ? own : other;
      await expectReadable(store, who, [backup]);
    }
  });

  it('two who rotate with the same key: both or one, and no root key without a key that opens it', async () => {
    const { store: start, backup } = await withKeys();
    for (const order of ORDERS) {
      const store = await copyOf(start);
      const rotate = async (gated: BlobStore) => (await openRepository(gated, own)).rotateRootKey();
      const results = await interleaved(store, order, [rotate, rotate]);
      const done = results.filter((it) => it.status === 'fulfilled').length;
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'repository/keys-busy' });
      const repository = await expectReadable(store, own, [backup]);
      expect(done).toBeGreaterThan(0);
      expect(repository.rootKeyIds).toHaveLength(1 + done);
      await backUp(repository, rowsOf(5));
    }
  });

  it('one who adds a key while another rotates: whoever was left out is told of, or opens everything', async () => {
    const { store: start, backup } = await withKeys();
    for (const order of ORDERS) {
      const store = await copyOf(start);
      const [added, rotated] = await interleaved(store, order, [
        async (gated) => (await openRepository(gated, own)).addKey(other),
        async (gated) => (await openRepository(gated, own)).rotateRootKey(),
      ]);
      expect([added?.status, rotated?.status]).toEqual(['fulfilled', 'fulfilled']);
      const isWhole = (await (await openRepository(store, other)).listKeys()).find((it) => it.isOwn)?.isWhole;
      const told = rotated?.status === 'fulfilled' ? (rotated.value as { leftOut: unknown[] }).leftOut.length : 0;
      expect(isWhole === true || told === 1).toBe(true);
      await expectReadable(store, own, [backup]);
    }
  });

  it('one whose key is removed while it rotates: everything stays readable', async () => {
    const { store: start, backup } = await withKeys(other);
    const theirs = await slotOf(start, other);
    for (const order of ORDERS) {
      const store = await copyOf(start);
      await interleaved(store, order, [
        async (gated) => (await openRepository(gated, own)).removeKey(theirs),
        async (gated) => (await openRepository(gated, other)).rotateRootKey(),
      ]);
      const mine = await openRepository(store, own);
      const isMineWhole = (await mine.listKeys()).some((it) => it.isOwn && it.isWhole);
      await backUp(await expectReadable(store, isMineWhole ? own : other, [backup]), rowsOf(5));
      expect(await readText(mine, await mine.readManifest(backup.implementation.id, backup.backupId))).toContain(
        'value',
      );
    }
  });
});

describe('a bucket that somebody else writes to', () => {
  it('a root key that no key of the repository named, or another’s, or of another place: refused', async () => {
    const { store } = await withKeys();
    await (await openRepository(store, own)).rotateRootKey();
    const bytes = Buffer.from(await store.get('roots/2'));
    const damaged = { code: 'repository/damaged' };
    await store.put('roots/3', bytes);
    await expect(openRepository(store, own)).rejects.toMatchObject(damaged);
    await store.delete('roots/3');
    for (const wrong of [
      Buffer.from(bytes.toString().replace(/"rootKeyId": "../, '"rootKeyId": "zz')),
      Buffer.from(bytes.toString().replace(/"rootKeyId": "[0-9a-f]{32}/, `"rootKeyId": "${'0'.repeat(32)}`)),
      bytes.subarray(0, -1),
      Buffer.from('{}'),
    ]) {
      await store.put('roots/2', wrong);
      await expect(openRepository(store, own)).rejects.toMatchObject(damaged);
    }
    const { store: another } = await withKeys();
    await another.put('roots/2', bytes);
    await expect(openRepository(another, own)).rejects.toMatchObject(damaged);
  });

  it('every byte of a root key’s file, changed: refused', async () => {
    const { store } = await withKeys();
    await (await openRepository(store, own)).rotateRootKey();
    const bytes = Buffer.from(await store.get('roots/2'));
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await store.put('roots/2', changed);
      await expect(openRepository(store, own), `byte ${at}`).rejects.toMatchObject({ code: 'repository/damaged' });
    }
  });

  it('a repository is not made where root keys of another one lie', async () => {
    const store = new MemoryStore();
    await store.put('roots/2', Buffer.from('{}'));
    await expect(initRepository(store, own)).rejects.toMatchObject({ code: 'repository/exists' });
  });
});
