import type { BackupDocument } from '@cofre/contracts';
import { type CountingStore, counting, MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { checkRepository } from '../repository/check-repository.ts';
import { createBackup } from './create-backup.ts';
import { createBackups } from './create-backups.ts';
import { diffBackups } from './diff-backups.ts';
import { readManifestOf, findBackup } from './find-backup.ts';
import { listBackups } from './list-backups.ts';

const STORES = 24;

interface ManyShops extends TestService {
  readonly db: TestDatabase;
  readonly counted: CountingStore;
}

describe.each(costlyTestServers())('several backups of one snapshot on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  /** Stores with five items each, and three sales of every item. */
  async function shops(): Promise<ManyShops> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const counted = counting(new MemoryStore());
    const service = await createShop(db, { store: counted });
    made.push(async () => service[Symbol.asyncDispose]());
    await db.query(`
      TRUNCATE sale, item, store;
      INSERT INTO store SELECT i, 'Store ' || i, '{"open": true}', 'key-' || i FROM generate_series(1, ${STORES}) AS i;
      INSERT INTO item (item_id, store_id, sku, price) SELECT i, 1 + i % ${STORES}, 'sku ' || i, i FROM generate_series(1, ${5 * STORES}) AS i;
      INSERT INTO sale (item_id, quantity) SELECT 1 + i % ${5 * STORES}, i FROM generate_series(1, ${15 * STORES}) AS i;
      WITH made AS (
        INSERT INTO module_implementations (module_id, key, name)
        SELECT m.id, 's' || lpad(i::text, 3, '0'), 'Store ' || i FROM base_modules AS m, generate_series(1, ${STORES}) AS i WHERE m.slug = 'shop'
        RETURNING id, key)
      INSERT INTO cofre.implementation_settings (implementation_id, backup_scope)
      SELECT id, jsonb_build_object('store_id', substr(key, 2)::int) FROM made`);
    return { ...service, db, counted };
  }

  const all = { implementations: { module: 'shop' } } as const;

  async function manifestsOf({ context }: TestService, items: readonly BackupDocument[]) {
    const repository = await context.openRepository();
    return Promise.all(
      items.map(async ({ id }) => readManifestOf(repository, await findBackup(context.catalogue, id))),
    );
  }

  it('I1: each holds what its slice held, as one snapshot saw it, in packs that they share', async () => {
    const service = await shops();
    const batch = await createBackups(service.context, { ...all, type: 'full', description: 'all of them' });
    expect(batch).toMatchObject({ failed: 0, failures: [] });
    expect(batch.items).toHaveLength(STORES);
    expect(batch.items[6]).toMatchObject({
      implementation: { module: 'shop', key: 's007' },
      type: 'full',
      status: 'completed',
      description: 'all of them',
      stats: { rows: 2 + 5 + 15 },
    });
    for (const { id } of batch.items.slice(4, 10)) {
      const { tables } = await diffBackups(service.context, { from: id, to: 'live' });
      expect(tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
    }
    const manifests = await manifestsOf(service, batch.items);
    expect(new Set(manifests.map(({ snapshot }) => snapshot.text)).size).toBe(1);
    expect(new Set(manifests.flatMap(({ packs }) => packs.map(({ id }) => id))).size).toBe(1);
    expect(await checkRepository(service.context, { readData: true })).toMatchObject({
      ok: true,
      checked: { backups: STORES },
    });
    const { items: log } = await listAuditLogs(service.context, { limit: 100 });
    expect(log.filter(({ action, outcome }) => action === 'CREATE_MODULE_BACKUP' && outcome === 'done')).toHaveLength(
      STORES,
    );
  });

  it('what one alone would hold, all of them hold', async () => {
    const { context } = await shops();
    const { items } = await createBackups(context, { ...all, type: 'full' });
    for (const { implementation, id } of items.slice(0, 3)) {
      const alone = await createBackup(context, { implementation: implementation.id, type: 'full' });
      expect(alone.stats).toMatchObject({ rowsChanged: 0 });
      const { tables } = await diffBackups(context, { from: id, to: alone.id });
      expect(tables.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
    }
  });

  it('where nothing changed the store is hardly asked for more than the manifests', async () => {
    const { context, db, counted } = await shops();
    await createBackups(context, { ...all, type: 'incremental' });
    await db.query(`UPDATE sale SET quantity = -1 WHERE sale_id = (SELECT min(sale_id) FROM sale)`);
    const before = counted.counts().calls;
    const { items } = await createBackups(context, { ...all, type: 'incremental' });
    const after = counted.counts().calls;
    expect(items.filter(({ stats }) => stats.rowsChanged > 0)).toHaveLength(1);
    expect(items.filter(({ stats }) => stats.blocksNew === 0)).toHaveLength(STORES - 1);
    expect(items.every(({ type }) => type === 'incremental')).toBe(true);
    expect(after.put - before.put).toBeLessThanOrEqual(STORES + 4);
    expect(after.get - before.get).toBeLessThanOrEqual(STORES + 4);
    expect(after.stat - before.stat).toBeLessThanOrEqual(8);
    expect(after.list - before.list).toBeLessThanOrEqual(2);
    for (const { id } of items.slice(0, 6)) {
      const { tables } = await diffBackups(context, { from: id, to: 'live' });
      expect(tables.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
    }
  });

  it('one whose rows cannot be read, that is busy, or has no scope leaves the others whole', async () => {
    const { context, db, again } = await shops();
    await db.query(`
      UPDATE cofre.implementation_settings SET backup_scope = NULL WHERE backup_scope = '{"store_id": 3}';
      UPDATE cofre.implementation_settings SET backup_scope = '{"store_id": "x"}' WHERE backup_scope = '{"store_id": 4}'`);
    const blocker = await db.database.connect();
    const { lockKeyOf } = await import('./implementation-lock.ts');
    const { rows } = await db.query(`SELECT id FROM module_implementations WHERE key = 's005'`);
    await blocker.query('SELECT pg_advisory_lock($1)', [lockKeyOf(String(rows[0]?.id) || '')]);
    const batch = await createBackups(again(), { ...all, type: 'full' });
    await blocker.end();
    expect(batch.items).toHaveLength(STORES - 3);
    expect(batch.failed).toBe(3);
    expect(batch.failures.map(({ implementation, error }) => [implementation, error.code])).toEqual([
      ['shop/s003', 'implementation/scope-missing'],
      ['shop/s004', 'definition/invalid'],
      ['shop/s005', 'backup/busy'],
    ]);
    expect(await checkRepository(context, { readData: true })).toMatchObject({ ok: true });
    expect((await listBackups(context, { status: 'failed' })).items).toHaveLength(1);
    expect((await listBackups(context, { status: 'running' })).items).toEqual([]);
    const { items: log } = await listAuditLogs(context, { limit: 100 });
    expect(log.filter(({ outcome }) => outcome === 'failed')).toHaveLength(3);
  });

  it('what fails for all together is tried one by one, and a store that takes nothing fails each by its name', async () => {
    const { db, again, counted } = await shops();
    let puts = 0;
    const refusing = {
      ...counted,
      // The first pack, which all share, and nothing else.
      put: (path: string, bytes: Uint8Array, options?: { readonly ifAbsent?: boolean }) => {
        if (path.startsWith('packs/') && puts++ === 0) throw new Error('this pack is not taken');
        return counted.put(path, bytes, options);
      },
    };
    const context = again({ store: refusing });
    const batch = await createBackups(context, { ...all, type: 'full' });
    expect(batch).toMatchObject({ failed: 0, failures: [] });
    expect(batch.items).toHaveLength(STORES);
    await db.query('UPDATE sale SET quantity = quantity + 1');
    const full = { ...counted, put: () => Promise.reject(new Error('it is full')) };
    const failed = await createBackups(again({ store: full }), { ...all, type: 'full' }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ failed: STORES, items: [] });
    expect((await listBackups(context, { status: 'running' })).items).toEqual([]);
  });

  it('where one slice is large, its tables are asked what changed, in the same snapshot', async () => {
    const service = await shops();
    const { context, db } = service;
    await db.query(`INSERT INTO sale (item_id, quantity) SELECT 5, i FROM generate_series(1, 20000) AS i`);
    await createBackups(context, { ...all, type: 'full' });
    await db.query('UPDATE sale SET quantity = -1 WHERE quantity = 19999');
    const { items } = await createBackups(context, { ...all, type: 'incremental' });
    const large = items.find(({ stats }) => stats.rows > 20_000);
    expect(large).toMatchObject({ probe: { used: true }, stats: { rowsChanged: 1 } });
    expect(items.filter(({ probe }) => probe.used)).toHaveLength(1);
    const manifests = await manifestsOf(service, items);
    expect(new Set(manifests.map(({ snapshot }) => snapshot.text)).size).toBe(1);
    const { tables } = await diffBackups(context, { from: large?.id ?? '', to: 'live' });
    expect(tables.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
  });
});
