import { backupEstimateDocument } from '@cofre/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { createBackup } from './create-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import { estimateBackup } from './estimate-backup.ts';

describe.each(costlyTestServers())('the estimate of a backup on PostgreSQL $name', (server) => {
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

  const one = { implementation: 'shop/one' };

  it('is the planner’s guess before there is a backup, and claims nothing of what would be stored', async () => {
    const { context, db } = await shop();
    await db.query('ANALYZE');
    const { costs } = backupEstimateDocument.parse(await estimateBackup(context, one));
    for (const cost of Object.values(costs)) expect(cost.stored).toBeNull();
    expect(costs.full.read).toMatchObject({ from: 'planner' });
    expect(costs.full.read?.rows).toBeGreaterThan(500);
    expect(costs.full.read?.rows).toBeLessThan(3000);
    expect(costs.config_only.read?.rows).toBeLessThan(10);
  });

  it('is what the newest backup read, and what those of the type usually stored', async () => {
    const { context, db } = await shop();
    const full = await createBackup(context, { ...one, type: 'full' });
    const changed: number[] = [];
    for (const sales of [10, 900, 20]) {
      await db.query(`UPDATE public.sale SET quantity = quantity + 1
        WHERE sale_id IN (SELECT sale_id FROM public.sale JOIN public.item USING (item_id) WHERE store_id = 1 ORDER BY sale_id LIMIT ${sales})`);
      changed.push((await createBackup(context, { ...one, type: 'incremental' })).stats.rowsChanged);
    }
    const { costs } = await estimateBackup(context, one);
    expect(costs.full).toEqual({
      read: { rows: full.stats.rows, bytes: expect.any(Number), from: 'backup' },
      stored: { rowsChanged: full.stats.rowsChanged, bytes: full.stats.bytesStored, backups: 1 },
    });
    // One import of hundreds of rows is not what is usual.
    expect(changed).toEqual([10, 900, 20]);
    expect(costs.incremental.stored).toMatchObject({ rowsChanged: 20, backups: 3 });
    expect(costs.incremental.read).toEqual(costs.full.read);
    expect(costs.differential).toEqual({ read: costs.full.read, stored: null });
    expect(costs.config_only).toMatchObject({ read: { from: 'planner' }, stored: null });
  });

  it('does not count backups that are gone, nor those that a restore made', async () => {
    const { context, db } = await shop();
    const { id } = await createBackup(context, { ...one, type: 'full' });
    await deleteBackup(context, { backup: id });
    const safety = await createBackup(context, { ...one, type: 'full' });
    await db.query('UPDATE public.module_backups SET safety = true WHERE id = $1', [safety.id]);
    const { costs } = await estimateBackup(context, one);
    expect(costs.full).toMatchObject({ read: { from: 'planner' }, stored: null });
  });

  it('waits behind nobody who migrates a table', async () => {
    const { context, db } = await shop();
    const client = await db.database.connect({ applicationName: 'a migration' });
    made.push(() => client.end());
    await client.query('BEGIN; LOCK TABLE public.sale');
    const { costs } = await estimateBackup(context, one);
    expect(costs.full.read).toBeNull();
    expect(costs.config_only.read).not.toBeNull();
  });
});
