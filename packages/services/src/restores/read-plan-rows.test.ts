import { planRowsDocument, restoreDetailDocument } from '@cofre/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { listBackupTables } from '../backups/list-backup-tables.ts';
import { proposeBackup } from '../backups/propose-backup.ts';
import { MASK } from '../backups/show-row.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { applyRestore } from './apply-restore.ts';
import { planRestore } from './plan-restore.ts';
import { readPlanRows } from './read-plan-rows.ts';
import { showRestore } from './show-restore.ts';
import { undoRestore } from './undo-restore.ts';

const SHOP = { implementation: 'shop/one' };

describe.each(costlyTestServers())('what leads to a restore on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    return { ...service, db };
  }

  it('rows of a plan are read from any place, by kind, old and new beside each other, with secrets masked', async () => {
    const { context, db } = await shop();
    await createBackup(context, SHOP);
    await db.query(`
      UPDATE item SET price = 0 WHERE store_id = 1 AND item_id < 21;
      DELETE FROM sale WHERE item_id IN (SELECT item_id FROM item WHERE store_id = 1 AND item_id > 300);
      DELETE FROM item WHERE store_id = 1 AND item_id > 300;
      UPDATE store SET api_key = 'leaked' WHERE store_id = 1`);
    const { id: plan } = await planRestore(context, { backup: 'latest' });
    const all = await readPlanRows(context, { plan, table: 'item', limit: 500 });
    expect(planRowsDocument.parse(all)).toMatchObject({ rowsTotal: 60, next: null, keyColumns: ['item_id'] });
    expect(all.rows.map(({ position }) => position)).toEqual(Array.from({ length: 60 }, (_, index) => index));
    expect(all.rows[0]).toEqual({
      position: 0,
      op: 'update',
      before: { item_id: '2', store_id: '1', sku: 'sku-2', price: '0.00' },
      after: { item_id: '2', store_id: '1', sku: 'sku-2', price: '2.20' },
      changed: ['price'],
      isCut: false,
    });
    for (const from of [0, 7, 59, 60, 1000]) {
      const part = await readPlanRows(context, { plan, table: 'public.item', from, limit: 5 });
      expect(part.rows).toEqual(all.rows.slice(from, from + 5));
      expect(part.next).toBe(from + 5 < 60 ? from + 5 : null);
    }
    const missing = await readPlanRows(context, { plan, table: 'item', operation: 'insert', from: 48 });
    expect(missing).toMatchObject({ rowsTotal: 50, rows: [{ position: 48, before: null }, { position: 49 }] });
    expect(await readPlanRows(context, { plan, table: 'item', operation: 'delete' })).toMatchObject({
      rowsTotal: 0,
      rows: [],
    });
    const store = await readPlanRows(context, { plan, table: 'store' });
    expect(store.rows).toMatchObject([{ before: { api_key: MASK }, after: { api_key: MASK }, changed: ['api_key'] }]);
  });

  it('a text is looked for in what is shown, never in secrets; long values are cut and can be asked for whole', async () => {
    const { context, db } = await shop();
    await createBackup(context, SHOP);
    await db.query(`
      UPDATE item SET price = 0 WHERE store_id = 1;
      UPDATE store SET api_key = 'leaked', name = repeat('long ', 200) WHERE store_id = 1`);
    const { id: plan } = await planRestore(context, { backup: 'latest' });
    const found = await readPlanRows(context, { plan, table: 'item', text: 'SKU-39', limit: 3 });
    expect(found.rows.map(({ before }) => before?.['sku'])).toEqual(['sku-390', 'sku-392', 'sku-394']);
    const more = await readPlanRows(context, { plan, table: 'item', text: 'sku-39', from: found.next ?? 0, limit: 3 });
    expect(more.rows.map(({ before }) => before?.['sku'])).toEqual(['sku-396', 'sku-398']);
    expect(more.next).toBe(null);
    for (const text of ['leaked', 'key-of-one']) {
      expect((await readPlanRows(context, { plan, table: 'store', text })).rows).toEqual([]);
    }
    const cut = await readPlanRows(context, { plan, table: 'store', valueCharsMax: 9 });
    expect(cut.rows).toMatchObject([{ before: { name: 'long long…' }, isCut: true }]);
    const whole = await readPlanRows(context, { plan, table: 'store', valueCharsMax: 5000 });
    expect(whole.rows).toMatchObject([{ before: { name: 'long '.repeat(200) }, isCut: false }]);
  });

  it('ranges that come whole and pages of megabytes make one list, and those who read at once read the same', async () => {
    const { context, db, again } = await shop();
    await db.query(`
      INSERT INTO item (store_id, sku, price) SELECT 1, 'many-' || i || repeat('x', 150), i FROM generate_series(1, 30000) AS i`);
    await createBackup(context, SHOP);
    await db.query(`
      DELETE FROM sale WHERE item_id IN (SELECT item_id FROM item WHERE store_id = 1 AND item_id % 5 = 0);
      UPDATE item SET price = 0 WHERE store_id = 1 AND item_id < 15000;
      DELETE FROM item WHERE store_id = 1 AND item_id > 18000`);
    const plan = await planRestore(context, { backup: 'latest' });
    const item = plan.tables.find(({ table }) => table === 'public.item');
    const total = (item?.inserts ?? 0) + (item?.updates ?? 0);
    expect(total).toBeGreaterThan(25_000);
    const seen: string[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const page = await readPlanRows(context, { plan: plan.id, table: 'item', from, limit: 500 });
      seen.push(...page.rows.map(({ after }) => after?.['item_id'] ?? ''));
      from = page.next;
    }
    expect(seen).toHaveLength(total);
    expect(new Set(seen).size).toBe(total);
    const elsewhere = again();
    const places = [total - 1, 0, 14_000, 20_000, 5];
    const rows = await Promise.all(
      places.map((from) => readPlanRows(elsewhere, { plan: plan.id, table: 'item', from, limit: 1 })),
    );
    expect(rows.map(({ rows: [row] }) => row?.after?.['item_id'])).toEqual(places.map((place) => seen[place]));
    // A search of many rows answers in parts.
    const none = await readPlanRows(context, { plan: plan.id, table: 'item', text: 'nowhere' });
    expect(none).toMatchObject({ rows: [], next: 20_000 });
  });

  it('a plan or table that is not there is said so', async () => {
    const { context } = await shop();
    await createBackup(context, SHOP);
    const { id: plan } = await planRestore(context, { backup: 'latest' });
    await expect(readPlanRows(context, { plan: 'ffffffff', table: 'item' })).rejects.toMatchObject({
      code: 'plan/not-found',
    });
    await expect(readPlanRows(context, { plan, table: 'nothing' })).rejects.toMatchObject({ code: 'usage/invalid' });
  });

  it('the tables of a backup are listed with their roles and rows', async () => {
    const { context } = await shop();
    await createBackup(context, SHOP);
    const { tables } = await listBackupTables(context, { backup: 'latest' });
    expect(tables).toContainEqual({ table: 'public.store', role: 'config', rows: 1 });
    expect(tables).toContainEqual({ table: 'public.item', role: 'data', rows: 200 });
  });

  it('proposed is the newest verified backup of before, and said is a newer one that nobody verified', async () => {
    const { context } = await shop();
    const propose = (before: string) => proposeBackup(context, { ...SHOP, before });
    expect(await propose('2030-01-01T00:00:00.000Z')).toEqual({ backup: null, newer: null, oldest: null });
    const first = await createBackup(context, SHOP);
    const second = await createBackup(context, { ...SHOP, type: 'incremental' });
    await createBackup(context, { ...SHOP, type: 'config_only' });
    expect(await propose('2030-01-01T00:00:00.000Z')).toMatchObject({ backup: { id: second.id }, newer: null });
    expect(await propose(second.createdAt)).toMatchObject({ backup: { id: first.id } });
    expect(await propose(first.createdAt)).toMatchObject({ backup: null, oldest: { id: first.id } });
    await verifyBackup(context, { backup: first.id });
    expect(await propose('2030-01-01T00:00:00.000Z')).toMatchObject({
      backup: { id: first.id },
      newer: { id: second.id },
    });
    await verifyBackup(context, { backup: second.id });
    expect(await propose('2030-01-01T00:00:00.000Z')).toMatchObject({ backup: { id: second.id }, newer: null });
  });

  it('a restore says until when it can be undone, and that an undone one cannot', async () => {
    const { context, db } = await shop();
    await createBackup(context, SHOP);
    await db.query('UPDATE item SET price = 0 WHERE store_id = 1');
    const { id } = await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    const shown = restoreDetailDocument.parse(await showRestore(context, { restore: id.slice(0, 8) }));
    expect(shown).toMatchObject({ id, isUndoable: true, purpose: 'restore' });
    const days = (Date.parse(shown.undoableUntil ?? '') - Date.parse(shown.createdAt)) / 86_400_000;
    expect(Math.round(days)).toBe(14);
    const undo = await undoRestore(context, { restore: id });
    expect(await showRestore(context, { restore: id })).toMatchObject({ isUndoable: false, undoneBy: undo.id });
    expect(await showRestore(context, { restore: undo.id })).toMatchObject({ isUndoable: false, purpose: 'undo' });
    await expect(showRestore(context, { restore: 'ffffffff' })).rejects.toMatchObject({ code: 'restore/not-found' });
  });
});
