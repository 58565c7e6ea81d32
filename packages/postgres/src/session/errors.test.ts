import type { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from './database.ts';
import { type PgErrorContext, sqlStateOf, translatePgError } from './errors.ts';

describe.each(testServers())('errors of PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    client = await databaseFromUrl(test.url).connect();
    await client.query(`
      CREATE TABLE public.person (id int PRIMARY KEY, name text CHECK (name <> 'x'));
      INSERT INTO public.person VALUES (1, 'secret');
      CREATE ROLE reader_${process.pid};
      ALTER TABLE public.person ENABLE ROW LEVEL SECURITY;
      CREATE TABLE public.hidden ();`);
  });
  afterAll(async () => {
    await client?.query(`DROP OWNED BY reader_${process.pid}; DROP ROLE reader_${process.pid}`);
    await client?.end();
    await test?.drop();
  });

  async function translated(sql: string, context: Partial<PgErrorContext> = {}): Promise<CofreError> {
    try {
      await client.query(`BEGIN; ${sql}`);
    } catch (error) {
      return translatePgError(error, { doing: 'testing', ...context });
    } finally {
      await client.query('ROLLBACK');
    }
    throw new Error('nothing failed');
  }

  it('name the constraint and the table, never the values of a row', async () => {
    const unique = await translated(`INSERT INTO person VALUES (1, 'secret')`);
    expect(unique).toMatchObject({
      code: 'database/failed',
      params: { sqlState: '23505', constraint: 'person_pkey', table: 'public.person' },
    });
    for (const sql of [
      `INSERT INTO person VALUES (1, 'secret')`,
      `UPDATE person SET name = 'x'`,
      `SELECT 'secret'::int`,
      `SELECT 'secret'::jsonb`,
      `SELECT 'secret'::public.person`,
      `INSERT INTO person VALUES (4, 'secret'), (NULL, 'secret')`,
    ]) {
      expect((await translated(sql)).message).not.toContain('secret');
    }
  });

  it('tell a policy from a missing privilege, in whatever language the server speaks', async () => {
    const role = `reader_${process.pid}`;
    const denied = await translated(`SET LOCAL ROLE ${role}; SELECT FROM hidden`);
    expect(denied).toMatchObject({ code: 'database/not-permitted' });
    expect(denied.message).toContain('hidden');
    const sql = `GRANT SELECT ON person TO ${role}; SET LOCAL ROLE ${role}; SET LOCAL row_security = off; SELECT FROM person`;
    expect((await translated(sql)).code).toBe('database/row-security');
  });

  it('tell a lock that another session holds, and what it was held up with', async () => {
    await test.query('BEGIN; LOCK TABLE public.person');
    try {
      const waited = await translated('SET LOCAL lock_timeout = 1; SELECT FROM person', { table: 'public.person' });
      expect(waited).toMatchObject({
        code: 'database/lock-timeout',
        retryable: true,
        params: { table: 'public.person' },
      });
      expect((await translated('LOCK TABLE person NOWAIT')).code).toBe('database/lock-timeout');
    } finally {
      await test.query('ROLLBACK');
    }
  });

  it('tell our own cancellation from somebody else’s', async () => {
    const cancelled = 'SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)';
    expect((await translated(cancelled)).code).toBe('database/failed');
    expect((await translated(cancelled, { signal: AbortSignal.abort() })).code).toBe('backup/interrupted');
  });

  it('tell that the connection broke off, also to whoever uses it afterwards', async () => {
    const lost = await databaseFromUrl(test.url).connect();
    const failure = lost.query('SELECT pg_terminate_backend(pg_backend_pid())').catch((error: unknown) => error);
    const codeOf = (error: unknown) => translatePgError(error, { doing: 'testing' }).code;
    expect(codeOf(await failure)).toBe('database/connection-lost');
    await new Promise((resolve) =>
      lost.connection.stream.closed ? resolve(null) : lost.once('end', () => resolve(null)),
    );
    expect(codeOf(await lost.query('SELECT 1').catch((error: unknown) => error))).toBe('database/connection-lost');
    const closed = await databaseFromUrl(test.url).connect();
    await closed.end();
    expect(codeOf(await closed.query('SELECT 1').catch((error: unknown) => error))).toBe('database/connection-lost');
  });

  it('keep what was translated before, and its state', async () => {
    const first = await translated('SELECT 1/0');
    expect(translatePgError(first, { doing: 'something else' })).toBe(first);
    expect(sqlStateOf(first)).toBe('22012');
    expect(sqlStateOf(new Error('no'))).toBeNull();
  });
});
