import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { checksumDatabase, type DatabaseChecksums, differences, INVENTORY_SLICE } from './checksums.ts';
import { damageInventory, goOnWorking } from './damage.ts';
import { loadDemo } from './load-demo.ts';
import { DEMO_IMPLEMENTATIONS } from './platform.ts';

const damaged = DEMO_IMPLEMENTATIONS.find(({ key }) => key === 'perishable')?.id ?? '';
const checksums = (database: TestDatabase): Promise<DatabaseChecksums> =>
  checksumDatabase(database.database, INVENTORY_SLICE, damaged);

describe.each(costlyTestServers())('the demo’s platform on PostgreSQL $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, { template: 'migrated' });
  });
  afterAll(() => database.drop());

  it('is the same after it was loaded, damaged and loaded again', async () => {
    const loaded = await loadDemo(database.database);
    expect(loaded.rows).toBeGreaterThan(50_000);
    const before = await checksums(database);
    await withClient(database, (client) => damageInventory(client, damaged));
    expect((await loadDemo(database.database)).rows).toBe(loaded.rows);
    const after = await checksums(database);
    // The platform's own rows carry the time of loading.
    const loadTimes = ['public.tenant_module_assignments'];
    expect(differences(before.slice, after.slice)).toEqual(loadTimes);
    expect(differences(before.others, after.others)).toEqual(loadTimes);
  });

  it('counts every row of the database once, in the slice or outside', async () => {
    const { slice, others } = await checksums(database);
    const counted = [...slice, ...others].filter(({ table }) => table === 'public.stock_movements');
    const { rows } = await database.query('SELECT count(*)::int AS rows FROM public.stock_movements');
    expect(counted).toHaveLength(2);
    expect(counted.reduce((sum, it) => sum + it.rows, 0)).toBe(rows[0].rows);
  });

  it('is damaged in the slice only, and goes on being written outside of it only', async () => {
    const whole = await checksums(database);
    const damage = await withClient(database, (client) => damageInventory(client, damaged));
    const afterDamage = await checksums(database);
    expect(differences(whole.others, afterDamage.others)).toEqual([]);
    expect(differences(whole.slice, afterDamage.slice)).toEqual([
      'public.products',
      'public.stock_levels',
      'public.stock_movements',
      'public.tenant_module_assignments',
    ]);
    expect(Object.values(damage).every((count) => count > 0)).toBe(true);

    await withClient(database, (client) => goOnWorking(client, damaged));
    const afterWork = await checksums(database);
    expect(differences(afterDamage.slice, afterWork.slice)).toEqual([]);
    expect(differences(afterDamage.others, afterWork.others)).toContain('public.invoices');
  });

  it('takes new rows in every table after loading: sequences stand behind the copied ids', async () => {
    await database.query(
      `INSERT INTO public.products (tenant_id, category_id, sku, name, price, cost)
       SELECT tenant_id, category_id, 'NEW', name, price, cost FROM public.products LIMIT 1`,
    );
  });

  it('refuses to replace a table that it did not make, and changes nothing', async () => {
    await database.query('COMMENT ON TABLE public.products IS NULL');
    const before = await checksums(database);
    await expect(loadDemo(database.database)).rejects.toMatchObject({
      code: 'demo/tables-taken',
      message: expect.stringContaining('products') as string,
    });
    expect(await checksums(database)).toEqual(before);
  });
});

async function withClient<T>(
  { database }: TestDatabase,
  work: (client: Awaited<ReturnType<TestDatabase['database']['connect']>>) => Promise<T>,
): Promise<T> {
  const client = await database.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
