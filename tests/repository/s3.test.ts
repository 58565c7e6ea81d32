import { openStore, withFaults, withRetry } from '@cofre/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3TestServer, s3Address, startS3rver } from '../support/s3-server.ts';
import { S3Stub } from '../support/s3-stub.ts';
import {
  backUp,
  IMPLEMENTATION,
  initRepository,
  keyFile,
  noKey,
  openRepository,
  readText,
  rowsOf,
  textOf,
} from './fixtures.ts';

describe.each([
  ['s3rver', startS3rver],
  ['the stub, in pages of three objects', () => S3Stub.start({ pageSize: 3 })],
] as const)('a repository on %s', (_name, start) => {
  let server: S3TestServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());
  const open = (prefix: string) => openStore(s3Address(server, prefix), { s3: { credentials: server.credentials } });

  it('I1: gives back exactly the rows that were backed up, to another process too', async () => {
    const repository = await initRepository(open('shop'), keyFile);
    const rows = rowsOf(20_000);
    const full = await backUp(repository, rows);
    const changed = new Map([...rows, [7, 'changed'], [30_000, 'new']]);
    const incremental = await backUp(repository, changed, { parent: full });
    expect(incremental.stats.blocksReused).toBeGreaterThan(0);

    const reopened = await openRepository(open('shop'), keyFile);
    const listed: string[] = [];
    for await (const { backupId } of reopened.listManifests(IMPLEMENTATION)) listed.push(backupId);
    expect(listed.sort()).toEqual([full.backupId, incremental.backupId].sort());
    expect(await readText(reopened, await reopened.readManifest(IMPLEMENTATION, full.backupId))).toBe(textOf(rows));
    expect(await readText(reopened, incremental)).toBe(textOf(changed));
    expect(await reopened.check({ readData: true })).toMatchObject({ ok: true, checked: { backups: 2 }, damage: [] });

    await reopened.deleteManifest(IMPLEMENTATION, full.backupId);
    expect(await readText(repository, incremental)).toBe(textOf(changed));
  });

  it('is made by one of several that make it at once', async () => {
    const makers = Array.from({ length: 4 }, () => initRepository(open('race'), noKey));
    const made = await Promise.allSettled(makers);
    const winners = made.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
    expect(winners).toHaveLength(1);
    for (const it of made) {
      if (it.status === 'rejected') expect(it.reason).toMatchObject({ code: 'repository/exists' });
    }
    expect((await openRepository(open('race'), noKey)).id).toBe(winners[0]?.id);
  });

  it('is not found where none was made', async () => {
    await expect(openRepository(open('nothing-here'), noKey)).rejects.toMatchObject({ code: 'repository/not-found' });
  });

  it('names the pack that is missing, and the backups that it hurts (I5)', async () => {
    const store = open('hurt');
    const repository = await initRepository(store, keyFile);
    const manifest = await backUp(repository, rowsOf(5_000));
    for await (const { path } of store.list('packs/')) await store.delete(path);
    const { ok, damage } = await repository.check({ readData: false });
    expect(ok).toBe(false);
    expect(damage).toMatchObject([{ kind: 'pack-missing', backups: [manifest.backupId] }]);
  });

  it('stands a network that fails every third request, before or after its effect', async () => {
    const flaky = withFaults(open('flaky'), ({ index }) =>
      index % 3 === 0 ? { kind: index % 2 === 0 ? 'before' : 'after' } : null,
    );
    const repository = await initRepository(withRetry(flaky, { sleep: async () => undefined }), keyFile);
    const rows = rowsOf(10_000);
    const manifest = await backUp(repository, rows);
    const calm = await openRepository(open('flaky'), keyFile);
    expect(await readText(calm, manifest)).toBe(textOf(rows));
    expect((await calm.check({ readData: true })).ok).toBe(true);
  });
});
