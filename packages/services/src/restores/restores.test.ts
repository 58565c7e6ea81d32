import { planDocument, restoreDocument, restoreEntryDocument } from '@cofre/contracts';
import type { Clock } from '@cofre/engine';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { diffBackups } from '../backups/diff-backups.ts';
import { listBackups } from '../backups/list-backups.ts';
import { MASK } from '../backups/show-row.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listImplementations } from '../modules/list-implementations.ts';
import { applyRestore } from './apply-restore.ts';
import { listRestores } from './list-restores.ts';
import { planRestore } from './plan-restore.ts';
import { showPlan } from './show-plan.ts';
import { undoRestore } from './undo-restore.ts';

const DAMAGE = `
  UPDATE item SET price = 0 WHERE store_id = 1 AND item_id < 20;
  DELETE FROM sale WHERE item_id IN (SELECT item_id FROM item WHERE store_id = 1 AND item_id BETWEEN 100 AND 120);
  DELETE FROM item WHERE store_id = 1 AND item_id BETWEEN 100 AND 120;
  UPDATE store SET settings = '{"hours": null}', api_key = 'leaked' WHERE store_id = 1`;

describe.each(costlyTestServers())('restores on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function damagedShop(options: TestServiceOptions = {}) {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service: TestService = await createShop(db, options);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    const before = await contents(db);
    const backup = await createBackup(service.context, { implementation: 'shop/one' });
    await db.query(DAMAGE);
    const damaged = await contents(db);
    return { ...service, db, before, damaged, backup };
  }

  it.each([
    ['dropped', 'DROP TABLE sale'],
    ['renamed', 'ALTER TABLE sale RENAME TO sold'],
    ['without the column that leads to its rows', 'ALTER TABLE sale RENAME item_id TO thing_id'],
  ])(
    'a table that is %s since is a conflict of its own; the other tables are restored, and that is undone',
    async (_how, ddl) => {
      const { context, db, backup } = await damagedShop();
      const items = () => db.query('SELECT * FROM item ORDER BY item_id');
      const damaged = (await items()).rows;
      await db.query(ddl);
      const whole = await planRestore(context, { backup: backup.id });
      expect(whole.applicable).toBe(false);
      expect(whole.tables.filter(({ conflicts }) => conflicts.length > 0)).toMatchObject([
        { table: 'public.sale', conflicts: [{ kind: 'drift' }] },
      ]);
      const others = await planRestore(context, { backup: backup.id, tables: ['public.store', 'public.item'] });
      expect(others.applicable).toBe(true);
      const restore = await applyRestore(context, { plan: others.id });
      expect(restore.tables).toContainEqual({ table: 'public.item', inserted: 11, updated: 9, deleted: 0 });
      await undoRestore(context, { restore: restore.id });
      expect((await items()).rows).toEqual(damaged);
    },
  );

  it('a plan changes nothing, and shows each row with secrets masked; what is applied is the backup (I7), and nothing else (I8)', async () => {
    const { context, db, before, damaged, backup } = await damagedShop();
    const plan = await planRestore(context, { backup: 'latest', rows: true });
    expect(planDocument.parse(plan)).toMatchObject({ backupId: backup.id, mode: 'merge', applicable: true });
    const counts = plan.tables.map(({ table, inserts, updates, deletes }) => [table, inserts, updates, deletes]);
    expect(counts).toContainEqual(['public.store', 0, 1, 0]);
    expect(counts).toContainEqual(['public.item', 11, 9, 0]);
    expect(counts).toContainEqual(['public.sale', 55, 0, 0]);
    expect(plan.tables.find(({ table }) => table === 'public.store')?.rows).toEqual([
      {
        op: 'update',
        key: { store_id: '1' },
        before: { settings: '{"hours": null}', api_key: MASK },
        after: { settings: '{"vat": 23.0, "hours": [8, 18]}', api_key: MASK },
      },
    ]);
    expect(plan.tables.find(({ table }) => table === 'public.sale')?.rows).toHaveLength(55);
    expect(await contents(db)).toEqual(damaged);

    const restore = await applyRestore(context, { plan: plan.id.slice(0, 8) });
    expect(restoreDocument.parse(restore)).toMatchObject({
      planId: plan.id,
      backupId: backup.id,
      status: 'completed',
      verified: true,
    });
    expect(restore.tables).toContainEqual({ table: 'public.item', inserted: 11, updated: 9, deleted: 0 });
    expect(await contents(db)).toEqual(before);
    const [entry] = await listRestores(context, { implementation: 'shop/one' });
    expect(restoreEntryDocument.parse(entry)).toMatchObject({
      ...restore,
      durationMs: expect.any(Number),
      purpose: 'restore',
      createdBy: 'tester',
    });
  });

  it('the safety backup holds what was overwritten; undo brings it back, once', async () => {
    const { context, db, damaged, before } = await damagedShop();
    const plan = await planRestore(context, { backup: 'latest' });
    const restore = await applyRestore(context, { plan: plan.id });
    expect((await listBackups(context, { type: 'incremental' })).items).toMatchObject([
      { id: restore.safetyBackupId, type: 'incremental' },
    ]);
    // Safety backups come by themselves; `latest` is the one that somebody made.
    expect(
      (await diffBackups(context, { from: 'latest', to: restore.safetyBackupId ?? '', tables: ['sale'] })).tables,
    ).toEqual([{ table: 'public.sale', inserted: 0, updated: 0, deleted: 55 }]);
    const undone = await undoRestore(context, { restore: restore.id.slice(0, 6) });
    expect(await contents(db)).toEqual(damaged);
    await expect(undoRestore(context, { restore: restore.id })).rejects.toMatchObject({ code: 'restore/not-undoable' });
    await expect(undoRestore(context, { restore: undone.id })).rejects.toMatchObject({ code: 'restore/not-undoable' });
    expect(await listRestores(context, {})).toMatchObject([
      { id: undone.id, purpose: 'undo', undoOf: restore.id },
      { id: restore.id, purpose: 'restore', undoneBy: undone.id },
    ]);
    await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    expect(await contents(db)).toEqual(before);
  });

  it('the backup after a restore builds on the one before it, not on the safety backup: nothing is stored twice', async () => {
    const { context, backup } = await damagedShop();
    await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    const next = await createBackup(context, { implementation: 'shop/one', type: 'incremental' });
    expect(next.parentId).toBe(backup.id);
    expect(next.stats).toMatchObject({ rowsChanged: 0, blocksNew: 0 });
  });

  it('--no-safety-backup makes none', async () => {
    const { context } = await damagedShop();
    const plan = await planRestore(context, { backup: 'latest' });
    expect(await applyRestore(context, { plan: plan.id, safetyBackup: false })).toMatchObject({ safetyBackupId: null });
    expect((await listBackups(context, {})).items).toHaveLength(1);
  });

  it('only the config, or only the named tables, are put back', async () => {
    const { context, db } = await damagedShop();
    const config = await planRestore(context, { backup: 'latest', configOnly: true });
    expect(config.tables.map(({ table }) => table)).toEqual([
      'public.module_implementations',
      'public.tenant_module_assignments',
      'public.store',
    ]);
    const item = await planRestore(context, { backup: 'latest', tables: ['item', 'public.sale'] });
    expect(item.tables.map(({ table }) => table)).toEqual(['public.item', 'public.sale']);
    await applyRestore(context, { plan: config.id });
    const { rows } = await db.query(
      `SELECT settings ->> 'vat' AS vat, (SELECT count(*)::int FROM item) AS items FROM store WHERE store_id = 1`,
    );
    expect(rows).toEqual([{ vat: '23.0', items: 389 }]);
    await expect(planRestore(context, { backup: 'latest', tables: ['nothing'] })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
  });

  it('a row that changed since the plan makes it stale: nothing is changed, and the attempt is in the list (I6)', async () => {
    const { context, db } = await damagedShop();
    const plan = await planRestore(context, { backup: 'latest' });
    await db.query('UPDATE item SET price = 1 WHERE item_id = 2');
    const now = await contents(db);
    await expect(applyRestore(context, { plan: plan.id })).rejects.toMatchObject({ code: 'plan/stale' });
    expect(await contents(db)).toEqual(now);
    expect(await listRestores(context, {})).toMatchObject([
      { status: 'failed', error: { code: 'plan/stale' }, verified: false },
    ]);
    await expect(
      undoRestore(context, { restore: (await listRestores(context, {}))[0]?.id ?? '' }),
    ).rejects.toMatchObject({ code: 'restore/not-undoable' });
  });

  it('a plan that is an hour old is not applied; an unknown one is not found', async () => {
    const { context, again } = await damagedShop();
    const plan = await planRestore(context, { backup: 'latest' });
    const later: Clock = { now: () => new Date(Date.parse(plan.expiresAt) + 1) };
    await expect(applyRestore(again({ clock: later }), { plan: plan.id })).rejects.toMatchObject({
      code: 'plan/expired',
    });
    expect((await listBackups(context, {})).items).toHaveLength(1);
    await expect(applyRestore(context, { plan: 'ffffffff' })).rejects.toMatchObject({ code: 'plan/not-found' });
    expect(await showPlan(context, { plan: plan.id })).toEqual(plan);
  });

  it('a plan with a conflict can be looked at and is refused before anything is written', async () => {
    const { context, db } = await damagedShop();
    await db.query(`INSERT INTO item (store_id, sku) VALUES (2, 'sku-110')`);
    const now = await contents(db);
    const plan = await planRestore(context, { backup: 'latest' });
    expect(plan).toMatchObject({ applicable: false });
    expect(plan.tables.find(({ table }) => table === 'public.item')?.conflicts).toMatchObject([
      { kind: 'unique', count: 1 },
    ]);
    await expect(applyRestore(context, { plan: plan.id })).rejects.toMatchObject({ code: 'plan/conflicts' });
    expect(await contents(db)).toEqual(now);
    expect((await listBackups(context, {})).items).toHaveLength(1);
  });

  it('an implementation that was deleted comes back with its backups and its scope', async () => {
    const { context, db, before } = await damagedShop();
    await db.query(`DELETE FROM public.module_implementations; DELETE FROM cofre.implementation_settings`);
    const plan = await planRestore(context, { backup: 'latest' });
    expect(plan.tables[0]).toMatchObject({ table: 'public.module_implementations', inserts: 1 });
    await applyRestore(context, { plan: plan.id });
    expect(await contents(db)).toEqual(before);
    expect(await listImplementations(context)).toMatchObject([{ key: 'one', scope: { store_id: 1 }, backups: 2 }]);
    const { rows } = await db.query(
      'SELECT count(*)::int AS linked FROM public.module_backups WHERE implementation_id IS NOT NULL',
    );
    expect(rows).toEqual([{ linked: 2 }]);
    await expect(createBackup(context, { implementation: 'shop/one', type: 'incremental' })).resolves.toMatchObject({
      type: 'incremental',
    });
  });

  it('a restore whose backup was deleted cannot be undone, and says what to do instead', async () => {
    const { context, backup } = await damagedShop();
    const restore = await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    await deleteBackup(context, { backup: backup.id });
    await expect(undoRestore(context, { restore: restore.id })).rejects.toMatchObject({
      code: 'restore/not-undoable',
      hint: expect.stringContaining(restore.safetyBackupId ?? 'none'),
    });
  });

  it('works from an encrypted repository, and keeps no row readable in a plan (I10)', async () => {
    const { context, db, before, store } = await damagedShop({
      key: { kind: 'passphrase', passphrase: 'correct horse' },
    });
    const plan = await planRestore(context, { backup: 'latest' });
    for await (const { path } of store.list('plans/')) {
      expect(Buffer.from(await store.get(path)).includes('sku-')).toBe(false);
    }
    await applyRestore(context, { plan: plan.id });
    expect(await contents(db)).toEqual(before);
  });

  it('exact and missing are refused until they exist', async () => {
    const { context } = await damagedShop();
    for (const mode of ['exact', 'missing'] as const) {
      await expect(planRestore(context, { backup: 'latest', mode })).rejects.toMatchObject({
        code: 'usage/not-available-yet',
      });
    }
  });
});

/** Every row of the application, those of other implementations too. */
async function contents(db: TestDatabase): Promise<unknown> {
  const { rows } = await db.query(`
    SELECT (SELECT jsonb_agg(s ORDER BY store_id) FROM store s) AS stores,
           (SELECT jsonb_agg(i ORDER BY item_id) FROM item i) AS items,
           (SELECT jsonb_agg(s ORDER BY sale_id) FROM sale s) AS sales,
           (SELECT jsonb_agg(m ORDER BY id) FROM public.module_implementations m) AS implementations`);
  return rows[0];
}
