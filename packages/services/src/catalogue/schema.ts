import type { BackupStats, BackupStatus, BackupType, Compression, ErrorDocument, RestoreMode } from '@cofre/contracts';
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/**
 * The catalogue as `supabase/migrations` makes it; `schema.test.ts` compares the two column by column. Times are `Date`s,
 * byte counts are numbers (see `open-catalogue.ts`), JSON goes in as text and comes out parsed.
 */
export interface CatalogueSchema {
  'cofre.v_base_modules': ModulesView;
  'cofre.v_module_implementations': ImplementationsView;
  'cofre.v_tenants': TenantsView;
  'cofre.v_tenant_module_assignments': AssignmentsView;
  'cofre.module_definitions': ModuleDefinitionsTable;
  'cofre.implementation_settings': ImplementationSettingsTable;
  'cofre.lineage': LineageTable;
  'cofre.restores': RestoresTable;
  'cofre.repository_pin': RepositoryPinTable;
  'cofre.schema_migrations': SchemaMigrationsTable;
  'cofre.admin_users': AdminUsersTable;
  'cofre.backup_settings': BackupSettingsTable;
  'cofre.plans': PlansTable;
  'cofre.jobs': JobsTable;
  'cofre.job_progress': JobProgressTable;
  'cofre.workers': WorkersTable;
  'cofre.v_audit_logs': AuditLogsView;
  'cofre.v_admin_notifications': AdminNotificationsView;
  'cofre.v_backup_private': BackupPrivateView;
  'cofre.v_restore_list': RestoreListView;
  'cofre.v_job_list': JobListView;
  'public.module_backups': ModuleBackupsTable;
}

/** Set by the database where it is left out. */
type Time = Generated<Date>;
type NullableJson<Value> = ColumnType<Value | null, string | null | undefined, string | null>;

export interface ModulesView {
  id: Generated<string>;
  slug: string;
  name: string;
  description: string | null;
}

export interface ImplementationsView {
  id: Generated<string>;
  module_id: string;
  key: string;
  name: string;
  version: string | null;
  config: ColumnType<Record<string, unknown> | null, string | undefined, string>;
  is_active: ColumnType<boolean | null, boolean | undefined, boolean>;
}

export interface TenantsView {
  id: Generated<string>;
  slug: string;
  name: string;
}

export interface AssignmentsView {
  id: Generated<string>;
  tenant_id: string;
  implementation_id: string;
  custom_config: ColumnType<Record<string, unknown> | null, string | undefined, string>;
  is_active: ColumnType<boolean | null, boolean | undefined, boolean>;
}

export interface ModuleDefinitionsTable {
  module_id: string;
  definition: JSONColumnType<Record<string, unknown>>;
  source: string;
  revision: Generated<number>;
  created_at: Time;
  updated_at: Time;
  updated_by_name: string | null;
}

export interface ImplementationSettingsTable {
  implementation_id: string;
  backup_scope: JSONColumnType<Record<string, string | number | boolean>> | null;
  next_backup_at: Date | null;
  created_at: Time;
  updated_at: Time;
  /** Failures in a row of scheduled backups. */
  failures: Generated<number>;
  /** Not before then is a failed one tried again. */
  retry_at: Date | null;
  last_scheduled_at: Date | null;
  last_error: NullableJson<ErrorDocument>;
  claimed_by: string | null;
  /** A runner that died lets go by then. */
  claimed_until: Date | null;
  needs_worker: Generated<boolean>;
  /** All its backups are on hold, present and future. */
  held: Generated<boolean>;
  held_at: Date | null;
  held_by: string | null;
  held_by_name: string | null;
  deleted_at: Date | null;
}

export interface LineageTable {
  backup_id: string;
  /** An xid8 in decimal. */
  xact_id: string;
  created_at: Time;
}

export interface RestoredTable {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface RestoresTable {
  id: string;
  purpose: 'restore' | 'undo';
  plan_id: string;
  backup_id: string;
  implementation_id: string;
  module_slug: string;
  implementation_key: string;
  safety_backup_id: string | null;
  mode: RestoreMode;
  status: 'completed' | 'failed';
  tables: ColumnType<readonly RestoredTable[], string | undefined, string>;
  evidence: JSONColumnType<Record<string, unknown>> | null;
  verified: Generated<boolean>;
  error: ColumnType<ErrorDocument | null, string | null | undefined, string | null>;
  duration_ms: Generated<number>;
  created_at: Time;
  created_by: string | null;
  created_by_name: string | null;
  undo_of: string | null;
  undone_by: string | null;
  job_id: string | null;
}

/** What viewers may see of restores; `error` is null for them. */
export type RestoreListView = Omit<RestoresTable, 'evidence'>;

export interface RepositoryPinTable {
  only_row: Generated<boolean>;
  repository_id: string;
  encryption: 'aes-256-gcm' | 'none';
  root_key_ids: string[];
  url: string;
  pinned_at: Time;
}

export interface SchemaMigrationsTable {
  name: string;
  /** null: applied by another tool; `cofre db migrate` fills it in. */
  checksum: string | null;
  applied_at: Time;
}

export interface AdminUsersTable {
  user_id: string;
  email: string | null;
  created_at: Time;
  created_by: string | null;
  created_by_name: string | null;
}

export type SettingsScope = 'global' | 'module' | 'implementation';

export interface BackupSettingsTable {
  scope: SettingsScope;
  /** The implementation or module; the nil UUID for the global row. */
  subject_id: string;
  /** `backupSettings` of the contracts, without what is inherited. */
  settings: ColumnType<Record<string, unknown>, string | undefined, string>;
  revision: Generated<number>;
  created_at: Time;
  updated_at: Time;
  updated_by: string | null;
  updated_by_name: string | null;
}

export interface PlansTable {
  id: string;
  backup_id: string;
  implementation_id: string;
  module_slug: string;
  implementation_key: string;
  mode: RestoreMode;
  fingerprint: string;
  applicable: boolean;
  summary: ColumnType<Record<string, unknown>, string | undefined, string>;
  created_at: Time;
  created_by: string | null;
  created_by_name: string | null;
  expires_at: Date;
}

export type JobState = 'waiting' | 'running' | 'completed' | 'failed' | 'canceled' | 'deferred';

export interface JobsTable {
  id: string;
  kind: string;
  state: Generated<JobState>;
  implementation_id: string | null;
  module_slug: string | null;
  implementation_key: string | null;
  backup_id: string | null;
  input: ColumnType<Record<string, unknown>, string | undefined, string>;
  result: NullableJson<Record<string, unknown>>;
  error: NullableJson<ErrorDocument>;
  attempts: Generated<number>;
  /** The same key twice while one waits or runs is refused by a unique index. */
  singleton_key: string | null;
  needs_worker: Generated<boolean>;
  created_at: Time;
  created_by: string | null;
  created_by_name: string | null;
  actor: ColumnType<Record<string, unknown>, string | undefined, string>;
  run_after: Time;
  started_at: Date | null;
  ended_at: Date | null;
  cancel_requested_at: Date | null;
  worker_id: string | null;
  heartbeat_at: Date | null;
}

export interface JobProgressTable {
  job_id: string;
  phase: string;
  table_name: string | null;
  rows: Generated<number>;
  rows_total: number | null;
  bytes: Generated<number>;
  elapsed_ms: Generated<number>;
  updated_at: Time;
}

export interface WorkersTable {
  id: string;
  name: string;
  version: string;
  started_at: Time;
  seen_at: Time;
}

/** What viewers may see of jobs, with their progress; `error` is null for them. */
export interface JobListView
  extends Pick<
    JobsTable,
    | 'id'
    | 'kind'
    | 'state'
    | 'implementation_id'
    | 'module_slug'
    | 'implementation_key'
    | 'backup_id'
    | 'attempts'
    | 'needs_worker'
    | 'created_at'
    | 'created_by'
    | 'created_by_name'
    | 'started_at'
    | 'ended_at'
    | 'cancel_requested_at'
    | 'error'
  > {
  phase: string | null;
  table_name: string | null;
  rows: number | null;
  rows_total: number | null;
  bytes: number | null;
  elapsed_ms: number | null;
  progress_at: Date | null;
}

export interface AuditLogsView {
  id: Generated<string>;
  created_at: Time;
  action: string;
  outcome: Generated<'done' | 'refused' | 'failed'>;
  user_id: string | null;
  actor_kind: 'nobody' | 'person' | 'operator' | 'service';
  actor_name: string;
  implementation_id: string | null;
  module_slug: string | null;
  implementation_key: string | null;
  backup_id: string | null;
  resource_type: string | null;
  resource_id: string | null;
  details: ColumnType<Record<string, unknown>, string | undefined, string>;
}

export interface AdminNotificationsView {
  id: Generated<string>;
  created_at: Time;
  updated_at: Time;
  kind: string;
  severity: Generated<'info' | 'warning' | 'error'>;
  /** While unread, what has the same key is one notification that counts. */
  dedupe_key: string;
  params: ColumnType<Record<string, unknown>, string | undefined, string>;
  occurrences: Generated<number>;
  implementation_id: string | null;
  read_at: Date | null;
  read_by: string | null;
  read_by_name: string | null;
}

/** Empty for who is neither administrator nor the service. */
export interface BackupPrivateView {
  id: string;
  error: NullableJson<ErrorDocument>;
  backup_data: NullableJson<Record<string, unknown>>;
  held_reason: string | null;
  proof: NullableJson<Record<string, unknown>>;
}

export interface ProbeFacts {
  readonly used: boolean;
  readonly reason?: string;
}

export interface ModuleBackupsTable {
  id: Generated<string>;
  /** null: the implementation was deleted. */
  implementation_id: string | null;
  backup_type: BackupType;
  backup_data: ColumnType<Record<string, unknown> | null, string | null | undefined, string | null>;
  file_path: string | null;
  size_bytes: number | null;
  created_at: Time;
  created_by: string | null;
  expires_at: Date | null;
  metadata: ColumnType<Record<string, unknown> | null, string | undefined, string>;
  /** These three are null only in rows that an application had before it had Cofre. */
  source_implementation_id: string | null;
  module_slug: string | null;
  implementation_key: string | null;
  status: Generated<BackupStatus>;
  parent_id: string | null;
  description: string | null;
  created_by_name: string | null;
  completed_at: Date | null;
  verified_at: Date | null;
  held: Generated<boolean>;
  safety: Generated<boolean>;
  checksum: string | null;
  compression: Compression | null;
  encrypted: Generated<boolean>;
  repository_id: string | null;
  stats: ColumnType<BackupStats | null, string | null | undefined, string | null>;
  probe: ColumnType<ProbeFacts | null, string | null | undefined, string | null>;
  error: ColumnType<ErrorDocument | null, string | null | undefined, string | null>;
  deleted_at: Date | null;
  /** 'policy': computed from the settings, and again when they change. */
  expiry_source: Generated<'explicit' | 'policy'>;
  origin: Generated<'manual' | 'scheduled' | 'safety' | 'imported'>;
  job_id: string | null;
  held_at: Date | null;
  held_by: string | null;
  held_by_name: string | null;
  held_reason: string | null;
  /** The newest proof by restoring into a scratch schema. */
  proven_at: Date | null;
  proof: NullableJson<Record<string, unknown>>;
  kept_because: string | null;
  /** Since when its manifest is not in the repository. */
  missing_at: Date | null;
}
