import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Collected, collectSlice, shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers, dealtTo } from '../../../../tests/support/long-tests.ts';
import { databaseFromUrl } from '../session/database.ts';
import type { CaptureStep } from './capture-slices.ts';

const SETUP = `
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
CREATE TABLE shop (id int PRIMARY KEY);
INSERT INTO shop VALUES (1);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE item (shop int NOT NULL, id int PRIMARY KEY, mood mood, n int, pad text);
INSERT INTO item SELECT 1, g, 'ok', g, repeat('x', 400) FROM generate_series(1, 800) AS g;
CREATE INDEX item_shop ON item (shop);
CREATE TABLE piece (id int PRIMARY KEY, item int NOT NULL);
INSERT INTO piece SELECT g, g FROM generate_series(1, 500) AS g;
CREATE TABLE event (shop int NOT NULL, id int PRIMARY KEY, mood mood) PARTITION BY RANGE (id);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (500);
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (500) TO (1000);
INSERT INTO event SELECT 1, g, 'ok' FROM generate_series(400, 600) AS g;
CREATE TABLE event_3 (LIKE event INCLUDING ALL, CHECK (id >= 1000 AND id < 1500));
INSERT INTO event_3 SELECT 1, g, 'ok' FROM generate_series(1000, 1099) AS g;
CREATE TABLE note (id int PRIMARY KEY, event int, mood mood);
INSERT INTO note SELECT g, 500 + g * 10, 'ok' FROM generate_series(1, 60) AS g;`;

const definition = shopDefinition([
  'public.item',
  'public.event',
  { table: 'public.piece', role: 'data', scope: { parent: 'public.item', columns: { item: 'id' } } },
  { table: 'public.note', role: 'data', scope: { parent: 'public.event', columns: { event: 'id' } } },
]);

/** Moments of a capture with one reader; at `batch` it has read `item` and `event`, and has yet to read `note`. */
type Moment = CaptureStep | 'batch';
const MOMENTS: readonly Moment[] = ['resolved', 'locked', 'compared', 'snapshot', 'ready', 'batch', 'read'];

/** What a lock of ours holds back, and what it does not. */
const HELD_BACK: Readonly<Record<string, readonly string[]>> = {
  TRUNCATE: ['TRUNCATE item'],
  'TRUNCATE and fill': [
    'BEGIN; TRUNCATE item; INSERT INTO item SELECT 1, g, NULL, 0 FROM generate_series(1, 50) AS g; COMMIT',
  ],
  'TRUNCATE of a partition': ['TRUNCATE event_2'],
  'ADD COLUMN': ['ALTER TABLE item ADD COLUMN extra int DEFAULT 7'],
  'DROP COLUMN': ['ALTER TABLE event DROP COLUMN mood'],
  'ALTER TYPE': [`ALTER TABLE note ALTER mood TYPE text USING 'was ' || mood`],
  'DETACH PARTITION': ['ALTER TABLE event DETACH PARTITION event_2'],
  'VACUUM FULL': ['VACUUM FULL item'],
  'DROP and CREATE TABLE': [
    'BEGIN; DROP TABLE piece; CREATE TABLE piece (id int PRIMARY KEY, item int NOT NULL); INSERT INTO piece VALUES (1, 1); COMMIT',
  ],
};
const LET_THROUGH: Readonly<Record<string, readonly string[]>> = {
  'RENAME VALUE': [`ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'`],
  'ATTACH PARTITION': ['ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM (1000) TO (1500)'],
  // Marks the partition in a first transaction, and waits for us in a second.
  'DETACH PARTITION CONCURRENTLY': ['ALTER TABLE event DETACH PARTITION event_2 CONCURRENTLY'],
};

const servers = costlyTestServers();

describe.each(servers)('changes of the schema during a capture on PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let other: pg.Client;
  /** The rows that SETUP makes. */
  let before: unknown;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    other = await test.database.connect({ applicationName: 'migration' });
    await other.query('SET client_min_messages = error');
    await other.query(SETUP);
    before = rowsOf(await collect());
  });
  afterAll(async () => {
    await other?.end();
    await test?.drop();
  });
  beforeEach(async () => {
    await other.query(SETUP);
  });

  type Hook = (moment: Moment) => Promise<void> | void;
  interface Options {
    readonly readers?: number;
    readonly hook?: Hook;
    readonly lockFirst?: Collected['locked'];
  }
  const collect = (options: Options = {}): Promise<Collected> => {
    const hook = options.hook ?? (() => undefined);
    let first = true;
    return collectSlice({
      database: databaseFromUrl(test.url),
      definition,
      readers: options.readers ?? 3,
      lockFirst: options.lockFirst,
      onStep: (step) => {
        first = true;
        return hook(step);
      },
      onBatch: (table) => {
        if (table !== 'public.event' || !first) return;
        first = false;
        return hook('batch');
      },
    });
  };

  /** Runs the statements as a migration would that does not wait long. False: one of them could not have its lock. */
  async function migrate(statements: readonly string[]): Promise<boolean> {
    await other.query(`SET lock_timeout = '40ms'`);
    try {
      for (const statement of statements) await other.query(statement);
      return true;
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === '55P03') return false;
      throw error;
    } finally {
      await other.query('ROLLBACK; SET lock_timeout = 0');
    }
  }

  const rowsOf = (collected: Collected) =>
    [...collected.tables.values()].map((table) => [
      table.facts.name,
      table.layout.columns,
      collected.lines.get(`public.${table.facts.name}`),
    ]);

  const changes = [
    ...Object.entries(HELD_BACK).map((entry) => [...entry, true] as const),
    ...Object.entries(LET_THROUGH).map((entry) => [...entry, false] as const),
  ];
  describe.each(changes)('%s', (_, statements, heldBack) => {
    it.each(dealtTo(0, 2, MOMENTS))(
      'at "%s" leaves a capture of before or of after, never of both (I1)',
      async (moment) => {
        let applied: boolean | null = null;
        const captured = await collect({
          readers: 1,
          hook: async (now) => {
            if (now === moment) applied ??= await migrate(statements);
          },
        });
        // Before the locks nothing holds a change back, and then it must be seen.
        if (moment === 'resolved') expect(applied).toBe(true);
        else if (heldBack) expect(applied).toBe(false);
        else expect(applied).not.toBeNull();
        if (moment === 'resolved' || !isDeepStrictEqual(rowsOf(captured), before)) {
          expect(rowsOf(captured)).toEqual(rowsOf(await collect()));
        }
      },
    );
  });

  describe.each(changes)(
    '%s, with the tables locked first that the capture before locked',
    (_, statements, heldBack) => {
      it.each(['locked', 'resolved', 'compared', 'batch'] as const)(
        'at "%s" leaves a capture of before or of after, never of both (I1)',
        async (moment) => {
          const { locked } = await collect();
          let applied: boolean | null = null;
          const captured = await collect({
            readers: 1,
            lockFirst: locked,
            hook: async (now) => {
              if (now === moment) applied ??= await migrate(statements);
            },
          });
          if (heldBack) expect(applied).toBe(false);
          else expect(applied).not.toBeNull();
          if (!isDeepStrictEqual(rowsOf(captured), before)) {
            expect(rowsOf(captured)).toEqual(rowsOf(await collect()));
          }
        },
      );

      it('between two captures: the second is as if it knew nothing of the first (I1)', async () => {
        const { locked } = await collect();
        const migrated = await migrate(statements);
        const captured = await collect({ lockFirst: locked });
        expect(captured.retries).toEqual([]);
        const fresh = await collect();
        expect(rowsOf(captured)).toEqual(rowsOf(fresh));
        expect(captured.locked).toEqual(fresh.locked);
        expect(migrated).toBe(true);
      });
    },
  );

  it('a partition that comes between the first lock and the look at it is locked, too (I1)', async () => {
    const { locked } = await collect();
    let truncated: boolean | null = null;
    const captured = await collect({
      readers: 1,
      lockFirst: locked,
      hook: async (moment) => {
        if (moment === 'locked') await migrate(LET_THROUGH['ATTACH PARTITION'] ?? []);
        if (moment === 'snapshot') truncated ??= await migrate(['TRUNCATE event_3']);
      },
    });
    expect(truncated).toBe(false);
    expect(captured.retries).toEqual([]);
    expect(rowsOf(captured)).toEqual(rowsOf(await collect()));
  });

  it('a table that was dropped since the capture before is not waited for, and another one may take its place', async () => {
    const { locked } = await collect();
    await other.query('DROP TABLE note, piece');
    await expect(collect({ lockFirst: locked })).rejects.toMatchObject({ code: 'definition/invalid' });
    await other.query(`CREATE TABLE note (id int PRIMARY KEY, event int, mood mood); INSERT INTO note VALUES (7, 500, 'sad');
      CREATE TABLE piece (id int PRIMARY KEY, item int NOT NULL)`);
    const captured = await collect({ lockFirst: locked });
    expect(rowsOf(captured)).toEqual(rowsOf(await collect()));
    expect(captured.lines.get('public.note')).toEqual(['7\t500\tsad']);
  });

  it('sees a label that was renamed there and back while it read', async () => {
    const captured = await collect({
      hook: async (moment) => {
        if (moment === 'ready') await migrate([`ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'`]);
        if (moment === 'read') await migrate([`ALTER TYPE mood RENAME VALUE 'fine' TO 'ok'`]);
      },
    }).catch((error: unknown) => error);
    // The hook fires in each attempt; each time the change is found out.
    expect(captured).toMatchObject({ code: 'backup/schema-changing', retryable: true });
    expect(rowsOf(await collect())).toEqual(before);
  });

  it('reads again when the tables changed, and gives up after three times', async () => {
    let changes = 0;
    const change = () => migrate([`ALTER TYPE mood ADD VALUE 'v${++changes}'`]);
    const once = await collect({
      hook: async (moment) => {
        if (moment === 'ready' && changes === 0) await change();
      },
    });
    expect(once.retries).toEqual([expect.stringContaining('public.item')]);
    const always = collect({
      hook: async (moment) => {
        if (moment === 'ready') await change();
      },
    });
    await expect(always).rejects.toMatchObject({ code: 'backup/schema-changing' });
    expect(changes).toBe(4);
  });

  it('says what is wrong when a table is gone', async () => {
    const renamed = collect({
      hook: async (moment) => {
        if (moment === 'resolved') await migrate(['ALTER TABLE piece RENAME TO pieces']);
      },
    });
    await expect(renamed).rejects.toMatchObject({ code: 'definition/invalid' });
    const dropped = collect({
      hook: async (moment) => {
        if (moment === 'resolved') await migrate(['DROP TABLE IF EXISTS event']);
      },
    });
    await expect(dropped).rejects.toMatchObject({ code: 'definition/invalid' });
  });

  let queued: Promise<unknown> | null = null;
  beforeEach(() => {
    queued = null;
  });

  /** Starts a statement, once in a test; resolves when it waits for us, or is over. */
  async function queue(statement: string): Promise<void> {
    if (queued !== null) return;
    let isDone = false;
    queued = other.query(statement).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const waiting = await test.query(
        `SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT granted AND application_name = 'migration' AND datname = current_database()`,
      );
      if (waiting.rowCount !== 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const EXCLUSIVE = [
    'ALTER TABLE item ADD COLUMN extra int DEFAULT 7',
    'ALTER TABLE event ADD COLUMN extra int DEFAULT 7',
    'REINDEX TABLE item',
  ];

  it.each(EXCLUSIVE)('lets a change that waits go first when the readers are not ready: %s', async (statement) => {
    const captured = await collect({
      hook: async (moment) => {
        if (moment === 'snapshot') await queue(statement);
      },
    });
    await queued;
    expect(rowsOf(captured)).toEqual(rowsOf(await collect()));
  });

  it.each(
    EXCLUSIVE.flatMap(
      (statement) =>
        [
          ['ready', statement],
          ['batch', statement],
          ['read', statement],
        ] as const,
    ),
  )('is not held up from the moment "%s" on by a change that waits: %s', async (moment, statement) => {
    const captured = await collect({
      hook: async (now) => {
        if (now === moment) await queue(statement);
      },
    });
    await queued;
    expect(rowsOf(captured)).toEqual(before);
    // An index is locked when a reader comes to it: one that REINDEX has meanwhile may cost an attempt, and nothing else.
    if (!(moment === 'batch' && statement.startsWith('REINDEX'))) expect(captured.retries).toEqual([]);
  });
});
