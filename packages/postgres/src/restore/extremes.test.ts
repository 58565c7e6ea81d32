import { afterEach, describe, expect, it } from 'vitest';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';

describe.each(testServers())('restoring at the limits of PostgreSQL $name', (server) => {
  const databases: TestDatabase[] = [];
  afterEach(() => Promise.all(databases.splice(0).map((db) => db.drop())));

  async function shops(sql: string, table: string): Promise<{ db: TestDatabase; scenario: RestoreScenario }> {
    const db = await createTestDatabase(server);
    databases.push(db);
    await db.query('CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1), (2)');
    await db.query(sql);
    const { database } = db;
    return {
      db,
      scenario: await restoreScenario({ database, definition: shopDefinition([table]), rootKey: { id: 1 } }),
    };
  }

  /** Damages a table, restores it, and expects it as it was. */
  async function expectBack(sql: string, table: string, damage: string): Promise<void> {
    const { db, scenario } = await shops(sql, table);
    const sum = async () =>
      (await db.query(`SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) AS sum FROM ${table} AS t`)).rows;
    const before = await sum();
    const manifest = await scenario.backUp();
    await db.query(damage);
    expect(await sum()).not.toEqual(before);
    await scenario.apply(await scenario.plan(manifest), manifest);
    expect(await sum()).toEqual(before);
  }

  const wide = (columns: number) => {
    const names = Array.from({ length: columns - 2 }, (_, at) => `c${at} smallint`);
    return `CREATE TABLE wide (id int PRIMARY KEY, shop int, ${names.join(', ')});
      INSERT INTO wide (id, shop, c1) SELECT i, 1, i FROM generate_series(1, 20) AS i`;
  };
  const DAMAGE_WIDE = 'DELETE FROM wide WHERE id < 5; UPDATE wide SET c1 = 0 WHERE id = 9';

  it('puts back rows of 1,597 columns', async () => {
    await expectBack(wide(1597), 'public.wide', DAMAGE_WIDE);
  });

  it('says of a table with more columns that it cannot, and nothing is written', async () => {
    const { db, scenario } = await shops(wide(1600), 'public.wide');
    const manifest = await scenario.backUp();
    await db.query(DAMAGE_WIDE);
    const plan = await scenario.plan(manifest);
    expect(plan.applicable).toBe(false);
    expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toMatchObject([{ kind: 'unsupported' }]);
  });

  it('puts back keys of any text: 2,000 characters, breaks, backslashes, what looks like NULL or an end of data', async () => {
    await expectBack(
      String.raw`CREATE TABLE "sélect 🚀 ""x"" 'y' \t" ("or""der\" text PRIMARY KEY, shop int, cofre_n int, cofre_op text, t text);
        INSERT INTO "sélect 🚀 ""x"" 'y' \t" SELECT key, 1, 7, '\N', '' FROM unnest(ARRAY['', '\N', '\.', 'NULL', E'a\nb', E'a\tb',
          E'\r', E'a\r\nb', 'back\slash', '🚀', 'שלום', repeat('k', 2000), repeat('k', 1999) || 'j', E'\x01']) AS key;
        INSERT INTO "sélect 🚀 ""x"" 'y' \t" SELECT E'k\n' || i, 1, i FROM generate_series(1, 9000) AS i`,
      String.raw`public."sélect 🚀 ""x"" 'y' \t"`,
      String.raw`DELETE FROM "sélect 🚀 ""x"" 'y' \t" WHERE cofre_n = 7;
        UPDATE "sélect 🚀 ""x"" 'y' \t" SET cofre_op = E'\\.' WHERE cofre_n % 10 = 1`,
    );
  });

  it('puts back 30,000 rows whose key begins alike', async () => {
    await expectBack(
      `CREATE TABLE alike (a int, b int, c int, shop int, v text, PRIMARY KEY (a, b, c));
       INSERT INTO alike SELECT 1, 1, i, 1, 'v' FROM generate_series(1, 30000) AS i`,
      'public.alike',
      `DELETE FROM alike WHERE c BETWEEN 5000 AND 25000 OR c % 7 = 0; UPDATE alike SET v = 'q' WHERE c % 11 = 0`,
    );
  });

  it('means its own operators where the search path names a schema before PostgreSQL’s', async () => {
    const { db, scenario } = await shops(
      `CREATE TABLE item (id int PRIMARY KEY, shop int, sku text UNIQUE); INSERT INTO item SELECT i, 1, 'sku ' || i FROM generate_series(1, 50) AS i`,
      'public.item',
    );
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    await db.query(`CREATE SCHEMA evil; CREATE AGGREGATE evil.count(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '42');
      CREATE FUNCTION evil.never("char", "char") RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
      CREATE OPERATOR evil.= (LEFTARG = "char", RIGHTARG = "char", FUNCTION = evil.never);
      ALTER DATABASE ${name} SET search_path = evil, pg_catalog, public`);
    const manifest = await scenario.backUp();
    await db.query(`DELETE FROM item WHERE id < 10; UPDATE item SET sku = 'x' || id WHERE id > 40`);
    await scenario.apply(await scenario.plan(manifest), manifest);
    expect((await db.query(`SELECT pg_catalog.count(*)::int AS n FROM item WHERE sku = 'sku ' || id`)).rows).toEqual([
      { n: 50 },
    ]);
  });
});
