import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from './database.ts';
import { giveBack, keepSessions, type KeptSessions } from './keep-sessions.ts';
import { withSessions } from './open-session.ts';

describe.each(testServers())('kept sessions on PostgreSQL $name', (server) => {
  const made: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function scene(): Promise<{ readonly db: TestDatabase; readonly kept: KeptSessions }> {
    const db = await createTestDatabase(server);
    made.push(() => db.drop());
    const kept = keepSessions(databaseFromUrl(db.url));
    made.push(() => kept.end());
    return { db, kept };
  }

  const pidOf = async (kept: KeptSessions, name: string) =>
    withSessions({ database: kept }, async ({ open }) => {
      const { client } = await open(name);
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      return rows[0]?.pid;
    });

  it('a session is used again under its name, and under no other', async () => {
    const { kept } = await scene();
    const first = await pidOf(kept, 'one');
    expect(await pidOf(kept, 'one')).toBe(first);
    expect(await pidOf(kept, 'other')).not.toBe(first);
  });

  it('nothing of who had it before is left: no transaction, lock, temporary table or setting', async () => {
    const { db, kept } = await scene();
    await db.query('CREATE TABLE public.t (id int)');
    const pid = await withSessions({ database: kept }, async ({ open }) => {
      const { client } = await open('one');
      await client.query(`SET lock_timeout = 77; SELECT pg_advisory_lock(5); CREATE TEMP TABLE scratch (id int);
        LISTEN shop; BEGIN; LOCK TABLE public.t; INSERT INTO public.t VALUES (1)`);
      return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    });
    const locks = await db.query(
      `SELECT locktype FROM pg_locks WHERE pid = $1 AND locktype IN ('advisory', 'relation')`,
      [pid],
    );
    expect(locks.rows).toEqual([]);
    await withSessions({ database: kept }, async ({ open }) => {
      const { client } = await open('one');
      const { rows } = await client.query(`SELECT pg_backend_pid() AS pid, current_setting('lock_timeout') AS timeout,
        to_regclass('pg_temp.scratch') AS scratch, (SELECT count(*)::int FROM public.t) AS rows,
        (SELECT count(*)::int FROM pg_listening_channels()) AS channels`);
      expect(rows).toEqual([{ pid, timeout: '0', scratch: null, rows: 0, channels: 0 }]);
    });
  });

  it('sessions of work that failed or was interrupted are gone, not kept', async () => {
    const { db, kept } = await scene();
    await pidOf(kept, 'one');
    const failing = withSessions({ database: kept }, async ({ open }) => {
      const { client } = await open('one');
      await client.query('SELECT 1 / 0');
    });
    await expect(failing).rejects.toThrow();
    const interruption = new AbortController();
    const interrupted = withSessions({ database: kept, signal: interruption.signal }, async ({ open }) => {
      const { client } = await open('one');
      setTimeout(() => interruption.abort(), 50);
      await client.query('SELECT pg_sleep(60)');
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'backup/interrupted' });
    const left = await db.query(`SELECT FROM pg_stat_activity WHERE application_name = 'one'`);
    expect(left.rowCount).toBe(0);
  });

  it('one that the server ended while nobody had it is not given to anybody', async () => {
    const { db, kept } = await scene();
    const first = await pidOf(kept, 'one');
    await db.query('SELECT pg_terminate_backend($1, 5000)', [first]);
    await expect.poll(() => pidOf(kept, 'one')).not.toBe(first);
  });

  it('at the end all are ended, and what is given back later too', async () => {
    const { db, kept } = await scene();
    await pidOf(kept, 'one');
    const late = await kept.connect({ applicationName: 'one' });
    await kept.end();
    await giveBack(kept, late);
    const left = () => db.query(`SELECT FROM pg_stat_activity WHERE application_name = 'one'`);
    await expect.poll(async () => (await left()).rowCount).toBe(0);
  });
});
