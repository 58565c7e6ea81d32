import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  sakilaFolder,
  type TestDatabase,
  testServers,
} from '../../../../tests/support/database.ts';
import { restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import { discover } from '../definition/discover.ts';
import { parseDefinition } from '../definition/parse-definition.ts';
import { pinSession } from '../session/pin-session.ts';

/** Every table with a condition for what belongs to store 1. */
const OF_STORE_1: Readonly<Record<string, string>> = {
  store: 't.store_id = 1',
  staff: 't.store_id = 1',
  customer: 't.store_id = 1',
  inventory: 't.store_id = 1',
  rental: 'EXISTS (SELECT FROM inventory i WHERE i.inventory_id = t.inventory_id AND i.store_id = 1)',
  ...Object.fromEntries(
    ['ONLY payment', ...[1, 2, 3, 4, 5, 6].map((month) => `payment_p2007_0${month}`)].map((table) => [
      table,
      `EXISTS (SELECT FROM rental r JOIN inventory i USING (inventory_id) WHERE r.rental_id = t.rental_id AND i.store_id = 1)`,
    ]),
  ),
};

const SHARED = ['film', 'actor', 'address', 'city', 'country', 'category', 'language', 'film_actor', 'film_category'];

describe.skipIf(sakilaFolder() === null).each(testServers())(
  'restoring store 1 of Sakila on PostgreSQL $name (skipped where its files are not provided)',
  (server) => {
    let db: TestDatabase;
    beforeAll(async () => {
      db = await createTestDatabase(server, { template: 'sakila' });
      // Rules send these to children, of which some have no key.
      await db.query(`INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date)
        SELECT customer_id, staff_id, rental_id, 3.5, timestamp '2007-01-15' + rental_id / 40 % 5 * interval '1 month' FROM rental WHERE rental_id % 40 = 0`);
    });
    afterAll(() => db.drop());

    async function checksums(which: 'inside' | 'outside'): Promise<Record<string, string>> {
      const tables = [...Object.entries(OF_STORE_1), ...SHARED.map((table) => [table, 'false'] as const)];
      const sums: Record<string, string> = {};
      for (const [table, condition] of tables) {
        const { rows } = await db.query(
          `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text COLLATE "C")), '') AS sum
             FROM ${table} AS t WHERE (${condition}) IS ${which === 'inside' ? '' : 'NOT '}TRUE`,
        );
        sums[table] = rows[0].sum;
      }
      return sums;
    }

    async function definition() {
      const client = await db.database.connect();
      try {
        await pinSession(client);
        const { yaml } = await discover(client, { root: 'public.store', module: 'rentals' });
        return parseDefinition(yaml).definition;
      } finally {
        await client.end();
      }
    }

    it('brings the slice back exactly, while store 2 goes on being written, and nothing else is touched (I7, I8, I9)', async () => {
      const scenario = await restoreScenario({
        database: db.database,
        definition: await definition(),
        rootKey: { store_id: 1 },
      });
      const before = await checksums('inside');
      const manifest = await scenario.backUp();
      await db.query(`
        CREATE TEMP TABLE doomed AS SELECT rental_id FROM rental r JOIN inventory i USING (inventory_id) WHERE i.store_id = 1 AND rental_id % 3 = 0;
        DELETE FROM payment WHERE rental_id IN (SELECT rental_id FROM doomed);
        DELETE FROM rental WHERE rental_id IN (SELECT rental_id FROM doomed);
        UPDATE ONLY payment SET amount = amount * 10 WHERE rental_id IN (SELECT rental_id FROM rental r JOIN inventory i USING (inventory_id) WHERE i.store_id = 1 AND rental_id % 7 = 1);
        UPDATE store SET address_id = 3, manager_staff_id = 1 WHERE store_id = 1;
        UPDATE staff SET active = false, email = 'broken' WHERE store_id = 1;
        DELETE FROM inventory i WHERE store_id = 1 AND NOT EXISTS (SELECT FROM rental r WHERE r.inventory_id = i.inventory_id);
        UPDATE customer SET activebool = false WHERE store_id = 1 AND customer_id % 2 = 0;
        SELECT setval('rental_rental_id_seq', 1);`);
      const damaged = await checksums('inside');
      expect(damaged['rental']).not.toBe(before['rental']);

      // Store 2 is written before the plan, between plan and apply, and during the apply.
      const writeStore2 = (n: number) => `
        UPDATE payment SET amount = ${n} WHERE rental_id IN (SELECT rental_id FROM rental r JOIN inventory i USING (inventory_id) WHERE i.store_id = 2 AND rental_id % 11 = ${n});
        INSERT INTO rental (rental_id, rental_date, inventory_id, customer_id, staff_id) SELECT 100000 + ${n}, timestamp '2025-01-01' + ${n} * interval '1 day', inventory_id, 2, 2 FROM inventory WHERE store_id = 2 ORDER BY 1 LIMIT 1;
        UPDATE inventory SET film_id = ${n + 1} WHERE inventory_id = (SELECT min(inventory_id) FROM inventory WHERE store_id = 2)`;
      await db.query(writeStore2(1));
      const plan = await scenario.plan(manifest);
      expect(plan.tables.flatMap(({ name, conflicts }) => conflicts.map(({ detail }) => `${name}: ${detail}`))).toEqual(
        [],
      );
      await db.query(writeStore2(2));
      let outside = {};
      const applied = await scenario.apply(plan, manifest, {
        onStep: async (step) => {
          if (step !== 'locked') return;
          await db.query(writeStore2(3));
          outside = await checksums('outside');
        },
      });
      expect(applied.sequences.map(({ sequence }) => sequence)).toEqual(['public.rental_rental_id_seq']);
      expect(await checksums('inside')).toEqual(before);
      expect(await checksums('outside')).toEqual(outside);

      const inserts = [
        `INSERT INTO rental (rental_date, inventory_id, customer_id, staff_id) SELECT now(), inventory_id, 1, 1 FROM inventory WHERE store_id = 1 LIMIT 1 RETURNING rental_id`,
        `INSERT INTO inventory (film_id, store_id) VALUES (1, 1)`,
        `INSERT INTO customer (store_id, first_name, last_name, address_id) VALUES (1, 'a', 'b', 5)`,
        `INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date) SELECT 1, 1, max(rental_id), 1, '2025-01-01' FROM rental`,
        `INSERT INTO staff (first_name, last_name, address_id, store_id, username) VALUES ('a', 'b', 3, 1, 'u')`,
      ];
      for (const insert of inserts) await db.query(`BEGIN; ${insert}; ROLLBACK`);

      const undo = await scenario.undo(plan, manifest);
      expect(undo.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
      await scenario.apply(undo, manifest);
      expect(await checksums('inside')).toEqual(damaged);
      expect(await checksums('outside')).toEqual(outside);
    });

    it('puts back a slice of which everything was deleted', async () => {
      const scenario = await restoreScenario({
        database: db.database,
        definition: await definition(),
        rootKey: { store_id: 1 },
      });
      const before = await checksums('inside');
      const manifest = await scenario.backUp();
      const outside = await checksums('outside');
      await db.query(`SET session_replication_role = replica;
        ${Object.entries(OF_STORE_1)
          .reverse()
          .map(([table, condition]) => `DELETE FROM ${table} AS t WHERE ${condition};`)
          .join('\n')}
        RESET session_replication_role`);
      const plan = await scenario.plan(manifest);
      expect(plan.tables.flatMap(({ name, conflicts }) => conflicts.map(({ detail }) => `${name}: ${detail}`))).toEqual(
        [],
      );
      expect(plan.tables.filter(({ key }) => key.length > 0).every(({ pages }) => pages.length === 0)).toBe(true);
      await scenario.apply(plan, manifest);
      expect(await checksums('inside')).toEqual(before);
      expect(await checksums('outside')).toEqual(outside);
    });
  },
);
