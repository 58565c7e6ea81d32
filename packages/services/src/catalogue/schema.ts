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
  'cofre.administrators': AdministratorsTable;
  'public.module_backups': ModuleBackupsTable;
}

/** Set by the database where it is left out. */
type Time = Generated<Date>;

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
}

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

export interface AdministratorsTable {
  user_id: string;
  created_at: Time;
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
}
