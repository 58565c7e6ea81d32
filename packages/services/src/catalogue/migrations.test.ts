import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { describeSchema } from '../../../../tests/support/describe-schema.ts';
import { migrate, migrationStatus, readMigrations, requireMigrated } from './migrations.ts';

const folder = path.resolve(import.meta.dirname, '../../../../supabase/migrations');
const files = await readMigrations(folder);
const names = files.map(({ name }) => name);
const back = await readMigrations(path.join(folder, 'down'));

it('migrations are plain ASCII, so that a database in any encoding takes them', () => {
  for (const { name, sql } of [...files, ...back]) expect(sql, name).toMatch(/^[\x00-\x7f]*$/);
});

/** What databases out there have had. A change to one of these would be refused there; write a new migration instead. */
const DELIVERED: Readonly<Record<string, string>> = {
  '20250120_cofre_foundations': '8821dcade938f3cf5a528db899ef42f96d171ec2e5278fba57643d557a83f3cf',
  '20250121_create_module_backups_table': '9da5ab3009c143e38764fab20b918446267cb2eac44ad03a2f9f4784f38f04cd',
  '20250122_cofre_definitions_and_restores': 'ed4fb4ac257dd095de69fb54e23f27d89911f4eb65683167db512b4595624ba1',
  '20250201_cofre_platform': 'ce34222acfe8975213378910a30f81ab7c35c870464fda264e2e39e020cf61d5',
  '20250202_cofre_edge_schedule': 'c4a5ad43c8718e5e1a9bb8d5c11af7e48e8e80f8ae3589225ba536314aba0c5d',
};

it('migrations that databases have had stay as they are, byte for byte', () => {
  const checksums = files.map(({ name, checksum }) => [name, checksum.slice('sha256:'.length)]);
  expect(Object.fromEntries(checksums)).toMatchObject(DELIVERED);
  expect(names.slice(0, Object.keys(DELIVERED).length)).toEqual(Object.keys(DELIVERED));
});

describe.each(testServers())('migrating the catalogue on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((db) => db.drop()));
  });
  async function emptyDatabase(): Promise<TestDatabase> {
    const db = await createTestDatabase(server);
    made.push(db);
    return db;
  }

  it('applies everything once, and nothing the second time', async () => {
    const db = await emptyDatabase();
    await expect(requireMigrated(db.database, files)).rejects.toMatchObject({ code: 'catalogue/not-migrated' });
    expect(await migrate(db.database, files)).toEqual(names);
    expect(await migrate(db.database, files)).toEqual([]);
    await requireMigrated(db.database, files);
    expect((await migrationStatus(db.database, files)).map(({ state }) => state)).toEqual(names.map(() => 'applied'));
  });

  it('is safe when several run at once: each migration is applied by one of them', async () => {
    const db = await emptyDatabase();
    const results = await Promise.all([1, 2, 3].map(() => migrate(db.database, files)));
    expect(results.flat().sort()).toEqual([...names].sort());
    await requireMigrated(db.database, files);
  });

  it('leaves what another tool applied, and files that run again change nothing', async () => {
    const db = await emptyDatabase();
    for (const { sql } of [...files, ...files]) await db.query(sql);
    expect(await migrate(db.database, files)).toEqual([]);
    const { rows } = await db.query('SELECT checksum FROM cofre.schema_migrations ORDER BY name');
    expect(rows.map(({ checksum }) => checksum)).toEqual(files.map(({ checksum }) => checksum));
  });

  it('rolls a failing migration back and names it', async () => {
    const db = await emptyDatabase();
    const failing = {
      name: '29990101_fails',
      sql: 'CREATE TABLE public.half (id int); SELECT 1 / 0',
      checksum: 'sha256:0',
    };
    await expect(migrate(db.database, [...files, failing])).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('29990101_fails'),
    });
    const { rows } = await db.query(`SELECT to_regclass('public.half') AS half`);
    expect(rows).toEqual([{ half: null }]);
    expect((await migrationStatus(db.database, [...files, failing])).at(-1)?.state).toBe('pending');
  });

  it('refuses a database that a newer version migrated', async () => {
    const db = await emptyDatabase();
    await migrate(db.database, files);
    await expect(migrate(db.database, files.slice(0, -1))).rejects.toMatchObject({
      code: 'catalogue/newer',
      params: { migration: names.at(-1) },
    });
  });

  it('refuses a migration whose file was changed after it was applied', async () => {
    const db = await emptyDatabase();
    await migrate(db.database, files);
    const changed = files.map((file, index) => (index === 1 ? { ...file, checksum: 'sha256:other' } : file));
    await expect(migrate(db.database, changed)).rejects.toMatchObject({
      code: 'catalogue/migration-changed',
      params: { migration: names[1] },
    });
  });

  it('leaves an application’s own tables of other shape alone, and puts ours in schema cofre', async () => {
    const db = await emptyDatabase();
    await db.query(
      `CREATE TABLE public.tenants (tenant_no int PRIMARY KEY, title text); INSERT INTO public.tenants VALUES (7, 'Seven')`,
    );
    await migrate(db.database, files);
    expect((await db.query('SELECT * FROM public.tenants')).rows).toEqual([{ tenant_no: 7, title: 'Seven' }]);
    const { rows } = await db.query(`
      SELECT cofre.platform_table('tenants')::oid = 'cofre.tenants'::regclass AS tenants,
             cofre.platform_table('tenant_module_assignments')::oid = 'public.tenant_module_assignments'::regclass AS assignments,
             cofre.platform_table('module_implementations')::oid = 'public.module_implementations'::regclass AS implementations`);
    expect(rows[0]).toEqual({ tenants: true, assignments: true, implementations: true });
    await db.query(`INSERT INTO cofre.v_tenants (slug, name) VALUES ('acme', 'Acme')`);
    expect((await db.query('SELECT slug FROM cofre.tenants')).rows).toEqual([{ slug: 'acme' }]);
    await migrate(db.database, files);
    for (const { sql } of files) await db.query(sql);
    expect((await db.query('SELECT slug FROM cofre.v_tenants')).rows).toEqual([{ slug: 'acme' }]);
  });

  it('uses an application’s own platform tables where they fit, but none that points at one that does not', async () => {
    const db = await emptyDatabase();
    await db.query(`
      CREATE TABLE public.base_modules (id uuid PRIMARY KEY, slug varchar(80) UNIQUE, name varchar(80), category text NOT NULL DEFAULT 'x');
      CREATE TABLE public.module_implementations (id uuid PRIMARY KEY, module_id uuid REFERENCES public.base_modules, key text, name text);
      CREATE TABLE public.tenants (id bigint PRIMARY KEY, slug text, name text);
      CREATE TABLE public.tenant_module_assignments (id uuid PRIMARY KEY, tenant_id uuid, implementation_id uuid, custom_config jsonb);
      INSERT INTO public.base_modules (id, slug, name) VALUES (gen_random_uuid(), 'inventory', 'Inventory')`);
    await migrate(db.database, files);
    const { rows } = await db.query(`
      SELECT t, relnamespace::regnamespace || '.' || relname AS used
      FROM unnest(ARRAY['base_modules', 'module_implementations', 'tenants', 'tenant_module_assignments']) AS t
      JOIN pg_class c ON c.oid = cofre.platform_table(t)`);
    expect(Object.fromEntries(rows.map(({ t, used }) => [t, used]))).toEqual({
      base_modules: 'public.base_modules',
      module_implementations: 'public.module_implementations',
      tenants: 'cofre.tenants',
      tenant_module_assignments: 'cofre.tenant_module_assignments',
    });
    expect((await db.query('SELECT slug, description FROM cofre.v_base_modules')).rows).toEqual([
      { slug: 'inventory', description: null },
    ]);
  });

  it('every migration has a way back, and up, down, up gives the same schema again', async () => {
    expect(back.map(({ name }) => name)).toEqual(names);
    const db = await emptyDatabase();
    const afterUp: string[] = [];
    for (const { sql } of files) {
      await db.query(sql);
      afterUp.push(await describeSchema(db));
    }
    for (let index = files.length - 1; index >= 0; index -= 1) {
      await db.query(back[index]?.sql ?? '');
      if (index > 0) expect(await describeSchema(db), names[index]).toBe(afterUp[index - 1]);
    }
    expect((await db.query(`SELECT to_regnamespace('cofre') AS cofre`)).rows).toEqual([{ cofre: null }]);
    await migrate(db.database, files);
    expect(await describeSchema(db)).toBe(afterUp.at(-1));
  });

  it('the way back keeps modules, tenants, administrators and backups of the platform', async () => {
    const db = await emptyDatabase();
    await migrate(db.database, files);
    await db.query(`
      INSERT INTO public.base_modules (slug, name) VALUES ('m', 'M');
      INSERT INTO cofre.admin_users (user_id) VALUES ('44444444-4444-4444-8444-444444444444');
      INSERT INTO public.module_backups (backup_type, module_slug) VALUES ('full', 'm')`);
    const sqlBackTo = (name: string) => back.filter((file) => file.name > name).map(({ sql }) => sql);
    for (const sql of sqlBackTo('20250122_z').reverse()) await db.query(sql);
    expect((await db.query('SELECT user_id FROM cofre.administrators')).rowCount).toBe(1);
    await migrate(db.database, files);
    expect((await db.query('SELECT user_id FROM cofre.admin_users')).rowCount).toBe(1);
    expect((await db.query('SELECT module_slug FROM public.module_backups')).rowCount).toBe(1);
    const before = await describeSchema(db);
    for (const sql of sqlBackTo('').reverse()) await db.query(sql);
    expect((await db.query('SELECT slug FROM public.base_modules')).rows).toEqual([{ slug: 'm' }]);
    await migrate(db.database, files);
    expect(await describeSchema(db)).toBe(before);
  });

  it('leaves an application’s own audit_logs and admin_notifications alone', async () => {
    const db = await emptyDatabase();
    await db.query(`
      CREATE TABLE public.audit_logs (id bigint PRIMARY KEY, user_id uuid, action text);
      CREATE TABLE public.admin_notifications (id bigint PRIMARY KEY, title text);
      INSERT INTO public.audit_logs VALUES (1, NULL, 'THEIRS')`);
    await migrate(db.database, files);
    for (const { sql } of files) await db.query(sql);
    await db.query(
      `INSERT INTO cofre.v_audit_logs (action, actor_kind, actor_name) VALUES ('OURS', 'service', 'test')`,
    );
    expect((await db.query('SELECT action FROM public.audit_logs')).rows).toEqual([{ action: 'THEIRS' }]);
    expect((await db.query('SELECT action FROM cofre.audit_logs')).rows).toEqual([{ action: 'OURS' }]);
    for (const { sql } of [...back].reverse()) await db.query(sql);
    expect((await db.query('SELECT action FROM public.audit_logs')).rows).toEqual([{ action: 'THEIRS' }]);
  });

  it('schedules the edge functions where pg_cron and pg_net are, with a secret of the Vault, and nowhere else', async () => {
    const db = await emptyDatabase();
    await migrate(db.database, files);
    expect((await db.query('SELECT cofre.schedule_edge_functions() AS scheduled')).rows).toEqual([
      { scheduled: false },
    ]);
    expect((await db.query(`SELECT cofre.call_edge_function('x') AS request`)).rows).toEqual([{ request: null }]);
    await db.query(`
      CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigserial, jobname text UNIQUE, schedule text, command text);
      CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS $$
        INSERT INTO cron.job (jobname, schedule, command) VALUES ($1, $2, $3)
        ON CONFLICT (jobname) DO UPDATE SET schedule = $2, command = $3 RETURNING jobid $$;
      CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE sql AS $$
        DELETE FROM cron.job WHERE jobname = $1 RETURNING true $$;
      CREATE SCHEMA net; CREATE TABLE net.sent (url text, body jsonb, headers jsonb, timeout int);
      CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}',
        headers jsonb DEFAULT '{}', timeout_milliseconds int DEFAULT 5000) RETURNS bigint LANGUAGE sql AS $$
        INSERT INTO net.sent VALUES (url, body, headers, timeout_milliseconds) RETURNING 7::bigint $$;
      CREATE SCHEMA vault; CREATE TABLE vault.decrypted_secrets (name text, decrypted_secret text)`);
    for (const { sql } of files) await db.query(sql);
    for (const { sql } of files) await db.query(sql);
    const jobs = await db.query('SELECT schedule, command FROM cron.job ORDER BY jobname DESC');
    expect(jobs.rows.map(({ schedule }) => schedule)).toEqual(['*/5 * * * *', '*/5 * * * *']);
    await db.query(jobs.rows[0]?.command);
    expect((await db.query('SELECT * FROM net.sent')).rows).toEqual([]);
    await db.query(`INSERT INTO vault.decrypted_secrets VALUES
      ('cofre_functions_url', 'https://p.supabase.co/functions/v1/'), ('cofre_cron_secret', 'hush')`);
    await db.query(jobs.rows[0]?.command);
    expect((await db.query('SELECT * FROM net.sent')).rows).toEqual([
      {
        url: 'https://p.supabase.co/functions/v1/execute-scheduled-backups',
        body: {},
        headers: { 'Content-Type': 'application/json', Authorization: 'Bearer hush' },
        timeout: 150_000,
      },
    ]);
    await db.query(back.find(({ name }) => name === '20250202_cofre_edge_schedule')?.sql ?? '');
    expect((await db.query('SELECT * FROM cron.job')).rows).toEqual([]);
  });

  it('takes over a module_backups of former times and keeps its rows', async () => {
    const db = await emptyDatabase();
    await db.query(`
      CREATE TABLE public.base_modules (id uuid PRIMARY KEY, slug text UNIQUE, name text);
      CREATE TABLE public.module_implementations (id uuid PRIMARY KEY, module_id uuid REFERENCES public.base_modules, key text, name text);
      CREATE TABLE public.module_backups (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        implementation_id uuid NOT NULL REFERENCES public.module_implementations (id) ON DELETE CASCADE,
        backup_type text NOT NULL CHECK (backup_type IN ('full', 'incremental', 'config_only')),
        backup_data jsonb NOT NULL, file_path text, size_bytes bigint, created_at timestamptz DEFAULT now(),
        created_by uuid, expires_at timestamptz, metadata jsonb DEFAULT '{}');
      INSERT INTO public.base_modules VALUES ('22222222-2222-4222-8222-222222222222', 'm', 'M');
      INSERT INTO public.module_implementations VALUES
        ('33333333-3333-4333-8333-333333333333', '22222222-2222-4222-8222-222222222222', 'k', 'K');
      INSERT INTO public.module_backups (implementation_id, backup_type, backup_data)
        VALUES ('33333333-3333-4333-8333-333333333333', 'full', '{"old": true}')`);
    await migrate(db.database, files);
    await db.query(`INSERT INTO public.module_backups (backup_type) VALUES ('differential')`);
    await db.query('DELETE FROM public.module_implementations');
    const { rows } = await db.query(
      `SELECT implementation_id, backup_type, backup_data, module_slug FROM public.module_backups ORDER BY backup_type DESC`,
    );
    expect(rows).toEqual([
      { implementation_id: null, backup_type: 'full', backup_data: { old: true }, module_slug: null },
      { implementation_id: null, backup_type: 'differential', backup_data: null, module_slug: null },
    ]);
  });
});

describe('row-level security of the catalogue', () => {
  it.each(testServers())(
    'customers see that backups exist and nothing else; administrators change them (I11) on PostgreSQL $name',
    async (server) => {
      const db = await createTestDatabase(server, { template: 'migrated' });
      const person = '44444444-4444-4444-8444-444444444444';
      await db.query(`INSERT INTO auth.users (id, email) VALUES ('${person}', 'ana@example.org')`);
      await db.query(
        `INSERT INTO public.module_backups (backup_type, description, backup_data) VALUES ('full', 'first', '{"secret": 1}')`,
      );
      await db.query(`INSERT INTO public.base_modules (slug, name) VALUES ('m', 'M')`);
      const asPerson = async (sql: string) => {
        await db.query('BEGIN');
        try {
          await db.query(`SET LOCAL ROLE authenticated`);
          await db.query(`SELECT set_config('request.jwt.claims', '{"sub": "${person}"}', true)`);
          return await db.query(sql);
        } finally {
          await db.query('ROLLBACK');
        }
      };
      expect((await asPerson('SELECT description FROM public.module_backups')).rows).toEqual([
        { description: 'first' },
      ]);
      await expect(asPerson('SELECT backup_data FROM public.module_backups')).rejects.toMatchObject({ code: '42501' });
      await expect(asPerson('SELECT * FROM cofre.lineage')).rejects.toMatchObject({ code: '42501' });
      expect((await asPerson('SELECT * FROM cofre.module_definitions')).rows).toEqual([]);
      expect((await asPerson('SELECT * FROM public.base_modules')).rows).toEqual([]);
      expect((await asPerson('DELETE FROM public.module_backups')).rowCount).toBe(0);
      await expect(asPerson(`INSERT INTO public.module_backups (backup_type) VALUES ('full')`)).rejects.toMatchObject({
        code: '42501',
      });

      await db.query(`INSERT INTO cofre.admin_users (user_id) VALUES ('${person}')`);
      expect((await asPerson('DELETE FROM public.module_backups')).rowCount).toBe(1);
      expect((await asPerson('SELECT slug FROM public.base_modules')).rows).toEqual([{ slug: 'm' }]);
      await db.drop();
    },
  );

  it.each(testServers())(
    'every table has it enabled, and the service role may use every one, on PostgreSQL $name',
    async (server) => {
      const db = await createTestDatabase(server, { template: 'migrated' });
      const { rows } = await db.query(`
      SELECT c.oid::regclass::text AS "table", c.relrowsecurity AS secured,
             has_table_privilege('service_role', c.oid, 'SELECT') AND has_table_privilege('service_role', c.oid, 'INSERT')
               AND (c.relname = 'audit_logs' OR has_table_privilege('service_role', c.oid, 'UPDATE')
                 AND has_table_privilege('service_role', c.oid, 'DELETE')) AS service,
             has_table_privilege('anon', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS anon
      FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'cofre'::regnamespace, 'auth'::regnamespace)`);
      expect(rows.length).toBeGreaterThanOrEqual(13);
      expect(rows.filter(({ secured, service, anon }) => !secured || !service || anon)).toEqual([]);
      await db.drop();
    },
  );
});

it('reads migrations with any line ends as the same', async () => {
  const scratch = await mkdtemp(path.join(tmpdir(), 'cofre-migrations-'));
  await writeFile(path.join(scratch, '2_b.sql'), 'SELECT 1;\r\nSELECT 2;\r\n');
  await writeFile(path.join(scratch, '1_a.sql'), 'SELECT 1;\nSELECT 2;\n');
  await writeFile(path.join(scratch, 'README.md'), 'not a migration');
  const [a, b, ...rest] = await readMigrations(scratch);
  expect([a?.name, b?.name, rest.length]).toEqual(['1_a', '2_b', 0]);
  expect(a?.checksum).toBe(b?.checksum);
  await rm(scratch, { recursive: true });
});
