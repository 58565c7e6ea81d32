import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { describeSchema } from '../../../../tests/support/describe-schema.ts';
import { migrate, readMigrations } from './migrations.ts';

const folder = path.resolve(import.meta.dirname, '../../../../supabase/migrations');
const files = await readMigrations(folder);
const names = files.map(({ name }) => name);
const back = await readMigrations(path.join(folder, 'down'));

/** An id that tells what it is of. */
const id = (digit: number) => `'${String(digit).repeat(8)}-aaaa-4aaa-8aaa-aaaaaaaaaaaa'`;
const [MODULE, IMPLEMENTATION, TENANT, PERSON, BACKUP, SAFETY, PLAN, RESTORE, JOB] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(
  id,
);

/** What a database holds that was in use since a migration, in every table that it made. */
const ROWS: Readonly<Record<string, string>> = {
  '20250120_cofre_foundations': `
    INSERT INTO auth.users (id, email) VALUES (${PERSON}, 'ana@example.org');
    INSERT INTO cofre.administrators (user_id) VALUES (${PERSON});
    INSERT INTO public.base_modules (id, slug, name) VALUES (${MODULE}, 'm', 'M');
    INSERT INTO public.module_implementations (id, module_id, key, name, config)
      VALUES (${IMPLEMENTATION}, ${MODULE}, 'k', 'K', '{"a": 1}');
    INSERT INTO public.tenants (id, slug, name) VALUES (${TENANT}, 'acme', 'Acme');
    INSERT INTO public.tenant_module_assignments (tenant_id, implementation_id, custom_config)
      VALUES (${TENANT}, ${IMPLEMENTATION}, '{"b": [2]}')`,
  '20250121_create_module_backups_table': `
    INSERT INTO public.module_backups (id, implementation_id, source_implementation_id, module_slug, implementation_key,
        backup_type, status, completed_at, file_path, checksum, stats, repository_id, backup_data, expires_at, held, created_by)
      VALUES (${BACKUP}, ${IMPLEMENTATION}, ${IMPLEMENTATION}, 'm', 'k', 'full', 'completed', now(), 'manifests/x', 'sha256:0',
        '{"rows": 3}', ${id(0)}, '{"config": {}}', now() + interval '1 day', true, ${PERSON});
    INSERT INTO public.module_backups (id, backup_type, status, safety, module_slug, parent_id)
      VALUES (${SAFETY}, 'incremental', 'running', true, 'm', ${BACKUP});
    INSERT INTO public.module_backups (backup_type, status, module_slug, error)
      VALUES ('config_only', 'failed', 'm', '{"code": "x"}'), ('full', 'canceled', 'gone', NULL);
    INSERT INTO public.module_backups (backup_type, backup_data) VALUES ('differential', '{"of": "former times"}')`,
  '20250122_cofre_definitions_and_restores': `
    INSERT INTO cofre.module_definitions (module_id, definition, source, revision) VALUES (${MODULE}, '{"version": 1}', '# m', 7);
    INSERT INTO cofre.implementation_settings (implementation_id, backup_scope, next_backup_at)
      VALUES (${IMPLEMENTATION}, '{"store_id": 1}', now());
    INSERT INTO cofre.lineage (backup_id, xact_id) VALUES (${BACKUP}, pg_current_xact_id());
    INSERT INTO cofre.restores (id, purpose, plan_id, backup_id, implementation_id, module_slug, implementation_key, mode, status, tables)
      VALUES (${RESTORE}, 'restore', ${PLAN}, ${BACKUP}, ${IMPLEMENTATION}, 'm', 'k', 'merge', 'completed', '[{"table": "t"}]');
    INSERT INTO cofre.repository_pin (repository_id, encryption, root_key_ids, url) VALUES (${id(0)}, 'none', '{k1}', 'file:///r')`,
  '20250201_cofre_platform': `
    INSERT INTO cofre.admin_users (user_id, email) VALUES (${id(0)}, 'rui@example.org');
    INSERT INTO cofre.backup_settings (scope, subject_id, settings) VALUES
      ('global', '00000000-0000-0000-0000-000000000000', '{"keepLast": 3}'), ('module', ${MODULE}, '{}'),
      ('implementation', ${IMPLEMENTATION}, '{"schedule": null}');
    INSERT INTO cofre.plans (id, backup_id, implementation_id, module_slug, implementation_key, mode, fingerprint, applicable, expires_at)
      VALUES (${PLAN}, ${BACKUP}, ${IMPLEMENTATION}, 'm', 'k', 'merge', 'sha256:0', true, now());
    INSERT INTO cofre.jobs (id, kind, state, singleton_key, actor) VALUES
      (${JOB}, 'create-backup', 'running', 's', '{"kind": "operator"}'), (${id(0)}, 'create-backup', 'completed', 's', '{}');
    INSERT INTO cofre.job_progress (job_id, phase, rows) VALUES (${JOB}, 'read', 12);
    INSERT INTO cofre.workers (id, name, version) VALUES (${id(0)}, 'w', '0');
    INSERT INTO public.audit_logs (action, actor_kind, actor_name, details) VALUES ('CREATE_MODULE_BACKUP', 'operator', 'root', '{"x": 1}');
    INSERT INTO public.admin_notifications (kind, dedupe_key, params) VALUES ('backup-failed', 'k', '{"y": 2}')`,
  '20250301_cofre_auth': `
    INSERT INTO cofre_auth.users (id, name, email) VALUES (${PERSON}, 'Ana', 'ana@example.org');
    INSERT INTO cofre_auth.sessions (id, user_id, token, expires_at) VALUES (${id(0)}, ${PERSON}, 't', now());
    INSERT INTO cofre_auth.accounts (id, user_id, account_id, provider_id) VALUES (${id(0)}, ${PERSON}, 'ana', 'credential');
    INSERT INTO cofre_auth.verifications (id, identifier, value, expires_at) VALUES (${id(0)}, 'i', 'v', now());
    INSERT INTO cofre_auth.rate_limits (key, count, last_request) VALUES ('k', 1, 0)`,
};

/** Tables that a migration moved elsewhere. */
const MOVED: Readonly<Record<string, string>> = { 'cofre.administrators': 'cofre.admin_users' };

type Row = Readonly<Record<string, unknown>>;
type Contents = Readonly<Record<string, readonly Row[]>>;

/** All rows of all tables of ours, but the list of migrations. */
async function readContents(db: TestDatabase): Promise<Contents> {
  const tables = await db.query(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE c.relkind = 'r' AND c.relname <> 'schema_migrations'
       AND c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'cofre', 'auth', 'cofre_auth'))`,
  );
  const contents: Record<string, readonly Row[]> = {};
  for (const { name } of tables.rows) {
    const { rows } = await db.query(`SELECT to_jsonb(t) AS row FROM ${name} AS t`);
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}

async function everything(db: TestDatabase): Promise<readonly unknown[]> {
  const contents = Object.entries(await readContents(db)).map(([name, rows]) => [name, new Set(rows)]);
  return [await describeSchema(db), Object.fromEntries(contents)];
}

/** Every row of `before` is still there, with every value that it had. */
function expectKept(before: Contents, after: Contents): void {
  for (const [name, rows] of Object.entries(before)) {
    const now = after[name] ?? after[MOVED[name] ?? ''] ?? [];
    for (const row of rows) expect(now, name).toContainEqual(expect.objectContaining(row));
  }
}

describe.each(costlyTestServers())('a catalogue in use on PostgreSQL $name', (server) => {
  const made: TestDatabase[] = [];
  afterEach(async () => {
    for (const db of made.splice(0)) await db.drop();
  });

  /** Migrated as far as `last`, and written to after each migration. */
  async function inUse(last: string): Promise<TestDatabase> {
    const db = await createTestDatabase(server);
    made.push(db);
    for (let count = 1; count <= names.indexOf(last) + 1; count++) {
      await migrate(db.database, files.slice(0, count));
      await db.query(ROWS[names[count - 1] ?? ''] ?? '');
    }
    return db;
  }

  async function freshSchema(): Promise<string> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(db);
    return describeSchema(db);
  }

  it('has a row in every table that the migrations make', async () => {
    const contents = await readContents(await inUse(names.at(-1) ?? ''));
    for (const [table, rows] of Object.entries(contents)) expect(rows.length, table).toBeGreaterThan(0);
  });

  it.each(names)('is brought from %s to the schema of a new one, and keeps every row', async (last) => {
    const db = await inUse(last);
    const before = await readContents(db);
    await migrate(db.database, files);
    expect(await describeSchema(db)).toBe(await freshSchema());
    expectKept(before, await readContents(db));
  });

  it.each(files.map((file) => [file.name, file] as const))(
    '%s runs again and changes nothing',
    async (name, { sql }) => {
      const db = await inUse(name);
      const before = [await describeSchema(db), await readContents(db)];
      await db.query(sql);
      expect([await describeSchema(db), await readContents(db)]).toEqual(before);
    },
  );

  it('all run again, in their order, and change nothing', async () => {
    const db = await inUse(names.at(-1) ?? '');
    const before = await everything(db);
    for (const { sql } of files) await db.query(sql);
    expect(await everything(db)).toEqual(before);
  });

  it('goes back one migration at a time: what remains keeps its rows, and up again is the same schema', async () => {
    const db = await inUse(names.at(-1) ?? '');
    const top = await describeSchema(db);
    let before = await readContents(db);
    for (const { name, sql } of [...back].reverse()) {
      await db.query(sql);
      const after = await readContents(db);
      for (const [table, rows] of Object.entries(after)) {
        expect(rows.length, `${name}: ${table}`).toBeGreaterThan(0);
        expect(new Set(rows), `${name}: ${table}`).toEqual(new Set(remaining(before, table, rows)));
      }
      before = after;
    }
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining(['auth.users', 'base_modules', 'tenants', 'module_backups']),
    );
    await migrate(db.database, files);
    expect(await describeSchema(db)).toBe(top);
    expectKept(before, await readContents(db));
  });
});

/** The rows that a table has after a step back: with the columns that are left, and of backups those of former times. */
function remaining(before: Contents, table: string, after: readonly Row[]): readonly Row[] {
  const rows = before[table] ?? before[MOVED[table] ?? ''] ?? [];
  const columns = Object.keys(after[0] ?? {});
  const kept = rows.filter(
    (row) => table !== 'module_backups' || columns.includes('module_slug') || row['module_slug'] == null,
  );
  return kept.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
}
