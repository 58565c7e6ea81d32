import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../support/database.ts';

const MIGRATION = path.resolve(import.meta.dirname, '../../supabase/migrations/20250202_cofre_edge_schedule.sql');

/** As much of pg_cron, pg_net and the Vault as the migration uses, with the names and arguments that Supabase has. */
const CRON = `
  CREATE SCHEMA cron;
  CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, jobname text UNIQUE, schedule text, command text);
  CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cron.job (jobname, schedule, command) VALUES (job_name, schedule, command)
    ON CONFLICT (jobname) DO UPDATE SET schedule = excluded.schedule, command = excluded.command RETURNING jobid $$;`;
const NET = `
  CREATE SCHEMA net;
  CREATE TABLE net.asked (id bigserial PRIMARY KEY, url text, body jsonb, headers jsonb, timeout_ms int);
  CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}',
    headers jsonb DEFAULT '{"Content-Type": "application/json"}', timeout_milliseconds int DEFAULT 5000)
  RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO net.asked (url, body, headers, timeout_ms) VALUES (url, body, headers, timeout_milliseconds) RETURNING id $$;`;
const VAULT = `
  CREATE SCHEMA vault;
  CREATE TABLE vault.decrypted_secrets (name text, decrypted_secret text);`;
const SECRETS = `INSERT INTO vault.decrypted_secrets VALUES
  ('cofre_functions_url', 'https://project.supabase.co/functions/v1/'), ('cofre_cron_secret', 'the secret')`;

describe.each(testServers())('the clock of the edge functions on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    for (const db of made.splice(0)) await db.drop();
  });

  async function database(before = ''): Promise<TestDatabase> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(db);
    if (before !== '') await db.query(before);
    return db;
  }
  const migrate = async (db: TestDatabase) => db.query(await readFile(MIGRATION, 'utf8'));
  const call = async (db: TestDatabase, name = 'execute-scheduled-backups') =>
    (await db.query('SELECT cofre.call_edge_function($1) AS id', [name])).rows[0]?.id as string | null;

  it('does nothing where the extensions are absent, or only one of them is there', async () => {
    for (const before of ['', CRON, NET]) {
      const db = await database(before);
      await migrate(db);
      expect((await db.query('SELECT cofre.schedule_edge_functions() AS is_scheduled')).rows).toEqual([
        { is_scheduled: false },
      ]);
      expect(await call(db)).toBeNull();
    }
  });

  it('calls both every five minutes, once each however often it is applied', async () => {
    const db = await database(`${CRON} ${NET} ${VAULT}`);
    await migrate(db);
    await migrate(db);
    const { rows } = await db.query('SELECT jobname, schedule FROM cron.job ORDER BY jobname');
    expect(rows).toEqual([
      { jobname: 'cofre-cleanup-expired-backups', schedule: '*/5 * * * *' },
      { jobname: 'cofre-execute-scheduled-backups', schedule: '*/5 * * * *' },
    ]);
  });

  it('what is scheduled posts to the function, with the secret of the Vault, and waits 150 seconds', async () => {
    const db = await database(`${CRON} ${NET} ${VAULT} ${SECRETS}`);
    await migrate(db);
    const { rows } = await db.query('SELECT command FROM cron.job ORDER BY jobname');
    for (const { command } of rows) await db.query(String(command));
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer the secret' };
    const asked = (name: string) => ({
      url: `https://project.supabase.co/functions/v1/${name}`,
      body: {},
      headers,
      timeout_ms: 150_000,
    });
    expect((await db.query('SELECT url, body, headers, timeout_ms FROM net.asked ORDER BY id')).rows).toEqual([
      asked('cleanup-expired-backups'),
      asked('execute-scheduled-backups'),
    ]);
    // Where the secret would be read by whoever reads the schedule.
    expect(JSON.stringify(rows)).not.toContain('the secret');
  });

  it('without the secrets nothing is sent', async () => {
    const db = await database(`${CRON} ${NET} ${VAULT}`);
    await migrate(db);
    expect(await call(db)).toBeNull();
    await db.query(`INSERT INTO vault.decrypted_secrets VALUES ('cofre_functions_url', 'https://project.supabase.co')`);
    expect(await call(db)).toBeNull();
    expect((await db.query('SELECT FROM net.asked')).rowCount).toBe(0);
  });

  it.each(['anon', 'authenticated'])('%s may neither call nor schedule them (I11)', async (role) => {
    const db = await database(`${CRON} ${NET} ${VAULT} ${SECRETS}`);
    await migrate(db);
    for (const statement of [`cofre.call_edge_function('x')`, 'cofre.schedule_edge_functions()']) {
      await db.query('BEGIN');
      await db.query(`SET LOCAL ROLE ${role}`);
      await expect(db.query(`SELECT ${statement}`)).rejects.toMatchObject({ code: '42501' });
      await db.query('ROLLBACK');
    }
    expect((await db.query('SELECT FROM net.asked')).rowCount).toBe(0);
  });
});
