import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { restoreScenario } from '../../../../tests/support/restore-scenario.ts';

describe.each(testServers())('restoring on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(`
      CREATE TABLE shop (id int PRIMARY KEY, name text);
      CREATE TABLE item (id bigserial PRIMARY KEY, shop_id int NOT NULL REFERENCES shop, label text, price numeric(10,2));
      INSERT INTO shop VALUES (1, 'one'), (2, 'two');
      INSERT INTO item (shop_id, label, price) SELECT 1 + i % 2, 'item ' || i, i FROM generate_series(1, 20000) i;
    `);
  });
  afterAll(() => db.drop());

  it('works at all', async () => {
    const scenario = await restoreScenario({
      database: db.database,
      rootKey: { id: 1 },
      definition: {
        version: 1,
        module: 'shop',
        root: { table: 'public.shop', key: ['id'] },
        tables: [
          { table: 'public.shop', role: 'config', scope: { columns: { id: 'id' } } },
          { table: 'public.item', role: 'data', scope: { columns: { shop_id: 'id' } } },
        ],
      },
    });
    const checksum = async () => (await db.query(`SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM item t`)).rows;
    const before = await checksum();
    const manifest = await scenario.backUp();
    await db.query(
      `DELETE FROM item WHERE id < 500; UPDATE item SET price = 0, label = 'broken' WHERE id % 100 = 1; UPDATE shop SET name = 'x'`,
    );
    const damaged = await checksum();
    const plan = await scenario.plan(manifest);
    expect(plan.tables.map(({ conflicts }) => conflicts)).toEqual([[], []]);
    const applied = await scenario.apply(plan, manifest);
    const after = await scenario.plan(manifest);
    expect(after.tables.map(({ inserts, updates }) => inserts + updates)).toEqual([0, 0]);
    const undo = await scenario.undo(plan, manifest);
    expect(undo.applicable).toBe(true);
    expect(await checksum()).toEqual(damaged);
    expect(before).not.toEqual(damaged);
  });
});
