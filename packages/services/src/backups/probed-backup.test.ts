import { checksumOf, type Manifest, manifestPath } from '@cofre/engine';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { createBackup } from './create-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import { diffBackups } from './diff-backups.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, readManifestOf } from './find-backup.ts';
import { verifyBackup } from './verify-backup.ts';

const INCREMENTAL = { implementation: 'shop/one', type: 'incremental' } as const;
const DIFFERENTIAL = { implementation: 'shop/one', type: 'differential' } as const;

// What a transaction elsewhere on the server holds back counts as touched, too: then it is tried again.
describe.each(costlyTestServers())(
  'an incremental backup of a large table on PostgreSQL $name',
  { retry: 3 },
  (server) => {
    const made: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const end of made.splice(0).reverse()) await end();
    });

    /** A full backup of 20,200 items, three ranges of them. */
    async function shop(options: TestServiceOptions = {}): Promise<TestService & { readonly db: TestDatabase }> {
      const db = await createTestDatabase(server, { template: 'migrated' });
      made.push(() => db.drop());
      const service = await createShop(db, options);
      made.push(async () => service[Symbol.asyncDispose]());
      await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
      await db.query(
        `INSERT INTO item (store_id, sku, price) SELECT 1, 'large ' || n, n FROM generate_series(1, 20000) AS n`,
      );
      await createBackup(service.context, { implementation: 'shop/one', type: 'full' });
      return { ...service, db };
    }

    const items = async (db: TestDatabase) =>
      (await db.query('SELECT i::text FROM item AS i ORDER BY item_id')).rows.map(({ i }) => i);

    async function changeSome(db: TestDatabase): Promise<void> {
      await db.query(`UPDATE item SET price = price + 1 WHERE sku LIKE 'large %00'`);
      await db.query(`DELETE FROM item WHERE sku LIKE 'large %77'`);
      await db.query(
        `INSERT INTO item (store_id, sku, price) SELECT 1, 'new ' || n, n FROM generate_series(1, 50) AS n`,
      );
    }

    it.each([
      ['plain', {}],
      ['encrypted', { key: { kind: 'key-file', bytes: Buffer.alloc(32, 7) } }],
    ] as const)(
      'reads and stores what changed, and is whole without the one before it (I1, I2, I3; %s)',
      async (_, options) => {
        const { context, db } = await shop(options);
        const nothing = await createBackup(context, INCREMENTAL);
        expect(nothing).toMatchObject({ probe: { used: true }, stats: { rowsChanged: 0, blocksNew: 0 } });
        await changeSome(db);
        const backup = await createBackup(context, INCREMENTAL);
        expect(backup).toMatchObject({ type: 'incremental', parentId: nothing.id, probe: { used: true } });
        expect(backup.stats?.rowsChanged).toBe(200 + 200 + 50);
        expect(backup.stats?.bytesStored).toBeLessThan(20_000);
        for (const { id } of [nothing, { id: 'latest:full' }]) await deleteBackup(context, { backup: id });
        expect(await verifyBackup(context, { backup: backup.id })).toMatchObject({ ok: true });
        expect(await verifyBackup(context, { backup: backup.id, restore: true })).toMatchObject({ ok: true });
        const diff = await diffBackups(context, { from: backup.id, to: 'live' });
        expect(diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
        const before = await items(db);
        await db.query(
          `DELETE FROM item WHERE sku LIKE 'large %' AND item_id % 3 = 0; UPDATE item SET price = 0 WHERE store_id = 1`,
        );
        await applyRestore(context, { plan: (await planRestore(context, { backup: backup.id })).id });
        expect(await items(db)).toEqual(before);
      },
    );

    it('is one of what changed since the newest full where it is differential, and whole without it', async () => {
      const { context, db } = await shop();
      const full = await createBackup(context, { implementation: 'shop/one', type: 'full' });
      const changed: number[] = [];
      for (const part of [0, 1, 2]) {
        await db.query(`UPDATE item SET price = price + 1 WHERE item_id % 300 = ${part}; DELETE FROM item
        WHERE sku = 'large 1${part}'`);
        const { id, parentId, probe, stats } = await createBackup(context, DIFFERENTIAL);
        expect({ parentId, used: probe.used }).toEqual({ parentId: full.id, used: true });
        expect(await verifyBackup(context, { backup: id })).toMatchObject({ ok: true });
        expect(await createBackup(context, INCREMENTAL)).toMatchObject({ parentId: id });
        changed.push(stats.rowsChanged);
      }
      // Each has what the ones before it had, too; more where a transaction elsewhere on the server was open meanwhile.
      expect(changed[1]).toBeGreaterThanOrEqual(changed[0] ?? 0);
      expect(changed[2]).toBeGreaterThanOrEqual(changed[1] ?? 0);
      expect(changed[2]).toBeGreaterThan(200);
      for (const backup of ['latest:full', 'latest:full']) await deleteBackup(context, { backup });
      const last = await createBackup(context, DIFFERENTIAL);
      expect(last).toMatchObject({ type: 'full', probe: { reason: expect.stringContaining('no full backup') } });
      const diff = await diffBackups(context, { from: 'latest:differential', to: last.id });
      expect(diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
      expect(await verifyBackup(context, { backup: 'latest:differential', restore: true })).toMatchObject({ ok: true });
    });

    it('of a life of small changes is whole at every step, and after all earlier ones are gone', async () => {
      const { context, db } = await shop();
      for (let round = 0; round < 12; round += 1) {
        await db.query(
          `UPDATE item SET price = price + 1 WHERE item_id % 97 = ${round}; DELETE FROM item WHERE item_id % 911 = ${round} AND sku LIKE 'large %'`,
        );
        const { id, stats } = await createBackup(context, INCREMENTAL);
        expect(stats?.rowsChanged).toBeGreaterThan(0);
        expect(await verifyBackup(context, { backup: id })).toMatchObject({ ok: true });
      }
      const diff = await diffBackups(context, { from: 'latest', to: 'live' });
      expect(diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
    });

    it.each([
      ['the trace of the backup before is gone', 'DELETE FROM cofre.lineage', 'no trace'],
      [
        'the trace of the backup before was written by a copy',
        'CREATE TEMPORARY TABLE l AS TABLE cofre.lineage; DELETE FROM cofre.lineage; INSERT INTO cofre.lineage TABLE l',
        'no trace',
      ],
      [
        'a column came',
        `ALTER TABLE item ADD COLUMN IF NOT EXISTS extra text DEFAULT 'x'; ALTER TABLE item DROP COLUMN extra`,
        'structure',
      ],
      ['the table was written anew', 'VACUUM FULL item', 'structure'],
    ])('reads the whole table where %s, and says so', async (_, statements, reason) => {
      const { context, db } = await shop();
      for (const statement of statements.split('; ')) await db.query(statement);
      await changeSome(db);
      const { probe, id } = await createBackup(context, INCREMENTAL);
      expect(probe).toMatchObject({ used: false, reason: expect.stringContaining(reason) });
      const diff = await diffBackups(context, { from: id, to: 'live' });
      expect(diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
      await db.query(`UPDATE item SET price = price + 1 WHERE sku LIKE 'large %01'`);
      expect(await createBackup(context, INCREMENTAL)).toMatchObject({ probe: { used: true } });
    });

    it('what cannot be is read whole, and administrators are told', async () => {
      const { context, db, again } = await shop();
      await db.query(
        `INSERT INTO item (store_id, sku, price) SELECT 1, 'unseen ' || n, n FROM generate_series(1, 3) AS n`,
      );
      // As if the snapshot of the backup before had been later than it was: the three came, and nothing touched them.
      const { rows } = await db.query('SELECT pg_current_xact_id()::text AS xmin');
      await replaceManifest(context, (manifest) => ({
        ...manifest,
        snapshot: { ...manifest.snapshot, xmin: rows[0].xmin },
      }));
      const backup = await createBackup(again(), INCREMENTAL);
      expect(backup.probe).toMatchObject({ used: false, reason: expect.stringContaining('cannot be') });
      const diff = await diffBackups(context, { from: backup.id, to: 'live' });
      expect(diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)).toEqual([]);
      const { items: notices } = await listNotifications(context, {});
      expect(notices).toMatchObject([
        { kind: 'chain-differs', severity: 'error', params: { backupId: backup.id, tables: ['public.item'] } },
      ]);
    });
  },
);

/** Puts another manifest in the place of the newest backup's, as its repository would have written it. */
async function replaceManifest(context: ServiceContext, change: (manifest: Manifest) => Manifest): Promise<void> {
  const repository = await context.openRepository();
  const row = await findBackup(context.catalogue, 'latest');
  const manifest = await readManifestOf(repository, row);
  const path = manifestPath(manifest.implementation.id, manifest.backupId);
  await repository.putObject(path, 'manifest', Buffer.from(JSON.stringify(change(manifest)), 'utf8'));
  const checksum = checksumOf(await repository.store.get(path));
  await context.catalogue.updateTable('public.module_backups').set({ checksum }).where('id', '=', row.id).execute();
}
