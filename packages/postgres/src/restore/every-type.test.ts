import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import { buildTypeTables, HOSTILE_SETTINGS, type TypeTable } from '../../../../tests/support/type-tables.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';

describe.each(testServers())('restoring every type on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  let tables: TypeTable[];

  beforeAll(async () => {
    db = await createTestDatabase(server);
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS) await db.query(`ALTER DATABASE ${name} SET ${setting}`);
    client = await databaseFromUrl(db.url).connect();
    await pinSession(client);
    tables = await buildTypeTables(client);
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });

  async function contents(): Promise<Record<string, string>> {
    const sums: Record<string, string> = {};
    for (const { table, type } of tables) {
      const { rows } = await client.query(
        `SELECT md5(string_agg(concat(t), '|' ORDER BY id)) AS sum FROM public.${table} t`,
      );
      sums[type] = rows[0].sum;
    }
    return sums;
  }

  it('brings back rows that were deleted and values that were changed, and undo takes them away again (I7)', async () => {
    const scenario = await restoreScenario({
      database: databaseFromUrl(db.url),
      definition: shopDefinition(tables.map(({ table }) => `public.${table}`)),
      rootKey: { id: 1 },
    });
    const before = await contents();
    const manifest = await scenario.backUp();
    for (const { table } of tables) {
      await client.query(`DELETE FROM public.${table} WHERE id % 3 = 0`);
      await client.query(`UPDATE public.${table} SET v = NULL, vs = '{}' WHERE id % 3 = 1`);
    }
    const damaged = await contents();
    const plan = await scenario.plan(manifest);
    expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
    expect(plan.tables.every(({ inserts, updates }) => inserts + updates > 0)).toBe(true);
    await scenario.apply(plan, manifest);
    expect(await contents()).toEqual(before);
    await scenario.apply(await scenario.undo(plan, manifest), manifest);
    expect(await contents()).toEqual(damaged);
  }, 180_000);
});
