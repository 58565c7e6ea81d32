import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RowBatch } from '@cofre/engine';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOfBatch } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from '../session/database.ts';
import { BATCH_BYTES, copyRows } from './copy-rows.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe.each(testServers())('reading rows from PostgreSQL $name', (server) => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await createTestDatabase(server);
  });
  afterAll(async () => {
    await test?.drop();
  });

  // Over our own socket, and over one that somebody else made (as every TLS connection is).
  const connections = {
    ours: () => databaseFromUrl(test.url).connect(),
    'an ordinary one': () => test.database.connect(),
  };
  describe.each(Object.entries(connections))('over a socket: %s', (_, connect) => {
    async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
      const client = await connect();
      client.on('error', () => undefined);
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    }
    async function read(client: pg.Client, query: string): Promise<RowBatch[]> {
      // A batch is valid until the next is asked for.
      return Array.fromAsync(copyRows(client, `COPY (${query}) TO STDOUT`), (batch) => ({
        ...batch,
        bytes: Buffer.from(batch.bytes),
      }));
    }

    it('gives whole lines, all of them and in order, in batches of a quarter of a megabyte', () =>
      withClient(async (client) => {
        const query = (line: string) =>
          `SELECT ${line} FROM (SELECT g, repeat(chr(33 + g % 90), g % 500) AS fill FROM generate_series(1, 20000) AS g) AS t`;
        const batches = await read(client, query('g, fill'));
        const expected = await client.query<{ line: string }>(
          query(`g || E'\\t' || replace(fill, '\\', '\\\\') AS line`),
        );
        expect(batches.flatMap(linesOfBatch)).toEqual(expected.rows.map((row) => row.line));
        for (const batch of batches) {
          expect(batch.bytes.length).toBeLessThanOrEqual(BATCH_BYTES);
          expect(batch.ends.at(-1)).toBe(batch.bytes.length);
        }
        expect(batches.length).toBeLessThan(40);
      }));

    it('gives no row of an empty result, and rows of no column', () =>
      withClient(async (client) => {
        expect(await read(client, 'SELECT 1 WHERE false')).toEqual([]);
        expect((await read(client, 'SELECT FROM generate_series(1, 3)')).flatMap(linesOfBatch)).toEqual(['', '', '']);
      }));

    it('cuts rows where they end, wherever the network cuts them', () =>
      withClient(async (client) => {
        // Lengths around every power of two, so that headers and newlines fall on the borders of chunks and batches.
        const lengths = [18, 17, 16, 15, 13, 3, 0].flatMap((power) => [-6, -5, -1, 0, 1, 5].map((d) => 2 ** power + d));
        const wanted = [...lengths, ...lengths.toReversed(), ...lengths].filter((length) => length >= 0);
        const batches = await read(
          client,
          `SELECT repeat('x', n) FROM unnest('{${wanted.join(',')}}'::int[]) WITH ORDINALITY AS u (n, o) ORDER BY o`,
        );
        expect(batches.flatMap(linesOfBatch).map((line) => line.length)).toEqual(wanted);
      }));

    it('gives a row of 50 MB a buffer of its own, and reads no further while it is worked on (I12)', () =>
      withClient(async (client) => {
        const rows = copyRows(
          client,
          `COPY (SELECT g, CASE WHEN g % 2 = 0 THEN repeat(chr(96 + g), 50 * 1024 * 1024) END FROM generate_series(1, 6) AS g) TO STDOUT`,
        );
        const seen: string[] = [];
        const beside: number[] = [];
        for await (const batch of rows) {
          if (batch.bytes.length > BATCH_BYTES) {
            expect(batch.ends.length).toBe(1);
            // Were the next row read meanwhile, there would be a second buffer of its size.
            await new Promise((resolve) => setTimeout(resolve, 100));
            // Twice: the memory of what the first pass found is given back while the second runs.
            collectGarbage();
            collectGarbage();
            beside.push(process.memoryUsage().arrayBuffers - batch.bytes.length);
            seen.push(createHash('sha256').update(batch.bytes).digest('hex'));
          }
        }
        expect(seen).toEqual(
          [2, 4, 6].map((g) =>
            createHash('sha256')
              .update(`${g}\t${String.fromCharCode(96 + g).repeat(50 * 1024 * 1024)}\n`)
              .digest('hex'),
          ),
        );
        expect(Math.max(...beside)).toBeLessThan(45 * 1024 * 1024);
      }));

    it('reads no more than about a megabyte ahead of a slow consumer', () =>
      withClient(async (client) => {
        const rows = copyRows(client, `COPY (SELECT repeat('x', 1023) FROM generate_series(1, 60000)) TO STDOUT`);
        const first = await rows.next();
        expect(first.done).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(client.connection.stream.isPaused()).toBe(true);
        let count = first.done ? 0 : first.value.ends.length;
        for await (const batch of rows) count += batch.ends.length;
        expect(count).toBe(60_000);
      }));

    it('leaves the connection as it was, for ordinary queries and for the next COPY', () =>
      withClient(async (client) => {
        for (let round = 0; round < 20; round += 1) {
          expect((await read(client, `SELECT ${round}`)).flatMap(linesOfBatch)).toEqual([String(round)]);
          expect((await client.query('SELECT $1::int AS n', [round])).rows).toEqual([{ n: round }]);
        }
        expect(client.connection.stream.listenerCount('data')).toBe(1);
      }));

    it('fails as the query fails, before the first row and after many, and the connection goes on', () =>
      withClient(async (client) => {
        await expect(read(client, 'SELECT no_such_column')).rejects.toMatchObject({ code: '42703' });
        const late = copyRows(client, 'COPY (SELECT 1 / (200000 - g) FROM generate_series(1, 200000) AS g) TO STDOUT');
        let rows = 0;
        await expect(
          (async () => {
            for await (const batch of late) rows += batch.ends.length;
          })(),
        ).rejects.toMatchObject({ code: '22012' });
        expect(rows).toBeGreaterThan(0);
        expect((await read(client, 'SELECT 7')).flatMap(linesOfBatch)).toEqual(['7']);
      }));

    it('hears of notices and parameters between rows', () =>
      withClient(async (client) => {
        await client.query(`CREATE FUNCTION pg_temp.loud(n int) RETURNS int LANGUAGE plpgsql AS
          $$ BEGIN RAISE WARNING 'row %', n; PERFORM set_config('application_name', 'now ' || n, false); RETURN n; END $$`);
        const notices: string[] = [];
        client.on('notice', (notice) => notices.push(notice.message ?? ''));
        const batches = await read(client, 'SELECT pg_temp.loud(g) FROM generate_series(1, 500) AS g');
        expect(batches.flatMap(linesOfBatch).length).toBe(500);
        expect(notices.length).toBe(500);
      }));

    it('ends the connection when the consumer stops early', () =>
      withClient(async (client) => {
        for await (const batch of copyRows(
          client,
          `COPY (SELECT repeat('x', 999) FROM generate_series(1, 1000000)) TO STDOUT`,
        )) {
          expect(batch.ends.length).toBeGreaterThan(0);
          break;
        }
        await expect(client.query('SELECT 1')).rejects.toThrow();
      }));

    it('fails when the server ends the session, also while nothing is read', () =>
      withClient(async (client) => {
        const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0];
        const rows = copyRows(client, `COPY (SELECT repeat('x', 999) FROM generate_series(1, 1000000)) TO STDOUT`);
        await rows.next();
        await test.query('SELECT pg_terminate_backend($1)', [pid]);
        await expect(Array.fromAsync(rows)).rejects.toThrow();
      }));
  });
});
