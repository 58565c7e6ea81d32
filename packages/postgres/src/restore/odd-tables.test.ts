import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { restoreScenario } from '../../../../tests/support/restore-scenario.ts';

/** A table of shop 1, what happens to it, and which columns tell whether all is as it was. */
interface OddTable {
  readonly create: string;
  readonly damage: string;
  readonly servers?: readonly string[];
}

const columns = Array.from({ length: 300 }, (_, at) => `c${at}`);
const sparse = columns.map((name, at) => `${name} = CASE WHEN id % 20 = ${at % 20} THEN 'x' ELSE ${name} END`);

const ODD: Readonly<Record<string, OddTable>> = {
  'whose columns have the names that staging would use': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, cofre_n text, cofre_op text, cofre_set text, cofre_line text, cofre_x0 text UNIQUE, cofre_row int);
      INSERT INTO t SELECT i, 1, 'n', 'o', 's', 'l', 'x' || i, i FROM generate_series(1, 9) i`,
    damage: `DELETE FROM t WHERE id < 4; UPDATE t SET cofre_n = 'y', cofre_x0 = NULL WHERE id > 7`,
  },
  'with 300 columns, changed in many combinations': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, ${columns.map((name) => `${name} text`).join(', ')});
      INSERT INTO t SELECT i, 1, ${columns.map((_, at) => `repeat('v', ${at})`).join(', ')} FROM generate_series(1, 60) i`,
    damage: `UPDATE t SET ${sparse.join(', ')}; DELETE FROM t WHERE id % 7 = 0`,
  },
  'with rows of many megabytes': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
      INSERT INTO t SELECT i, 1, repeat(md5(i::text), 500000) FROM generate_series(1, 3) i`,
    damage: `DELETE FROM t WHERE id = 1; UPDATE t SET big = big || 'x' WHERE id = 2`,
  },
  'with columns that are generated, and unique by them': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, label text, folded text GENERATED ALWAYS AS (lower(label)) STORED UNIQUE);
      INSERT INTO t SELECT i, 1, 'Label ' || i FROM generate_series(1, 9) i`,
    damage: `DELETE FROM t WHERE id < 4; UPDATE t SET label = 'LABEL 1' WHERE id = 5`,
  },
  'with columns that are generated when they are read': {
    create: `CREATE TABLE t (id int PRIMARY KEY, shop int, label text, folded text GENERATED ALWAYS AS (lower(label)) VIRTUAL, CHECK (length(label) < 20));
      INSERT INTO t SELECT i, 1, 'Label ' || i FROM generate_series(1, 9) i`,
    damage: `DELETE FROM t WHERE id < 4; UPDATE t SET label = 'X' WHERE id = 5`,
    servers: ['18'],
  },
  'whose key is a period': {
    create: `CREATE EXTENSION IF NOT EXISTS btree_gist;
      CREATE TABLE t (id int, shop int, valid daterange, label text, PRIMARY KEY (id, valid WITHOUT OVERLAPS), UNIQUE (label));
      INSERT INTO t SELECT 1 + i % 3, 1, daterange('2025-01-01'::date + i, '2025-01-02'::date + i), 'l' || i FROM generate_series(1, 9) i`,
    damage: `DELETE FROM t WHERE label < 'l4'`,
    servers: ['18'],
  },
  'that is partitioned, with triggers and keys of its partitions': {
    create: `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.label := 'spoiled'; RETURN NEW; END $$;
      CREATE TABLE city (id int PRIMARY KEY); INSERT INTO city SELECT generate_series(1, 5);
      CREATE TABLE t (id int, shop int, kind text, label text, city int REFERENCES city, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
      CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a'); CREATE TABLE t_b PARTITION OF t FOR VALUES IN ('b', 'c');
      CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON t_b FOR EACH ROW EXECUTE FUNCTION spoil();
      CREATE UNIQUE INDEX ON t_a (label); ALTER TABLE t_b DISABLE TRIGGER spoil;
      INSERT INTO t SELECT i, 1, chr(97 + i % 3), 'l' || i, 1 + i % 5 FROM generate_series(1, 30) i; ALTER TABLE t_b ENABLE TRIGGER spoil`,
    damage: `DELETE FROM t WHERE id % 4 = 0; UPDATE t SET label = 'x' || id WHERE id % 5 = 0`,
  },
  'with a key of several columns, of many orders': {
    create: `CREATE TABLE t (shop int, a numeric, b text, c timestamptz, d uuid, e int8, label text, PRIMARY KEY (shop, a, b, c, d, e));
      INSERT INTO t SELECT 1, (i % 3)::numeric / 10, E'b\\t\\\\' || i % 5 || chr(127 + i % 2), '2025-01-01'::timestamptz + i % 4 * interval '1 day', md5(i::text)::uuid, -i, 'l' FROM generate_series(1, 300) i`,
    damage: `DELETE FROM t WHERE e % 3 = 0; UPDATE t SET label = 'x' WHERE e % 4 = 0; UPDATE t SET a = a + 0.00 WHERE e % 5 = 0`,
  },
  'that is unlogged, has a key beside its primary key, and rules for everything': {
    create: `CREATE UNLOGGED TABLE t (id int PRIMARY KEY, shop int, code text NOT NULL UNIQUE, label text);
      INSERT INTO t SELECT i, 1, 'c' || i, 'l' FROM generate_series(1, 30) i;
      CREATE RULE i AS ON INSERT TO t DO INSTEAD NOTHING; CREATE RULE u AS ON UPDATE TO t DO INSTEAD NOTHING; CREATE RULE d AS ON DELETE TO t DO INSTEAD NOTHING;`,
    damage: `ALTER TABLE t DISABLE RULE u; ALTER TABLE t DISABLE RULE d; DELETE FROM t WHERE id % 4 = 0; UPDATE t SET label = 'x' WHERE id % 5 = 0;
      ALTER TABLE t ENABLE RULE u; ALTER TABLE t ENABLE RULE d`,
  },
  'that is empty when it is backed up, and not when it is restored': {
    create: 'CREATE TABLE t (id int PRIMARY KEY, shop int, label text)',
    damage: `INSERT INTO t VALUES (1, 1, 'later')`,
  },
};

describe.each(testServers())('restoring odd tables on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
  });
  afterAll(() => db.drop());
  beforeEach(() => db.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

  const contents = async () =>
    (await db.query('SELECT md5(t::text) AS row FROM t ORDER BY 1')).rows.map(({ row }) => row);

  for (const [name, odd] of Object.entries(ODD)) {
    it.skipIf(odd.servers?.includes(server.name) === false)(`a table ${name}`, async () => {
      await db.query(`CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop VALUES (1); ${odd.create}`);
      const scenario = await restoreScenario({
        database: db.database,
        definition: shopDefinition(['public.t']),
        rootKey: { id: 1 },
      });
      const before = await contents();
      const manifest = await scenario.backUp();
      await db.query(odd.damage);
      const damaged = await contents();
      expect(damaged).not.toEqual(before);
      const plan = await scenario.plan(manifest);
      expect(plan.tables.flatMap(({ conflicts }) => conflicts)).toEqual([]);
      await scenario.apply(plan, manifest);
      // What was made later stays.
      expect(await contents()).toEqual(before.length === 0 ? damaged : before);
      await scenario.apply(await scenario.undo(plan, manifest), manifest);
      expect(await contents()).toEqual(damaged);
    });
  }
});
