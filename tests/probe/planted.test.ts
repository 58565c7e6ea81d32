import { afterEach, describe, expect, it } from 'vitest';
import type { Definition } from '../../packages/contracts/src/index.ts';
import type { TableProbe } from '../../packages/postgres/src/capture/probe-table.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { costlyTestServers } from '../support/long-tests.ts';
import { type Bug, type ProbeScenario, probeScenario } from '../support/probe-scenario.ts';

const DEFINITION: Definition = {
  version: 1,
  module: 'planted',
  root: { table: 'public.shop', key: ['id'] },
  tables: [
    { table: 'public.acc', role: 'data', scope: { columns: { shop: 'id' } } },
    { table: 'public.child', role: 'data', scope: { parent: 'public.acc', columns: { acc: 'id' } } },
  ],
};
const SCHEMA = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE shop (id int PRIMARY KEY);
  INSERT INTO shop VALUES (1), (2);
  CREATE TABLE acc (id int PRIMARY KEY, shop int NOT NULL, v text, mood mood NOT NULL DEFAULT 'ok');
  INSERT INTO acc SELECT n, 1 + n % 2, 'v' || n FROM generate_series(1, 200) AS n;
  CREATE TABLE child (id int PRIMARY KEY, acc int NOT NULL, v text);
  INSERT INTO child SELECT n, 1 + n % 200, 'v' FROM generate_series(1, 400) AS n;`;

interface Scene {
  readonly db: TestDatabase;
  /** Another session. */
  readonly other: TestDatabase;
  readonly scenario: ProbeScenario;
}

interface Planted {
  readonly bug: Bug;
  /** A history in which it matters: ends with the backup that it spoils. */
  readonly play: (scene: Scene) => Promise<void>;
}

const opening =
  (
    change: (since: Parameters<TableProbe['open']>[0]) => Parameters<TableProbe['open']>[0],
  ): NonNullable<Bug['probe']> =>
  (probe) => ({ obstacle: (since) => probe.obstacle(since), open: (since, lows) => probe.open(change(since), lows) });

const PLANTED: Readonly<Record<string, Planted>> = {
  '< for <=: the transaction that the snapshot waited for is left out': {
    bug: { probe: opening((since) => ({ ...since, xmin: String(BigInt(since.xmin) + 1n) })) },
    play: async ({ other, scenario }) => {
      await other.query('BEGIN');
      await other.query(`UPDATE acc SET v = 'late' WHERE id = 2`);
      await scenario.backUp();
      await other.query('COMMIT');
    },
  },
  'pg_visible_in_snapshot(xmin) for the comparison: a sub-transaction seems to be over': {
    bug: {
      table: (_, parent) => ({
        touchedSql: (alias) =>
          `NOT pg_catalog.pg_visible_in_snapshot(${alias}.xmin::text::xid8, '${parent?.snapshot.text ?? '1:1:'}')`,
      }),
    },
    play: async ({ db, other, scenario }) => {
      await other.query('BEGIN');
      await other.query(`UPDATE acc SET v = 'early' WHERE id = 4`);
      await other.query('SAVEPOINT s');
      await other.query(`UPDATE acc SET v = 'late' WHERE id = 2`);
      await db.query(`UPDATE acc SET v = v WHERE id = 199`);
      await scenario.backUp();
      await other.query('COMMIT');
    },
  },
  'the parents’ xmin left out: as many rows come through one parent as go with another': {
    bug: {
      table: ({ facts }) =>
        facts.name === 'child' ? { touchedSql: (alias, isSinceSql) => isSinceSql(`${alias}.xmin`) } : {},
    },
    play: async ({ db, scenario }) => {
      await scenario.backUp();
      await db.query('UPDATE acc SET shop = 3 - shop WHERE id IN (2, 3)');
    },
  },
  'structure not compared: a column was dropped and added under its name': {
    bug: { trustsEveryTable: true },
    play: async ({ db, scenario }) => {
      await scenario.backUp();
      await db.query(`ALTER TABLE acc DROP COLUMN mood; ALTER TABLE acc ADD COLUMN mood mood NOT NULL DEFAULT 'bad'`);
    },
  },
  'structure not compared: a label was renamed': {
    bug: { trustsEveryTable: true },
    play: async ({ db, scenario }) => {
      await scenario.backUp();
      await db.query(`ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'`);
    },
  },
  'structure not compared: a table on the way was swapped by renaming': {
    bug: { trustsEveryTable: true },
    play: async ({ db, scenario }) => {
      await db.query(
        `CREATE TABLE acc_new (LIKE acc INCLUDING ALL); INSERT INTO acc_new SELECT id, 3 - shop, v, mood FROM acc`,
      );
      await scenario.backUp();
      await db.query(`ALTER TABLE acc RENAME TO acc_old; ALTER TABLE acc_new RENAME TO acc`);
    },
  },
};

describe.each(costlyTestServers())('a bug in the probe on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    for (const db of made.splice(0)) await db.drop();
  });

  async function lastIsWhole({ bug, play }: Planted, isPlanted: boolean): Promise<boolean> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(db);
    await db.query(SCHEMA);
    const client = await db.database.connect();
    const other = { ...db, query: (sql: string) => client.query(sql) };
    const scenario = await probeScenario({
      database: db.database,
      definition: DEFINITION,
      rootKey: { id: 1 },
      rangeRows: 16,
    });
    await scenario.backUp();
    await play({ db, other, scenario });
    try {
      await scenario.expectWhole(await scenario.backUp(isPlanted ? { bug } : {}));
      return true;
    } catch {
      return false;
    } finally {
      await client.end();
    }
  }

  // A transaction of another test on this server holds the snapshots back, and then rows count as touched that the bug would miss.
  it.each(Object.entries(PLANTED))('%s: it shows', { retry: 8 }, async (_, planted) => {
    expect(await lastIsWhole(planted, true)).toBe(false);
  });

  it.each(Object.entries(PLANTED))('%s: without it all is well', async (_, planted) => {
    expect(await lastIsWhole(planted, false)).toBe(true);
  });
});
