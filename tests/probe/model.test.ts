import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Definition } from '../../packages/contracts/src/index.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../support/database.ts';
import { dealtTo, IS_LONG } from '../support/long-tests.ts';
import { type ProbedBackup, type ProbeScenario, probeScenario } from '../support/probe-scenario.ts';
import { seededRandom } from '../support/every-type.ts';

vi.setConfig({ testTimeout: IS_LONG ? 3_600_000 : 120_000 });

/** Every order of keys, a composite key, one through a parent, partitions, a table with no key. */
const SCHEMA = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE shop (id int PRIMARY KEY, name text);
  CREATE TABLE acc (id int PRIMARY KEY, shop int NOT NULL, v text, mood mood DEFAULT 'ok');
  CREATE TABLE word (code text PRIMARY KEY, shop int NOT NULL, v text);
  CREATE TABLE pair (a int, b varchar(9), shop int NOT NULL, v text, PRIMARY KEY (b, a));
  CREATE TABLE uid (id uuid PRIMARY KEY, shop int NOT NULL, v text);
  CREATE TABLE num (k numeric PRIMARY KEY, shop int NOT NULL, v text);
  CREATE TABLE tim (k timestamptz, shop int NOT NULL, v text, PRIMARY KEY (shop, k));
  CREATE TABLE blank (k char(6) PRIMARY KEY, shop int NOT NULL, v text);
  CREATE TABLE part (k bigint, shop int NOT NULL, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
  CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (MINVALUE) TO (100);
  CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (100) TO (MAXVALUE);
  CREATE TABLE child (id bigint PRIMARY KEY, acc int NOT NULL, v text);
  CREATE TABLE grandchild (id bigint PRIMARY KEY, child bigint NOT NULL, v text);
  CREATE TABLE log (shop int, v text);
  INSERT INTO shop VALUES (1, 'one'), (2, 'two');`;

const own = (table: string): Definition['tables'][number] => ({
  table: `public.${table}`,
  role: 'data',
  scope: { columns: { shop: 'id' } },
});
const OWN = ['acc', 'word', 'pair', 'uid', 'num', 'tim', 'blank', 'part', 'log'];
const DEFINITION: Definition = {
  version: 1,
  module: 'model',
  root: { table: 'public.shop', key: ['id'] },
  tables: [
    ...OWN.map(own),
    { table: 'public.child', role: 'data', scope: { parent: 'public.acc', columns: { acc: 'id' } } },
    { table: 'public.grandchild', role: 'data', scope: { parent: 'public.child', columns: { child: 'id' } } },
  ],
};

/** The key of the row of a number, per table; numbers are few, so that rows meet again. */
const INSERT: Readonly<Record<string, (n: string) => string>> = {
  acc: (n) => `INSERT INTO acc SELECT n, 1 + n % 2, 'v' || n FROM ${n} ON CONFLICT DO NOTHING`,
  word: (n) =>
    `INSERT INTO word SELECT (ARRAY['', 'á', 'Z', E'tab\\t', '"q\\''', '📦', '\\\\'])[1 + n % 7] || n, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  pair: (n) => `INSERT INTO pair SELECT n / 7, 'é' || n % 7, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  uid: (n) => `INSERT INTO uid SELECT md5(n::text)::uuid, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  num: (n) => `INSERT INTO num SELECT (n - 60) / 7.0, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  tim: (n) =>
    `INSERT INTO tim SELECT '0001-01-03 BC'::timestamptz + n * interval '1 day', 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  blank: (n) => `INSERT INTO blank SELECT 'k' || n % 90, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  part: (n) => `INSERT INTO part SELECT n, 1 + n % 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  log: (n) => `INSERT INTO log SELECT 1 + n % 2, 'v' || n % 5 FROM ${n}`,
  child: (n) => `INSERT INTO child SELECT n, n / 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
  grandchild: (n) => `INSERT INTO grandchild SELECT n, n / 2, 'v' FROM ${n} ON CONFLICT DO NOTHING`,
};
const TABLES = Object.keys(INSERT);
const KEYS: Readonly<Record<string, string>> = {
  acc: 'id',
  word: 'code',
  pair: 'a',
  uid: 'id',
  num: 'k',
  tim: 'k',
  blank: 'k',
  part: 'k',
  child: 'id',
  grandchild: 'id',
};
const NUMBERS = 180;

type Random = () => number;
const pick = <T>(next: Random, list: readonly T[]): T => {
  const one = list[Math.floor(next() * list.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
};

function change(next: Random): string {
  const table = pick(next, TABLES);
  const from = Math.floor(next() * NUMBERS);
  const numbers = `generate_series(${from}, ${from + Math.floor(next() ** 3 * 40)}) AS n`;
  const share = pick(next, [0.01, 0.03, 0.1, 0.5]);
  const some = `hashtext(${table}::text || ${Math.floor(next() * 1e6)}) % 1000 BETWEEN 0 AND ${Math.floor(share * 1000)}`;
  const moves = table === 'child' ? `acc = acc + 1` : table === 'grandchild' ? `child = child + 1` : `shop = 3 - shop`;
  const key = KEYS[table];
  return pick(next, [
    () => INSERT[table]?.(numbers) ?? '',
    () => INSERT[table]?.(numbers) ?? '',
    () => `UPDATE ${table} SET v = v || '${Math.floor(next() * 10)}' WHERE ${some}`,
    () => `UPDATE ${table} SET v = v WHERE ${some}`,
    () => `DELETE FROM ${table} WHERE ${some}`,
    () => `UPDATE ${table} SET ${moves} WHERE ${some}`,
    () => `UPDATE acc SET shop = 3 - shop WHERE id = ${from}`,
    () =>
      key === undefined || ['uid', 'tim'].includes(table)
        ? 'SELECT'
        : `UPDATE ${table} SET ${key} = ${key === 'code' || table === 'blank' ? `${key} || 'x'` : `${key} + 1`} WHERE ctid = (SELECT ctid FROM ${table} WHERE ${some} LIMIT 1)`,
    () => `DELETE FROM ${table} WHERE ${some}; ${INSERT[table]?.(numbers) ?? ''}`,
    () => `SELECT FROM ${table} WHERE ${some} FOR UPDATE`,
  ])();
}

function structureChange(next: Random): string {
  const table = pick(next, TABLES);
  return pick(next, [
    () => `TRUNCATE ${table}`,
    () => `VACUUM FULL ${table}`,
    () => `VACUUM FREEZE ${table}`,
    () => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS extra text DEFAULT 'e${Math.floor(next() * 9)}'`,
    () =>
      `ALTER TABLE ${table} DROP COLUMN IF EXISTS extra; ALTER TABLE ${table} ADD COLUMN extra text DEFAULT 'again'`,
    () => `ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'`,
    () => `ALTER TYPE mood RENAME VALUE 'worse' TO 'bad'`,
    () => `BEGIN; ALTER TABLE part DETACH PARTITION part_low; UPDATE part_low SET v = 'outside'; COMMIT`,
    () => `ALTER TABLE part ATTACH PARTITION part_low FOR VALUES FROM (MINVALUE) TO (100)`,
    () => `ALTER TABLE log RENAME TO log_old; ALTER TABLE log_old RENAME TO log`,
    () =>
      `CREATE TABLE other (LIKE acc INCLUDING ALL); ALTER TABLE acc RENAME TO acc_old; ALTER TABLE other RENAME TO acc; INSERT INTO acc (id, shop, v) SELECT id, shop, v FROM acc_old; DROP TABLE acc_old`,
  ])();
}

/** One step of somebody else: on a connection of its own, in a transaction that may stay open over backups. */
class Writer {
  readonly #db: TestDatabase;
  readonly #name: string;
  #isOpen = false;

  constructor(db: TestDatabase, name: string) {
    this.#db = db;
    this.#name = name;
  }

  async step(next: Random): Promise<void> {
    const statements = this.#isOpen
      ? pick(next, [
          ['COMMIT'],
          ['ROLLBACK'],
          [change(next)],
          [change(next)],
          ['SAVEPOINT s', change(next), 'RELEASE s'],
          ['SAVEPOINT s', change(next), 'ROLLBACK TO s'],
          [`PREPARE TRANSACTION '${this.#name}'`],
        ])
      : pick(next, [
          ['BEGIN', change(next)],
          [change(next)],
          [`COMMIT PREPARED '${this.#name}'`],
          [`ROLLBACK PREPARED '${this.#name}'`],
        ]);
    for (const statement of statements) {
      try {
        await this.#db.query(statement);
        if (statement === 'BEGIN') this.#isOpen = true;
      } catch {
        // A lock that somebody else holds, a constraint: the transaction is lost, as it would be for an application.
        await this.#db.query('ROLLBACK');
        this.#isOpen = false;
        return;
      }
      if (/^(COMMIT|ROLLBACK|PREPARE TRANSACTION)$|^PREPARE TRANSACTION /.test(statement)) this.#isOpen = false;
    }
  }
}

const servers = testServers();
const SEEDS = Array.from({ length: IS_LONG ? 400 : 8 }, (_, index) => index + 1);
const BACKUPS = 12;
/** Weighed by how often they are there. */
const TYPES = [
  'full',
  'differential',
  'differential',
  'incremental',
  'incremental',
  'incremental',
  'incremental',
] as const;

describe.each(servers)('what a probe finds on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    for (const db of made.splice(0)) {
      const { rows } = await db.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()');
      for (const { gid } of rows) await db.query(`ROLLBACK PREPARED '${gid}'`);
      await db.drop();
    }
  });

  async function scene(
    next: Random,
  ): Promise<{ db: TestDatabase; writers: readonly Writer[]; scenario: ProbeScenario }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(db);
    await db.query(SCHEMA);
    for (const table of TABLES) await db.query(INSERT[table]?.(`generate_series(0, ${NUMBERS - 1}) AS n`) ?? '');
    await db.query(`SET lock_timeout = 200`);
    const writers = await Promise.all(
      ['b', 'c'].map(async (name) => {
        const own = again(db);
        await own.query('SET lock_timeout = 50');
        return new Writer(own, `${name}${Math.floor(next() * 1e9)}`);
      }),
    );
    const scenario = await probeScenario({
      database: db.database,
      definition: DEFINITION,
      rootKey: { id: 1 },
      rangeRows: 16,
    });
    return { db, writers, scenario };
  }

  it.each(dealtTo(servers.indexOf(server), servers.length, SEEDS))(
    'is all that changed, in any history; seed %i (I1, I2)',
    async (seed) => {
      const next = seededRandom(seed);
      const { db, writers, scenario } = await scene(next);
      const act = async () => {
        if (next() < 0.6) await pick(next, writers).step(next);
        else if (next() < 0.9) await db.query(change(next)).catch(() => undefined);
        else await db.query(structureChange(next)).catch(() => db.query('ROLLBACK'));
      };
      const backups: ProbedBackup[] = [];
      const forgetSome = async () => {
        for (const backup of backups.splice(0)) {
          if (next() < 0.4) await scenario.forget(backup);
          else backups.push(backup);
        }
      };
      let probed = 0;
      for (let count = 0; count < BACKUPS; count += 1) {
        for (let steps = Math.floor(next() * 8); steps > 0; steps -= 1) await act();
        // Writers go on at the very instant of the snapshot.
        const backup = await scenario.backUp({
          type: pick(next, TYPES),
          onStep: async (step) => {
            if (step === 'locked' || step === 'snapshot' || step === 'ready') await pick(next, writers).step(next);
          },
        });
        await scenario.expectWhole(backup);
        backups.push(backup);
        probed += backup.manifest.tables.filter(({ read }) => read.how === 'probe').length;
        if (next() < 0.2) await forgetSome();
        if (next() < 0.2) {
          await scenario.collectGarbage();
          for (const survivor of backups) await scenario.expectWhole(survivor);
        }
      }
      expect(probed).toBeGreaterThan(BACKUPS);
      for (const backup of backups) await scenario.expectWhole(backup);
    },
  );
});

/** Another connection to the same database. */
function again(db: TestDatabase): TestDatabase {
  let client: ReturnType<typeof db.database.connect> | undefined;
  return {
    ...db,
    query: async (sql) => {
      client ??= db.database.connect();
      return (await client).query(sql);
    },
  };
}
