import type { Selectable } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import type { CatalogueSchema } from './schema.ts';

/** The SQL types that a TypeScript type may stand for; `?` where it may be null. The compiler checks the table below with it. */
type Sql<T> = null extends T ? `${SqlNotNull<Exclude<T, null>>}?` : SqlNotNull<T>;
type SqlNotNull<T> = T extends string
  ? 'uuid' | 'text' | 'xid8'
  : T extends number
    ? 'int4' | 'int8'
    : T extends boolean
      ? 'bool'
      : T extends Date
        ? 'timestamptz'
        : T extends readonly string[]
          ? '_text'
          : 'jsonb';
type Columns = {
  readonly [Table in keyof CatalogueSchema]: {
    readonly [Column in keyof CatalogueSchema[Table]]: Sql<Selectable<CatalogueSchema[Table]>[Column]>;
  };
};

const actor = { created_by: 'uuid?', created_by_name: 'text?' } as const;

const restores = {
  id: 'uuid',
  purpose: 'text',
  plan_id: 'uuid',
  backup_id: 'uuid',
  implementation_id: 'uuid',
  module_slug: 'text',
  implementation_key: 'text',
  safety_backup_id: 'uuid?',
  mode: 'text',
  status: 'text',
  tables: 'jsonb',
  verified: 'bool',
  error: 'jsonb?',
  duration_ms: 'int8',
  created_at: 'timestamptz',
  ...actor,
  undo_of: 'uuid?',
  undone_by: 'uuid?',
  job_id: 'uuid?',
} as const;

const listedJob = {
  id: 'uuid',
  kind: 'text',
  state: 'text',
  implementation_id: 'uuid?',
  module_slug: 'text?',
  implementation_key: 'text?',
  backup_id: 'uuid?',
  attempts: 'int4',
  needs_worker: 'bool',
  created_at: 'timestamptz',
  ...actor,
  started_at: 'timestamptz?',
  ended_at: 'timestamptz?',
  cancel_requested_at: 'timestamptz?',
  error: 'jsonb?',
} as const;

const COLUMNS: Columns = {
  'cofre.v_base_modules': { id: 'uuid', slug: 'text', name: 'text', description: 'text?' },
  'cofre.v_module_implementations': {
    id: 'uuid',
    module_id: 'uuid',
    key: 'text',
    name: 'text',
    version: 'text?',
    config: 'jsonb?',
    is_active: 'bool?',
  },
  'cofre.v_tenants': { id: 'uuid', slug: 'text', name: 'text' },
  'cofre.v_tenant_module_assignments': {
    id: 'uuid',
    tenant_id: 'uuid',
    implementation_id: 'uuid',
    custom_config: 'jsonb?',
    is_active: 'bool?',
  },
  'cofre.module_definitions': {
    module_id: 'uuid',
    definition: 'jsonb',
    source: 'text',
    revision: 'int4',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    updated_by_name: 'text?',
  },
  'cofre.implementation_settings': {
    implementation_id: 'uuid',
    backup_scope: 'jsonb?',
    next_backup_at: 'timestamptz?',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    failures: 'int4',
    retry_at: 'timestamptz?',
    last_scheduled_at: 'timestamptz?',
    last_error: 'jsonb?',
    claimed_by: 'text?',
    claimed_until: 'timestamptz?',
    needs_worker: 'bool',
    held: 'bool',
    held_at: 'timestamptz?',
    held_by: 'uuid?',
    held_by_name: 'text?',
    deleted_at: 'timestamptz?',
  },
  'cofre.lineage': { backup_id: 'uuid', xact_id: 'xid8', created_at: 'timestamptz' },
  'cofre.restores': { ...restores, evidence: 'jsonb?' },
  'cofre.v_restore_list': restores,
  'cofre.repository_pin': {
    only_row: 'bool',
    repository_id: 'uuid',
    encryption: 'text',
    root_key_ids: '_text',
    url: 'text',
    pinned_at: 'timestamptz',
  },
  'cofre.schema_migrations': { name: 'text', checksum: 'text?', applied_at: 'timestamptz' },
  'cofre.admin_users': { user_id: 'uuid', email: 'text?', created_at: 'timestamptz', ...actor },
  'cofre.backup_settings': {
    scope: 'text',
    subject_id: 'uuid',
    settings: 'jsonb',
    revision: 'int4',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    updated_by: 'uuid?',
    updated_by_name: 'text?',
  },
  'cofre.plans': {
    id: 'uuid',
    backup_id: 'uuid',
    implementation_id: 'uuid',
    module_slug: 'text',
    implementation_key: 'text',
    mode: 'text',
    fingerprint: 'text',
    applicable: 'bool',
    summary: 'jsonb',
    created_at: 'timestamptz',
    ...actor,
    expires_at: 'timestamptz',
  },
  'cofre.jobs': {
    ...listedJob,
    input: 'jsonb',
    result: 'jsonb?',
    singleton_key: 'text?',
    actor: 'jsonb',
    run_after: 'timestamptz',
    worker_id: 'uuid?',
    heartbeat_at: 'timestamptz?',
  },
  'cofre.v_job_list': {
    ...listedJob,
    phase: 'text?',
    table_name: 'text?',
    rows: 'int8?',
    rows_total: 'int8?',
    bytes: 'int8?',
    elapsed_ms: 'int8?',
    progress_at: 'timestamptz?',
  },
  'cofre.job_progress': {
    job_id: 'uuid',
    phase: 'text',
    table_name: 'text?',
    rows: 'int8',
    rows_total: 'int8?',
    bytes: 'int8',
    elapsed_ms: 'int8',
    updated_at: 'timestamptz',
  },
  'cofre.workers': {
    id: 'uuid',
    name: 'text',
    version: 'text',
    started_at: 'timestamptz',
    seen_at: 'timestamptz',
  },
  'cofre.v_audit_logs': {
    id: 'uuid',
    created_at: 'timestamptz',
    action: 'text',
    outcome: 'text',
    user_id: 'uuid?',
    actor_kind: 'text',
    actor_name: 'text',
    implementation_id: 'uuid?',
    module_slug: 'text?',
    implementation_key: 'text?',
    backup_id: 'uuid?',
    resource_type: 'text?',
    resource_id: 'text?',
    details: 'jsonb',
  },
  'cofre.v_admin_notifications': {
    id: 'uuid',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    kind: 'text',
    severity: 'text',
    dedupe_key: 'text',
    params: 'jsonb',
    occurrences: 'int4',
    implementation_id: 'uuid?',
    read_at: 'timestamptz?',
    read_by: 'uuid?',
    read_by_name: 'text?',
  },
  'cofre.v_backup_private': {
    id: 'uuid',
    error: 'jsonb?',
    backup_data: 'jsonb?',
    held_reason: 'text?',
    proof: 'jsonb?',
  },
  'public.module_backups': {
    id: 'uuid',
    implementation_id: 'uuid?',
    backup_type: 'text',
    backup_data: 'jsonb?',
    file_path: 'text?',
    size_bytes: 'int8?',
    created_at: 'timestamptz',
    ...actor,
    expires_at: 'timestamptz?',
    metadata: 'jsonb?',
    source_implementation_id: 'uuid?',
    module_slug: 'text?',
    implementation_key: 'text?',
    status: 'text',
    parent_id: 'uuid?',
    description: 'text?',
    completed_at: 'timestamptz?',
    verified_at: 'timestamptz?',
    held: 'bool',
    safety: 'bool',
    checksum: 'text?',
    compression: 'text?',
    encrypted: 'bool',
    repository_id: 'uuid?',
    stats: 'jsonb?',
    probe: 'jsonb?',
    error: 'jsonb?',
    deleted_at: 'timestamptz?',
    expiry_source: 'text',
    origin: 'text',
    job_id: 'uuid?',
    held_at: 'timestamptz?',
    held_by: 'uuid?',
    held_by_name: 'text?',
    held_reason: 'text?',
    proven_at: 'timestamptz?',
    proof: 'jsonb?',
    kept_because: 'text?',
    missing_at: 'timestamptz?',
  },
};

describe.each(testServers())('the catalogue’s types on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
  });
  afterAll(() => db.drop());

  it.each(Object.entries(COLUMNS))('%s has the columns that the type names, and no other', async (table, columns) => {
    const [schema, name] = table.split('.');
    const { rows } = await db.query(
      `SELECT column_name AS name, udt_name AS type, is_nullable = 'YES' AS nullable
       FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2`,
      [schema, name],
    );
    // information_schema calls every column of a view nullable; whether one is NULL is the table's matter.
    const isView = name?.startsWith('v_') ?? false;
    const found = rows.map((row) => [row.name, `${row.type}${row.nullable && !isView ? '?' : ''}`]);
    const expected = Object.entries(columns).map(([column, type]) => [column, isView ? type.replace('?', '') : type]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });

  it('has no table that the types leave out', async () => {
    const { rows } = await db.query(
      `SELECT format('%s.%s', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_schema = 'cofre' OR table_schema = 'public' AND table_name LIKE 'module_backups'`,
    );
    expect(new Set(rows.map(({ name }) => name))).toEqual(new Set(Object.keys(COLUMNS)));
  });
});
