import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';

const ADMIN = '11111111-1111-4111-8111-111111111111';
const SOMEBODY = '33333333-3333-4333-8333-333333333333';
const ID = '55555555-5555-4555-8555-555555555555';
const OTHER = '66666666-6666-4666-8666-666666666666';

const claims = (sub: string, more: object = {}) => ({ sub, role: 'authenticated', ...more });

/** As PostgREST runs a request: a role, and the claims of the token. */
const ROLES = {
  anon: { role: 'anon', claims: { role: 'anon' } },
  customer: { role: 'authenticated', claims: claims(SOMEBODY, { app_metadata: { provider: 'email' } }) },
  impostor: {
    role: 'authenticated',
    claims: claims(SOMEBODY, { user_metadata: { role: 'admin' }, user_role: 'admin', app_metadata: 'admin' }),
  },
  viewer: { role: 'authenticated', claims: claims(SOMEBODY, { app_metadata: { role: 'viewer' } }) },
  administrator: { role: 'authenticated', claims: claims(SOMEBODY, { app_metadata: { role: 'admin' } }) },
  listedAdministrator: { role: 'authenticated', claims: claims(ADMIN) },
  service: { role: 'service_role', claims: { role: 'service_role' } },
} as const;
type Role = keyof typeof ROLES;

/**
 * One letter an operation (select, insert, update, delete): `r` rows are seen or changed, `0` it runs and finds none,
 * `-` permission is refused.
 */
type Rights = string;

interface TableRights {
  readonly anon: Rights;
  /** Customers, those who pretend in their own metadata, and viewers: one where nothing is said of viewers. */
  readonly customer: Rights;
  readonly viewer?: Rights;
  readonly administrator: Rights;
  readonly service: Rights;
  /** How a second row differs, so that it can be inserted. */
  readonly second: Readonly<Record<string, unknown>>;
}

const kept = { anon: '----', customer: '0-00', administrator: 'rrrr', service: 'rrrr' };
const seen = { anon: '----', customer: '0---', administrator: 'r---', service: 'rrrr' };
const hidden = { anon: '----', customer: '----', administrator: '----', service: 'rrrr' };
const listed = { anon: '----', customer: '0---', viewer: 'r---', administrator: 'r---', service: 'r---' };
const id = { id: OTHER };

const TABLES: Readonly<Record<string, TableRights>> = {
  'public.base_modules': { ...kept, second: { ...id, slug: 'other' } },
  'public.module_implementations': { ...kept, second: { ...id, key: 'other' } },
  'public.tenants': { ...kept, second: { ...id, slug: 'other' } },
  'public.tenant_module_assignments': { ...kept, second: { ...id, tenant_id: SOMEBODY } },
  'public.module_backups': { ...kept, customer: 'r-00', second: id },
  'public.audit_logs': { ...seen, administrator: 'rr--', service: 'rr--', second: id },
  'public.admin_notifications': {
    ...kept,
    customer: '0-0-',
    administrator: 'rrr-',
    second: { ...id, dedupe_key: 'b' },
  },
  'cofre.admin_users': { ...kept, second: { user_id: OTHER } },
  'cofre.backup_settings': { ...kept, second: { scope: 'module', subject_id: OTHER } },
  'cofre.implementation_settings': { ...kept, second: { implementation_id: OTHER } },
  'cofre.jobs': { ...seen, viewer: 'r---', second: { ...id, singleton_key: 'b' } },
  'cofre.module_definitions': { ...kept, second: { module_id: OTHER } },
  'cofre.job_progress': { ...seen, viewer: 'r---', second: { job_id: OTHER } },
  'cofre.plans': { ...seen, second: id },
  'cofre.restores': { ...seen, viewer: 'r---', second: id },
  'cofre.workers': { ...seen, second: id },
  'cofre.lineage': { ...hidden, second: { backup_id: OTHER } },
  'cofre.repository_pin': { ...hidden, second: {} },
  'cofre.schema_migrations': { ...hidden, second: { name: 'x' } },
  'cofre.v_audit_logs': { ...seen, administrator: 'rr--', service: 'rr--', second: id },
  'cofre.v_admin_notifications': {
    ...kept,
    customer: '0-0-',
    administrator: 'rrr-',
    second: { ...id, dedupe_key: 'b' },
  },
  'cofre.v_backup_private': { ...listed, viewer: '0---', second: id },
  'cofre.v_restore_private': { ...listed, viewer: '0---', second: id },
  'cofre.v_job_private': { ...listed, viewer: '0---', second: id },
  'cofre.v_restore_list': { ...listed, second: id },
  'cofre.v_job_list': { ...listed, second: id },
  'cofre.v_base_modules': { ...seen, second: { ...id, slug: 'other' } },
  'cofre.v_module_implementations': { ...seen, second: { ...id, key: 'other' } },
  'cofre.v_tenants': { ...seen, second: { ...id, slug: 'other' } },
  'cofre.v_tenant_module_assignments': { ...seen, second: { ...id, tenant_id: SOMEBODY } },
};

/** A row in every table. */
const ROWS_SQL = `
  INSERT INTO auth.users (id, email) VALUES ('${ADMIN}', 'ana@example.org'), ('${SOMEBODY}', 'cus@example.org');
  INSERT INTO cofre.admin_users (user_id) VALUES ('${ADMIN}');
  INSERT INTO public.base_modules (id, slug, name) VALUES ('${ID}', 'm', 'M'), ('${OTHER}', 'n', 'N');
  INSERT INTO public.module_implementations (id, module_id, key, name, config)
    VALUES ('${ID}', '${ID}', 'k', 'K', '{"api_key": "s3cr3t"}');
  INSERT INTO public.tenants (id, slug, name) VALUES ('${ID}', 't', 'T'), ('${SOMEBODY}', 's', 'S');
  INSERT INTO public.tenant_module_assignments (id, tenant_id, implementation_id, custom_config)
    VALUES ('${ID}', '${ID}', '${ID}', '{"api_key": "s3cr3t"}');
  INSERT INTO public.module_backups (id, implementation_id, backup_type, backup_data, error, module_slug, proof, held_reason)
    VALUES ('${ID}', '${ID}', 'full', '{"api_key": "s3cr3t"}', '{"code": "s3cr3t"}', 'm', '{"why": "s3cr3t"}', 's3cr3t');
  INSERT INTO public.audit_logs (id, action, actor_kind, actor_name, user_id, details)
    VALUES ('${ID}', 'CREATE_MODULE_BACKUP', 'person', 'ana', '${ADMIN}', '{"x": "s3cr3t"}');
  INSERT INTO public.admin_notifications (id, kind, dedupe_key, params) VALUES ('${ID}', 'k', 'a', '{"x": "s3cr3t"}');
  INSERT INTO cofre.backup_settings (scope, subject_id, settings) VALUES ('module', '${ID}', '{"x": "s3cr3t"}');
  INSERT INTO cofre.implementation_settings (implementation_id, backup_scope) VALUES ('${ID}', '{"x": "s3cr3t"}');
  INSERT INTO cofre.jobs (id, kind, singleton_key, input, error) VALUES ('${ID}', 'k', 'a', '{"x": "s3cr3t"}', '{"x": "s3cr3t"}');
  INSERT INTO cofre.jobs (id, kind) VALUES ('${ADMIN}', 'k');
  INSERT INTO cofre.job_progress (job_id, phase) VALUES ('${ID}', 'read');
  INSERT INTO cofre.module_definitions (module_id, definition, source) VALUES ('${ID}', '{"x": "s3cr3t"}', 's3cr3t');
  INSERT INTO cofre.plans (id, backup_id, implementation_id, module_slug, implementation_key, mode, fingerprint, applicable,
    summary, expires_at) VALUES ('${ID}', '${ID}', '${ID}', 'm', 'k', 'merge', 'f', true, '{"x": "s3cr3t"}', now());
  INSERT INTO cofre.restores (id, purpose, plan_id, backup_id, implementation_id, module_slug, implementation_key, mode,
    status, evidence, error) VALUES ('${ID}', 'restore', '${ID}', '${ID}', '${ID}', 'm', 'k', 'merge', 'failed',
    '{"x": "s3cr3t"}', '{"x": "s3cr3t"}');
  INSERT INTO cofre.workers (id, name, version) VALUES ('${ID}', 'w', '1');
  INSERT INTO cofre.lineage (backup_id, xact_id) VALUES ('${ID}', '1');
  INSERT INTO cofre.repository_pin (repository_id, encryption, root_key_ids, url) VALUES ('${ID}', 'none', '{}', 'memory:')`;

const OPERATIONS = ['select', 'insert', 'update', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];

/** A constraint is looked at after permission was given. */
const isConstraint = (code: string | undefined) => code?.startsWith('23') === true;

describe.each(testServers())('rights on rows on PostgreSQL $name (I11)', (server) => {
  let db: TestDatabase;
  const readable = new Map<string, readonly string[]>();
  const rows = new Map<string, Record<string, unknown>>();
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    await db.query(ROWS_SQL);
    for (const table of Object.keys(TABLES)) {
      const found = await db.query(`SELECT to_jsonb(t) AS row FROM ${table} AS t LIMIT 1`);
      rows.set(table, found.rows[0]?.row);
      const columns = await db.query(
        `SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
           AND has_column_privilege('authenticated', attrelid, attnum, 'SELECT')`,
        [table],
      );
      readable.set(
        table,
        columns.rows.map(({ attname }) => String(attname)),
      );
    }
  });
  afterAll(() => db.drop());

  async function as<T>(role: Role, work: () => Promise<T>): Promise<T> {
    await db.query('BEGIN');
    try {
      await db.query(`SELECT set_config('request.jwt.claims', $1, true), set_config('role', $2, true)`, [
        JSON.stringify(ROLES[role].claims),
        ROLES[role].role,
      ]);
      return await work();
    } finally {
      await db.query('ROLLBACK');
    }
  }

  function statement(table: string, operation: Operation, role: Role): string {
    const row = rows.get(table) ?? {};
    const columns = Object.keys(row);
    switch (operation) {
      case 'select': {
        // By the columns that people are granted: one column too many would be refused for all.
        const granted = ROLES[role].role === 'service_role' ? columns : readable.get(table);
        return `SELECT ${granted === undefined || granted.length === 0 ? '*' : granted.join(', ')} FROM ${table}`;
      }
      case 'insert': {
        const userId = ROLES[role].role === 'authenticated' ? { user_id: ROLES[role].claims.sub } : {};
        const own = table.endsWith('audit_logs') ? userId : {};
        const second = JSON.stringify({ ...row, ...TABLES[table]?.second, ...own });
        return `INSERT INTO ${table} (${columns.join(', ')})
          SELECT ${columns.map((name) => `r.${name}`).join(', ')}
          FROM jsonb_populate_record(NULL::${table}, ${pg.escapeLiteral(second)}) AS r`;
      }
      case 'update':
        return `UPDATE ${table} SET ${columns.at(-1)} = DEFAULT`;
      case 'delete':
        return `DELETE FROM ${table}`;
    }
  }

  async function rightsOf(role: Role, table: string): Promise<Rights> {
    let rights = '';
    for (const operation of OPERATIONS) {
      rights += await as(role, async () => {
        try {
          const result = await db.query(statement(table, operation, role));
          return (result.rowCount ?? 0) > 0 ? 'r' : '0';
        } catch (error) {
          if (!(error instanceof pg.DatabaseError)) throw error;
          if (isConstraint(error.code)) return 'r';
          // A view that cannot be written is refused before rights are asked.
          if (['42501', '55000', '0A000'].includes(error.code ?? '')) return '-';
          throw error;
        }
      });
    }
    return rights;
  }

  it('the table below names every table and view of the catalogue', async () => {
    const found = await db.query(`
      SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('cofre', 'public') AND c.relkind IN ('r', 'v', 'p', 'm', 'f')`);
    expect(new Set(found.rows.map(({ name }) => name))).toEqual(new Set(Object.keys(TABLES)));
  });

  describe.each(Object.entries(TABLES))('%s', (table, expected) => {
    it.each(Object.keys(ROLES) as Role[])('%s', async (role) => {
      const wanted: Readonly<Record<Role, Rights>> = {
        ...expected,
        impostor: expected.customer,
        viewer: expected.viewer ?? expected.customer,
        listedAdministrator: expected.administrator,
      };
      expect(await rightsOf(role, table)).toBe(wanted[role]);
    });
  });

  it.each(['anon', 'customer', 'impostor', 'viewer'] as const)(
    'a %s who asks by SQL reads no configuration value, summary, error or setting, from any column that is granted',
    async (role) => {
      for (const table of Object.keys(TABLES)) {
        for (const column of Object.keys(rows.get(table) ?? {})) {
          const text = await as(role, () =>
            db.query(`SELECT ${column}::text AS value FROM ${table}`).then(
              (result) => JSON.stringify(result.rows),
              (error: unknown) => {
                if (error instanceof pg.DatabaseError && error.code === '42501') return '';
                throw error;
              },
            ),
          );
          expect(text, `${table}.${column}`).not.toContain('s3cr3t');
        }
      }
    },
  );

  it('an administrator logs under the own name only, and nobody rewrites the log', async () => {
    const log = (userId: string, kind: string) =>
      as('administrator', () =>
        db.query(`INSERT INTO cofre.v_audit_logs (action, actor_kind, actor_name, user_id) VALUES ('X', $1, 'x', $2)`, [
          kind,
          userId,
        ]),
      );
    await expect(log(ADMIN, 'person')).rejects.toMatchObject({ code: '42501' });
    await expect(log(SOMEBODY, 'service')).rejects.toMatchObject({ code: '42501' });
    await log(SOMEBODY, 'person');
  });

  it('functions that run with their owner’s rights are closed to the public, and look nowhere but where they say', async () => {
    const { rows: functions } = await db.query(`
      SELECT p.proname AS name, p.prosecdef AS definer, p.proconfig AS config,
             has_function_privilege('anon', p.oid, 'EXECUTE') AS anon
      FROM pg_proc p WHERE p.pronamespace = 'cofre'::regnamespace`);
    expect(functions.length).toBeGreaterThan(5);
    for (const { name, config, anon } of functions)
      expect({ name, config, anon }).toEqual({ name, config: ['search_path=""'], anon: false });
  });
});
