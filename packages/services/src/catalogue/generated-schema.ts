/** Made by `./script/build-types` from the migrated database; the tests compare. */
import type { ColumnType } from "kysely";

export type CofreBackupSettingsScope = "global" | "implementation" | "module";

export type CofreJobsState = "canceled" | "completed" | "deferred" | "failed" | "running" | "waiting";

export type CofrePlansMode = "exact" | "merge" | "missing";

export type CofreRepositoryPinEncryption = "aes-256-gcm" | "none";

export type CofreRestoresMode = "exact" | "merge" | "missing";

export type CofreRestoresPurpose = "restore" | "undo";

export type CofreRestoresStatus = "completed" | "failed";

export type Generated<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S, I | undefined, U>
  : ColumnType<T, T | undefined, T>;

export type PublicAdminNotificationsSeverity = "error" | "info" | "warning";

export type PublicAuditLogsActorKind = "nobody" | "operator" | "person" | "service";

export type PublicAuditLogsOutcome = "done" | "failed" | "refused";

export type PublicModuleBackupsBackupType = "config_only" | "differential" | "full" | "incremental";

export type PublicModuleBackupsExpirySource = "explicit" | "policy";

export type PublicModuleBackupsOrigin = "imported" | "manual" | "safety" | "scheduled";

export type PublicModuleBackupsStatus = "canceled" | "completed" | "failed" | "pending" | "running";

export interface CofreAdminUsers {
  created_at: Generated<Date>;
  created_by: string | null;
  created_by_name: string | null;
  email: string | null;
  user_id: string;
}

export interface CofreBackupSettings {
  created_at: Generated<Date>;
  revision: Generated<number>;
  scope: CofreBackupSettingsScope;
  settings: Generated<ColumnType<object, string, string>>;
  subject_id: string;
  updated_at: Generated<Date>;
  updated_by: string | null;
  updated_by_name: string | null;
}

export interface CofreImplementationSettings {
  backup_scope: ColumnType<object, string, string> | null;
  claimed_by: string | null;
  claimed_until: Date | null;
  created_at: Generated<Date>;
  deleted_at: Date | null;
  failures: Generated<number>;
  held: Generated<boolean>;
  held_at: Date | null;
  held_by: string | null;
  held_by_name: string | null;
  implementation_id: string;
  last_error: ColumnType<object, string, string> | null;
  last_scheduled_at: Date | null;
  needs_worker: Generated<boolean>;
  next_backup_at: Date | null;
  retry_at: Date | null;
  updated_at: Generated<Date>;
}

export interface CofreJobProgress {
  bytes: Generated<number>;
  elapsed_ms: Generated<number>;
  job_id: string;
  phase: string;
  rows: Generated<number>;
  rows_total: number | null;
  table_name: string | null;
  updated_at: Generated<Date>;
}

export interface CofreJobs {
  actor: Generated<ColumnType<object, string, string>>;
  attempts: Generated<number>;
  backup_id: string | null;
  cancel_requested_at: Date | null;
  created_at: Generated<Date>;
  created_by: string | null;
  created_by_name: string | null;
  ended_at: Date | null;
  error: ColumnType<object, string, string> | null;
  heartbeat_at: Date | null;
  id: string;
  implementation_id: string | null;
  implementation_key: string | null;
  input: Generated<ColumnType<object, string, string>>;
  kind: string;
  module_slug: string | null;
  needs_worker: Generated<boolean>;
  result: ColumnType<object, string, string> | null;
  run_after: Generated<Date>;
  singleton_key: string | null;
  started_at: Date | null;
  state: Generated<CofreJobsState>;
  worker_id: string | null;
}

export interface CofreLineage {
  backup_id: string;
  created_at: Generated<Date>;
  xact_id: string;
}

export interface CofreModuleDefinitions {
  created_at: Generated<Date>;
  definition: ColumnType<object, string, string>;
  module_id: string;
  revision: Generated<number>;
  source: string;
  updated_at: Generated<Date>;
  updated_by_name: string | null;
}

export interface CofrePlans {
  applicable: boolean;
  backup_id: string;
  created_at: Generated<Date>;
  created_by: string | null;
  created_by_name: string | null;
  expires_at: Date;
  fingerprint: string;
  id: string;
  implementation_id: string;
  implementation_key: string;
  mode: CofrePlansMode;
  module_slug: string;
  summary: Generated<ColumnType<object, string, string>>;
}

export interface CofreRepositoryPin {
  encryption: CofreRepositoryPinEncryption;
  kit_taken_at: Date | null;
  kit_taken_by_name: string | null;
  only_row: Generated<boolean>;
  pinned_at: Generated<Date>;
  repository_id: string;
  root_key_ids: string[];
  url: string;
}

export interface CofreRestores {
  backup_id: string;
  created_at: Generated<Date>;
  created_by: string | null;
  created_by_name: string | null;
  duration_ms: Generated<number>;
  error: ColumnType<object, string, string> | null;
  evidence: ColumnType<object, string, string> | null;
  id: string;
  implementation_id: string;
  implementation_key: string;
  job_id: string | null;
  mode: CofreRestoresMode;
  module_slug: string;
  plan_id: string;
  purpose: CofreRestoresPurpose;
  safety_backup_id: string | null;
  status: CofreRestoresStatus;
  tables: Generated<ColumnType<object, string, string>>;
  undo_of: string | null;
  undone_by: string | null;
  verified: Generated<boolean>;
}

export interface CofreSchemaMigrations {
  applied_at: Generated<Date>;
  checksum: string | null;
  name: string;
}

export interface CofreVAdminNotifications {
  created_at: Date | null;
  dedupe_key: string | null;
  id: string | null;
  implementation_id: string | null;
  kind: string | null;
  occurrences: number | null;
  params: ColumnType<object, string, string> | null;
  read_at: Date | null;
  read_by: string | null;
  read_by_name: string | null;
  severity: string | null;
  updated_at: Date | null;
}

export interface CofreVAuditLogs {
  action: string | null;
  actor_kind: string | null;
  actor_name: string | null;
  backup_id: string | null;
  created_at: Date | null;
  details: ColumnType<object, string, string> | null;
  id: string | null;
  implementation_id: string | null;
  implementation_key: string | null;
  module_slug: string | null;
  outcome: string | null;
  resource_id: string | null;
  resource_type: string | null;
  user_id: string | null;
}

export interface CofreVBackupPrivate {
  backup_data: ColumnType<object, string, string> | null;
  error: ColumnType<object, string, string> | null;
  held_reason: string | null;
  id: string | null;
  proof: ColumnType<object, string, string> | null;
}

export interface CofreVBaseModules {
  description: string | null;
  id: string | null;
  name: string | null;
  slug: string | null;
}

export interface CofreVJobList {
  attempts: number | null;
  backup_id: string | null;
  bytes: number | null;
  cancel_requested_at: Date | null;
  created_at: Date | null;
  created_by: string | null;
  created_by_name: string | null;
  elapsed_ms: number | null;
  ended_at: Date | null;
  error: ColumnType<object, string, string> | null;
  id: string | null;
  implementation_id: string | null;
  implementation_key: string | null;
  kind: string | null;
  module_slug: string | null;
  needs_worker: boolean | null;
  phase: string | null;
  progress_at: Date | null;
  rows: number | null;
  rows_total: number | null;
  started_at: Date | null;
  state: string | null;
  table_name: string | null;
}

export interface CofreVJobPrivate {
  actor: ColumnType<object, string, string> | null;
  error: ColumnType<object, string, string> | null;
  id: string | null;
  input: ColumnType<object, string, string> | null;
  result: ColumnType<object, string, string> | null;
}

export interface CofreVModuleImplementations {
  config: ColumnType<object, string, string> | null;
  id: string | null;
  is_active: boolean | null;
  key: string | null;
  module_id: string | null;
  name: string | null;
  version: string | null;
}

export interface CofreVRestoreList {
  backup_id: string | null;
  created_at: Date | null;
  created_by: string | null;
  created_by_name: string | null;
  duration_ms: number | null;
  error: ColumnType<object, string, string> | null;
  id: string | null;
  implementation_id: string | null;
  implementation_key: string | null;
  job_id: string | null;
  mode: string | null;
  module_slug: string | null;
  plan_id: string | null;
  purpose: string | null;
  safety_backup_id: string | null;
  status: string | null;
  tables: ColumnType<object, string, string> | null;
  undo_of: string | null;
  undone_by: string | null;
  verified: boolean | null;
}

export interface CofreVRestorePrivate {
  error: ColumnType<object, string, string> | null;
  evidence: ColumnType<object, string, string> | null;
  id: string | null;
}

export interface CofreVTenantModuleAssignments {
  custom_config: ColumnType<object, string, string> | null;
  id: string | null;
  implementation_id: string | null;
  is_active: boolean | null;
  tenant_id: string | null;
}

export interface CofreVTenants {
  id: string | null;
  name: string | null;
  slug: string | null;
}

export interface CofreWorkers {
  id: string;
  name: string;
  seen_at: Generated<Date>;
  started_at: Generated<Date>;
  version: string;
}

export interface PublicAdminNotifications {
  created_at: Generated<Date>;
  dedupe_key: string;
  id: Generated<string>;
  implementation_id: string | null;
  kind: string;
  occurrences: Generated<number>;
  params: Generated<ColumnType<object, string, string>>;
  read_at: Date | null;
  read_by: string | null;
  read_by_name: string | null;
  severity: Generated<PublicAdminNotificationsSeverity>;
  updated_at: Generated<Date>;
}

export interface PublicAuditLogs {
  action: string;
  actor_kind: PublicAuditLogsActorKind;
  actor_name: string;
  backup_id: string | null;
  created_at: Generated<Date>;
  details: Generated<ColumnType<object, string, string>>;
  id: Generated<string>;
  implementation_id: string | null;
  implementation_key: string | null;
  module_slug: string | null;
  outcome: Generated<PublicAuditLogsOutcome>;
  resource_id: string | null;
  resource_type: string | null;
  user_id: string | null;
}

export interface PublicBaseModules {
  created_at: Generated<Date>;
  description: string | null;
  id: Generated<string>;
  is_active: Generated<boolean>;
  name: string;
  slug: string;
  updated_at: Generated<Date>;
}

export interface PublicModuleBackups {
  backup_data: ColumnType<object, string, string> | null;
  backup_type: PublicModuleBackupsBackupType;
  checksum: string | null;
  completed_at: Date | null;
  compression: string | null;
  created_at: Generated<Date>;
  created_by: string | null;
  created_by_name: string | null;
  deleted_at: Date | null;
  description: string | null;
  encrypted: Generated<boolean>;
  error: ColumnType<object, string, string> | null;
  expires_at: Date | null;
  expiry_source: Generated<PublicModuleBackupsExpirySource>;
  file_path: string | null;
  held: Generated<boolean>;
  held_at: Date | null;
  held_by: string | null;
  held_by_name: string | null;
  held_reason: string | null;
  id: Generated<string>;
  implementation_id: string | null;
  implementation_key: string | null;
  job_id: string | null;
  kept_because: string | null;
  metadata: Generated<ColumnType<object, string, string> | null>;
  missing_at: Date | null;
  module_slug: string | null;
  origin: Generated<PublicModuleBackupsOrigin>;
  parent_id: string | null;
  probe: ColumnType<object, string, string> | null;
  proof: ColumnType<object, string, string> | null;
  proven_at: Date | null;
  repository_id: string | null;
  safety: Generated<boolean>;
  size_bytes: number | null;
  source_implementation_id: string | null;
  stats: ColumnType<object, string, string> | null;
  status: Generated<PublicModuleBackupsStatus>;
  verified_at: Date | null;
}

export interface PublicModuleImplementations {
  config: Generated<ColumnType<object, string, string>>;
  created_at: Generated<Date>;
  id: Generated<string>;
  is_active: Generated<boolean>;
  key: string;
  module_id: string;
  name: string;
  updated_at: Generated<Date>;
  version: string | null;
}

export interface PublicTenantModuleAssignments {
  created_at: Generated<Date>;
  custom_config: Generated<ColumnType<object, string, string>>;
  id: Generated<string>;
  implementation_id: string;
  is_active: Generated<boolean>;
  tenant_id: string;
  updated_at: Generated<Date>;
}

export interface PublicTenants {
  created_at: Generated<Date>;
  id: Generated<string>;
  is_active: Generated<boolean>;
  name: string;
  slug: string;
  updated_at: Generated<Date>;
}

export interface DB {
  "cofre.admin_users": CofreAdminUsers;
  "cofre.backup_settings": CofreBackupSettings;
  "cofre.implementation_settings": CofreImplementationSettings;
  "cofre.job_progress": CofreJobProgress;
  "cofre.jobs": CofreJobs;
  "cofre.lineage": CofreLineage;
  "cofre.module_definitions": CofreModuleDefinitions;
  "cofre.plans": CofrePlans;
  "cofre.repository_pin": CofreRepositoryPin;
  "cofre.restores": CofreRestores;
  "cofre.schema_migrations": CofreSchemaMigrations;
  "cofre.v_admin_notifications": CofreVAdminNotifications;
  "cofre.v_audit_logs": CofreVAuditLogs;
  "cofre.v_backup_private": CofreVBackupPrivate;
  "cofre.v_base_modules": CofreVBaseModules;
  "cofre.v_job_list": CofreVJobList;
  "cofre.v_job_private": CofreVJobPrivate;
  "cofre.v_module_implementations": CofreVModuleImplementations;
  "cofre.v_restore_list": CofreVRestoreList;
  "cofre.v_restore_private": CofreVRestorePrivate;
  "cofre.v_tenant_module_assignments": CofreVTenantModuleAssignments;
  "cofre.v_tenants": CofreVTenants;
  "cofre.workers": CofreWorkers;
  "public.admin_notifications": PublicAdminNotifications;
  "public.audit_logs": PublicAuditLogs;
  "public.base_modules": PublicBaseModules;
  "public.module_backups": PublicModuleBackups;
  "public.module_implementations": PublicModuleImplementations;
  "public.tenant_module_assignments": PublicTenantModuleAssignments;
  "public.tenants": PublicTenants;
}
