import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { isSince } from './probe-table.ts';

const HALF = 2n ** 31n;
const WHOLE = 2n ** 32n;
/** Below it are ids of no transaction. */
const FIRST_ID = 3n;

/** Full ids of snapshots: at the beginning of an epoch, within it, around its middle and its end, and in later ones. */
const SNAPSHOTS = [
  FIRST_ID,
  752n,
  HALF - 1n,
  HALF,
  HALF + 1n,
  3_000_000_000n,
  WHOLE - 1n,
  WHOLE + FIRST_ID,
  WHOLE + HALF - 1n,
  5n * WHOLE + 3_999_999_999n,
];

/** How far from a snapshot's id rows were written. */
const DISTANCES = [0n, 1n, 2n, 255n, 256n, 65_536n, 1_000_000_007n, HALF - 2n, HALF - 1n];

describe.each(testServers())('whether a row was written since a snapshot, on PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    client = await databaseFromUrl(test.url).connect();
    await pinSession(client);
  });
  afterAll(async () => {
    await client?.end();
    await test?.drop();
  });

  async function areSince(snapshot: bigint, ids: readonly bigint[]): Promise<readonly boolean[]> {
    const test = isSince({ backupId: '', xmin: String(snapshot) })('x.id');
    const { rows } = await client.query<{ since: boolean }>(
      `SELECT ${test} AS since
       FROM unnest($1::text[]) WITH ORDINALITY AS n (text, at), LATERAL (SELECT n.text::xid AS id) AS x ORDER BY n.at`,
      [ids.map((id) => String(id % WHOLE))],
    );
    return rows.map(({ since }) => since);
  }

  it.each(SNAPSHOTS)('finds every id of the half of the circle that begins with %s', async (snapshot) => {
    const ids = DISTANCES.map((distance) => snapshot + distance);
    expect(await areSince(snapshot, ids)).toEqual(ids.map(() => true));
  });

  it.each(SNAPSHOTS)('finds no id of the half of the circle before %s', async (snapshot) => {
    const ids = DISTANCES.map((distance) => snapshot + WHOLE - 1n - distance);
    expect(await areSince(snapshot, ids)).toEqual(ids.map(() => false));
  });

  it('can be asked of a large table in several processes', async () => {
    await client.query(`CREATE TABLE public.large AS SELECT n AS id FROM generate_series(1, 1000) AS n;
      SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
      SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0`);
    const test = isSince({ backupId: '', xmin: '752' })('t.xmin');
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON) SELECT count(*) FROM public.large AS t WHERE ${test}`);
    expect(JSON.stringify(rows)).toContain('"Partial"');
  });
});
