import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectSlice, shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from '../session/database.ts';
import type { Database } from '../session/types.ts';
import { captureSlices } from './capture-slices.ts';

const SETUP = `
CREATE TABLE shop (id int PRIMARY KEY);
INSERT INTO shop VALUES (1), (2);
CREATE TABLE item (shop int NOT NULL, id int PRIMARY KEY, pad text);
INSERT INTO item SELECT 1 + g % 2, g, repeat('x', 200) FROM generate_series(1, 2000) AS g;
CREATE TABLE piece (id int PRIMARY KEY, item int NOT NULL);
INSERT INTO piece SELECT g, g FROM generate_series(1, 1000) AS g;
CREATE TABLE large (shop int NOT NULL, id int PRIMARY KEY, pad text);
INSERT INTO large SELECT 1, g, repeat('y', 3000) FROM generate_series(1, 12000) AS g;`;

const definition = shopDefinition([
  'public.item',
  { table: 'public.piece', role: 'data', scope: { parent: 'public.item', columns: { item: 'id' } } },
]);
const largeDefinition = shopDefinition(['public.large', 'public.item']);

/** Sessions of this database that wait for a lock: other test files use the same server. */
const WAITING =
  'SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()';

describe.each(testServers())('a capture on PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let database: Database;
  let other: pg.Client;
  const reader = `reader_${process.pid}`;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    database = databaseFromUrl(test.url);
    other = await test.database.connect({ applicationName: 'other' });
    await other.query(`${SETUP}; CREATE ROLE ${reader} LOGIN; GRANT SELECT ON shop, item, piece TO ${reader};
      GRANT pg_read_all_stats TO ${reader}`);
  });
  afterAll(async () => {
    await other?.query(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
    await other?.end();
    await test?.drop();
  });

  const asReader = () => {
    const url = new URL(test.url);
    url.username = reader;
    return databaseFromUrl(url.href);
  };

  /** Sessions that Cofre has open. A capture that is over, whichever way, has none. */
  async function sessions(): Promise<string[]> {
    const result = await test.query(
      `SELECT application_name, state, query FROM pg_stat_activity WHERE application_name LIKE 'cofre %' AND datname = current_database()`,
    );
    return result.rows.map((row) => JSON.stringify(row));
  }

  async function failureOf(work: Promise<unknown>): Promise<CofreError> {
    const error = await work.then(
      () => null,
      (failure: unknown) => failure,
    );
    // The server takes a moment to let go of a session whose socket was closed in order.
    await expect.poll(sessions, { timeout: 20_000, interval: 10 }).toEqual([]);
    if (error instanceof CofreError) return error;
    throw new Error('it did not fail as it should', { cause: error });
  }

  it('sees one moment of all tables, whatever is written meanwhile', async () => {
    const write = `UPDATE item SET pad = pad || '!' WHERE id % 100 = 0; DELETE FROM piece WHERE id % 100 = 0;
      INSERT INTO item SELECT 1, max(id) + 1, 'new' FROM item;
      INSERT INTO piece SELECT max(p.id) + 1, (SELECT max(id) FROM item) FROM piece AS p`;
    const count = async () =>
      (
        await test.query(`SELECT (SELECT count(*)::int FROM item WHERE shop = 1) AS item,
        (SELECT count(*)::int FROM piece JOIN item ON item.id = piece.item WHERE shop = 1) AS piece`)
      ).rows[0];
    let seen: { item: number; piece: number } | undefined;
    const captured = await collectSlice({
      database,
      definition,
      onStep: async (step) => {
        if (step === 'snapshot') seen = await count();
        await test.query(`BEGIN; ${write}; COMMIT`);
      },
    });
    expect(captured.lines.get('public.item')?.length).toBe(seen?.item);
    expect(captured.lines.get('public.piece')?.length).toBe(seen?.piece);
    expect(captured.retries).toEqual([]);
  });

  it('sees what was committed while it waited for a lock', async () => {
    await other.query(`BEGIN; LOCK TABLE item; INSERT INTO item VALUES (1, -1, 'while you waited')`);
    const captured = collectSlice({ database, definition });
    await expect
      .poll(async () => (await test.query(WAITING)).rowCount, {
        interval: 5,
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    await other.query('COMMIT');
    expect((await captured).lines.get('public.item')?.[0]).toBe('-1\t1\twhile you waited');
    await other.query('DELETE FROM item WHERE id < 0');
  });

  it('tells of its snapshot what a later comparison needs', async () => {
    const { snapshot } = await collectSlice({ database, definition });
    const now = (
      await test.query(`SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin, current_database() AS name,
      current_setting('server_version_num')::int AS version,
      (SELECT system_identifier::text FROM pg_control_system()) AS id`)
    ).rows[0];
    expect(snapshot).toMatchObject({ database: now.name, serverVersionNum: now.version, systemIdentifier: now.id });
    expect(BigInt(snapshot.xmin)).toBeLessThanOrEqual(BigInt(now.xmin));
    expect(snapshot.text).toMatch(/^\d+:\d+:[\d,]*$/);
    expect(snapshot.text.startsWith(`${snapshot.xmin}:`)).toBe(true);
    expect(Math.abs(Date.parse(snapshot.takenAt) - Date.now())).toBeLessThan(60_000);
  });

  it.each([1, 2, 9])('gives the same rows whether one or many read: %i readers', async (readers) => {
    const captured = await collectSlice({ database, definition: largeDefinition, readers });
    const expected = await test.query('SELECT id, shop, pad FROM item WHERE shop = 1 ORDER BY id');
    expect(captured.lines.get('public.large')?.length).toBe(12_000);
    expect(captured.lines.get('public.item')).toEqual(expected.rows.map((row) => `${row.id}\t${row.shop}\t${row.pad}`));
    await expect.poll(sessions, { timeout: 20_000 }).toEqual([]);
  });

  it('makes do with fewer readers where the server has no connections left', async () => {
    await other.query(`ALTER ROLE ${reader} CONNECTION LIMIT 3`);
    const captured = await collectSlice({ database: asReader(), definition, readers: 2 });
    await other.query(`ALTER ROLE ${reader} CONNECTION LIMIT 2`);
    const fewer = await collectSlice({ database: asReader(), definition, readers: 2 });
    expect(fewer.lines).toEqual(captured.lines);
    await other.query(`ALTER ROLE ${reader} CONNECTION LIMIT -1`);
  });

  it('refuses to read what a policy would hide a part of, before any row is read', async () => {
    await other.query('ALTER TABLE piece ENABLE ROW LEVEL SECURITY');
    let rows = 0;
    const failure = await failureOf(
      collectSlice({ database: asReader(), definition, onBatch: () => void (rows += 1) }),
    );
    expect(failure).toMatchObject({ code: 'database/row-security', params: { tables: ['public.piece'] } });
    expect(rows).toBe(0);
    // The owner is not blinded, unless the policy is forced on him too; a superuser never is.
    expect((await collectSlice({ database, definition })).lines.get('public.piece')?.length).toBeGreaterThan(0);
    await other.query('ALTER TABLE piece DISABLE ROW LEVEL SECURITY');
  });

  it('refuses when a policy begins to hide rows after it looked', async () => {
    // With a lock of its own this cannot happen to a table; it can to the role.
    await other.query(`ALTER TABLE piece ENABLE ROW LEVEL SECURITY; ALTER ROLE ${reader} BYPASSRLS`);
    const failure = await failureOf(
      collectSlice({
        database: asReader(),
        definition,
        onStep: async (step) => {
          if (step === 'ready') await other.query(`ALTER ROLE ${reader} NOBYPASSRLS`);
        },
      }),
    );
    expect(failure.code).toBe('database/row-security');
    await other.query('ALTER TABLE piece DISABLE ROW LEVEL SECURITY');
  });

  it('names the table that the role may not read', async () => {
    await other.query(`REVOKE SELECT ON piece FROM ${reader}`);
    const failure = await failureOf(collectSlice({ database: asReader(), definition }));
    expect(failure).toMatchObject({ code: 'database/not-permitted', params: { table: 'public.piece' } });
    await other.query(`GRANT SELECT ON piece TO ${reader}`);
  });

  it('reads a partitioned table whose partitions the role may not read by themselves', async () => {
    await other.query(`CREATE TABLE parts (shop int, id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
      INSERT INTO parts SELECT 1, g FROM generate_series(1, 10) AS g;
      GRANT SELECT ON parts TO ${reader}`);
    const captured = await collectSlice({ database: asReader(), definition: shopDefinition(['public.parts']) });
    expect(captured.lines.get('public.parts')?.length).toBe(10);
  });

  it('names the lock that it could not have, and who holds it', async () => {
    await other.query('BEGIN; LOCK TABLE piece IN ACCESS EXCLUSIVE MODE');
    const failure = await failureOf(collectSlice({ database, definition, lockTimeoutMs: 50 }));
    await other.query('ROLLBACK');
    expect(failure).toMatchObject({
      code: 'database/lock-timeout',
      retryable: true,
      params: { table: 'public.piece' },
    });
    expect(failure.message).toMatch(/public\.piece.* process \d+ \(other\)/);
  });

  it('names the lock on a partition that it could not have', async () => {
    await other.query('BEGIN; LOCK TABLE parts_1 IN ACCESS EXCLUSIVE MODE');
    const partsDefinition = shopDefinition(['public.parts']);
    const failure = await failureOf(collectSlice({ database, definition: partsDefinition, lockTimeoutMs: 50 }));
    await other.query('ROLLBACK');
    expect(failure).toMatchObject({ code: 'database/lock-timeout', params: { table: 'public.parts' } });
    expect(failure.message).toMatch(/process \d+ \(other\)/);
  });

  it.each(['resolved', 'locked', 'snapshot', 'ready', 'read'] as const)(
    'reports a connection that the server ends at "%s"',
    async (moment) => {
      const failure = await failureOf(
        collectSlice({
          database,
          definition,
          onStep: async (step) => {
            if (step === moment) await endSessions();
          },
        }),
      );
      expect(failure).toMatchObject({ code: 'database/connection-lost', retryable: true });
    },
  );

  it('reports a connection that the server ends while rows are read', async () => {
    const failure = await failureOf(
      collectSlice({ database, definition: largeDefinition, onBatch: () => endSessions() }),
    );
    expect(failure.code).toBe('database/connection-lost');
  });

  async function endSessions(): Promise<void> {
    await test.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'cofre %' AND datname = current_database()`,
    );
  }

  it('stops at once when it is aborted, wherever it is, and leaves no session behind', async () => {
    for (const moment of ['resolved', 'locked', 'compared', 'snapshot', 'ready', 'read'] as const) {
      const controller = new AbortController();
      const failure = await failureOf(
        collectSlice({
          database,
          definition,
          signal: controller.signal,
          onStep: (step) => {
            if (step === moment) controller.abort();
          },
        }),
      );
      expect([moment, failure.code]).toEqual([moment, 'backup/interrupted']);
    }
    const failure = await failureOf(collectSlice({ database, definition, signal: AbortSignal.abort() }));
    expect(failure.code).toBe('backup/interrupted');
  });

  it('stops while rows are read, also when the consumer does not take them', async () => {
    const controller = new AbortController();
    const failure = await failureOf(
      collectSlice({
        database,
        definition: largeDefinition,
        signal: controller.signal,
        onBatch: async () => {
          controller.abort();
          await sleep(50);
        },
      }),
    );
    expect(failure.code).toBe('backup/interrupted');
  });

  it('stops while it waits for a lock', async () => {
    await other.query('BEGIN; LOCK TABLE piece IN ACCESS EXCLUSIVE MODE');
    const controller = new AbortController();
    const capture = failureOf(collectSlice({ database, definition, signal: controller.signal, lockTimeoutMs: 60_000 }));
    await expect
      .poll(async () => (await test.query(WAITING)).rowCount, {
        interval: 5,
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    controller.abort();
    expect((await capture).code).toBe('backup/interrupted');
    await other.query('ROLLBACK');
  });

  it('stops while the server sorts and sends nothing', async () => {
    // A scope that takes minutes, the way a missing index can make it.
    await other.query(`CREATE TABLE slow (shop int, id int PRIMARY KEY); INSERT INTO slow VALUES (1, 1);
      CREATE FUNCTION slowly(int, int) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(300) IS NOT NULL'`);
    const controller = new AbortController();
    const capture = failureOf(
      captureSlices({
        database,
        readers: 1,
        lockTimeoutMs: 1000,
        signal: controller.signal,
        resolve: async (client) => {
          const { slice } = await sliceOfSlow();
          const [table] = slice.tables;
          if (table === undefined) throw new Error('no table');
          await client.query('SELECT 1');
          return { ...slice, tables: [{ ...table, scopeSql: (alias) => `public.slowly(${alias}.id, 1)` }] };
        },
        onTable: async (_, batches) => {
          for await (const batch of batches) expect(batch).toBeUndefined();
        },
      }),
    );
    await expect
      .poll(
        async () =>
          (
            await test.query(
              `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
            )
          ).rowCount,
        {
          timeout: 20_000,
        },
      )
      .toBe(1);
    controller.abort();
    expect((await capture).code).toBe('backup/interrupted');
    await expect
      .poll(
        async () =>
          (
            await test.query(
              `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
            )
          ).rowCount,
        {
          timeout: 20_000,
        },
      )
      .toBe(0);
  });
  const sliceOfSlow = () => collectSlice({ database, definition: shopDefinition(['public.slow']) });

  it('passes on what the consumer fails with, ends the other readers, and leaves no session behind', async () => {
    const full = new CofreError('storage/full', 'no space');
    const capture = collectSlice({
      database,
      definition: largeDefinition,
      onBatch: (table) => {
        if (table === 'public.item') throw full;
      },
    });
    expect(await failureOf(capture)).toBe(full);
  });

  it('fails when the consumer does not take all rows: that is a fault of the program', async () => {
    const capture = collectSlice({ database, definition: shopDefinition(['public.slow']) }).then(({ slice }) =>
      captureSlices({
        database,
        readers: 1,
        lockTimeoutMs: 1000,
        resolve: async () => slice,
        onTable: async () => undefined,
      }),
    );
    expect(await failureOf(capture)).toMatchObject({ code: 'internal/bug' });
  });

  it('leaves the database as it was', async () => {
    const changes = async () =>
      (await test.query(`SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int AS n FROM pg_stat_user_tables`)).rows[0].n;
    await test.query('SELECT pg_stat_clear_snapshot()');
    const before = await changes();
    await collectSlice({ database, definition });
    expect(await changes()).toBe(before);
  });
});
