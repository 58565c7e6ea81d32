import type { BackupStats, Compression, ErrorDocument } from '@cofre/contracts';
import type { ColumnType, JSONColumnType } from 'kysely';
import type * as Made from './generated-schema.ts';
import type { Generated } from './generated-schema.ts';

/**
 * The catalogue as `supabase/migrations` makes it: `generated-schema.ts`, and here what SQL does not say of a column, such
 * as what a JSON document holds. The compiler holds this to the generated types, and `schema.test.ts` that nothing is
 * missing. Times are `Date`s, byte counts are numbers (see `open-catalogue.ts`), JSON goes in as text and comes out parsed.
 */
export interface CatalogueSchema {
  'cofre.v_base_modules': ModulesView;
  'cofre.v_module_implementations': ImplementationsView;
  'cofre.v_tenants': TenantsView;
  'cofre.v_tenant_module_assignments': AssignmentsView;
  'cofre.module_definitions': ModuleDefinitionsTable;
  'cofre.implementation_settings': ImplementationSettingsTable;
  'cofre.lineage': Made.CofreLineage;
  'cofre.restores': RestoresTable;
  'cofre.repository_pin': Made.CofreRepositoryPin;
  'cofre.schema_migrations': Made.CofreSchemaMigrations;
  'cofre.admin_users': AdminUsersTable;
  'cofre.backup_settings': BackupSettingsTable;
  'cofre.plans': PlansTable;
  'cofre.jobs': JobsTable;
  'cofre.job_progress': Made.CofreJobProgress;
  'cofre.workers': Made.CofreWorkers;
  'cofre.v_audit_logs': AuditLogsView;
  'cofre.v_admin_notifications': AdminNotificationsView;
  'cofre.v_backup_private': BackupPrivateView;
  'cofre.v_restore_private': RestorePrivateView;
  'cofre.v_job_private': JobPrivateView;
  'cofre.v_restore_list': RestoreListView;
  'cofre.v_job_list': JobListView;
  'public.module_backups': ModuleBackupsTable;
}

type JsonObject = JSONColumnType<Record<string, unknown>>;

/** PostgreSQL calls every column of a view nullable and without a default; those of the table behind it are what they are there. */
type ViewOf<View, Table> = { [Column in keyof View]: Column extends keyof Table ? Table[Column] : View[Column] };

export type ModulesView = ViewOf<Made.CofreVBaseModules, Made.PublicBaseModules>;

/** Without what an application's own table may leave out, or NULL, where ours may not. */
type CertainColumns<View, Table> = Omit<ViewOf<View, Table>, 'config' | 'custom_config' | 'is_active'>;

export interface ImplementationsView
  extends CertainColumns<Made.CofreVModuleImplementations, Made.PublicModuleImplementations> {
  config: ColumnType<Record<string, unknown> | null, string | undefined, string>;
  is_active: ColumnType<boolean | null, boolean | undefined, boolean>;
}

export type TenantsView = ViewOf<Made.CofreVTenants, Made.PublicTenants>;

export interface AssignmentsView
  extends CertainColumns<Made.CofreVTenantModuleAssignments, Made.PublicTenantModuleAssignments> {
  custom_config: ColumnType<Record<string, unknown> | null, string | undefined, string>;
  is_active: ColumnType<boolean | null, boolean | undefined, boolean>;
}

export interface ModuleDefinitionsTable extends Made.CofreModuleDefinitions {
  definition: JsonObject;
}

export interface ImplementationSettingsTable extends Made.CofreImplementationSettings {
  backup_scope: JSONColumnType<Record<string, string | number | boolean>> | null;
  last_error: JSONColumnType<ErrorDocument> | null;
}

export interface RestoredTable {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface RestoresTable extends Made.CofreRestores {
  tables: Generated<JSONColumnType<readonly RestoredTable[]>>;
  evidence: JsonObject | null;
  error: JSONColumnType<ErrorDocument> | null;
}

/** What viewers may see of restores; `error` is null for them. */
export type RestoreListView = ViewOf<Made.CofreVRestoreList, RestoresTable>;

/** Empty for who is neither administrator nor the service, as all that end in `_private`. */
export type RestorePrivateView = ViewOf<Made.CofreVRestorePrivate, RestoresTable>;

export type AdminUsersTable = Made.CofreAdminUsers;

export type SettingsScope = Made.CofreBackupSettingsScope;

export interface BackupSettingsTable extends Made.CofreBackupSettings {
  /** `backupSettings` of the contracts, without what is inherited. */
  settings: Generated<JsonObject>;
}

export interface PlansTable extends Made.CofrePlans {
  summary: Generated<JsonObject>;
}

export interface JobsTable extends Made.CofreJobs {
  input: Generated<JsonObject>;
  result: JsonObject | null;
  error: JSONColumnType<ErrorDocument> | null;
  actor: Generated<JsonObject>;
}

/** What viewers may see of jobs, with their progress, which is null until there is some; `error` is null for them. */
export type JobListView = ViewOf<Made.CofreVJobList, JobsTable>;

export type JobPrivateView = ViewOf<Made.CofreVJobPrivate, JobsTable>;

export interface AuditLogsView extends ViewOf<Made.CofreVAuditLogs, Made.PublicAuditLogs> {
  details: Generated<JsonObject>;
}

export interface AdminNotificationsView extends ViewOf<Made.CofreVAdminNotifications, Made.PublicAdminNotifications> {
  params: Generated<JsonObject>;
}

export type BackupPrivateView = ViewOf<Made.CofreVBackupPrivate, ModuleBackupsTable>;

export interface ProbeFacts {
  readonly used: boolean;
  readonly reason?: string;
}

export interface ModuleBackupsTable extends Made.PublicModuleBackups {
  backup_data: JsonObject | null;
  metadata: Generated<JsonObject | null>;
  compression: Compression | null;
  stats: JSONColumnType<BackupStats> | null;
  probe: JSONColumnType<ProbeFacts> | null;
  error: JSONColumnType<ErrorDocument> | null;
  proof: JsonObject | null;
}
