import { z } from 'zod';
import { definition, rootKey } from './definition.ts';
import { backupId, implementationId, planId, repositoryId, restoreId } from './ids.ts';

/** The JSON that edges print and programs rely on (`surface.md`, *JSON*). Sizes are bytes, times ISO 8601 in UTC. */

export const backupType = z.enum(['full', 'incremental', 'differential', 'config_only']);
export type BackupType = z.infer<typeof backupType>;

export const compression = z.enum(['zstd', 'gzip', 'none']);
export type Compression = z.infer<typeof compression>;

export const backupStatus = z.enum(['pending', 'running', 'completed', 'failed', 'canceled']);
export type BackupStatus = z.infer<typeof backupStatus>;

const count = z.int().nonnegative();

export const backupStats = z.strictObject({
  tables: count,
  rows: count,
  rowsRead: count,
  rowsChanged: count,
  bytesRaw: count,
  bytesStored: count,
  blocksNew: count,
  blocksReused: count,
  durationMs: count,
});
export type BackupStats = z.infer<typeof backupStats>;

export const implementationRef = z.strictObject({ id: implementationId, module: z.string(), key: z.string() });
export type ImplementationRef = z.infer<typeof implementationRef>;

export const errorDocument = z.strictObject({
  code: z.string(),
  params: z.record(z.string(), z.unknown()),
  message: z.string(),
  hint: z.string(),
});
export type ErrorDocument = z.infer<typeof errorDocument>;

/** What made it. `safety`: a restore, before it wrote. */
export const backupOrigin = z.enum(['manual', 'scheduled', 'safety', 'imported']);
export type BackupOrigin = z.infer<typeof backupOrigin>;

export const backupDocument = z.strictObject({
  id: backupId,
  implementation: implementationRef,
  type: backupType,
  status: backupStatus,
  parentId: backupId.nullable(),
  createdAt: z.iso.datetime(),
  completedAt: z.iso.datetime().nullable(),
  expiresAt: z.iso.datetime().nullable(),
  held: z.boolean(),
  description: z.string().nullable(),
  createdBy: z.string().nullable(),
  stats: backupStats,
  probe: z.strictObject({ used: z.boolean(), reason: z.string().optional() }),
  checksum: z.string().nullable(),
  encrypted: z.boolean(),
  compression,
  filePath: z.string().nullable(),
  verifiedAt: z.iso.datetime().nullable(),
  /** When it was last restored into a scratch schema and found whole. */
  provenAt: z.iso.datetime().nullable(),
  origin: backupOrigin,
  /** Who holds it and since when; null: nobody, or it was held before that was written down. The reason is for administrators. */
  heldBy: z.string().nullable(),
  heldAt: z.iso.datetime().nullable(),
  heldReason: z.string().nullable(),
  /** Its end has passed, and clean-up left it: why. */
  keptBecause: z.string().nullable(),
  /** Since when it is known that its manifest is not in the repository: it cannot be restored. Absent: it is there. */
  missingAt: z.iso.datetime().optional(),
  error: errorDocument.optional(),
});
export type BackupDocument = z.infer<typeof backupDocument>;

export const restoreMode = z.enum(['merge', 'exact', 'missing']);
export type RestoreMode = z.infer<typeof restoreMode>;

/** Why a row or table of a plan cannot be applied as it stands. */
export const conflictKind = z.enum([
  'moved', // the key lives outside the slice now
  'unique', // another row holds a value that must be unique
  'parent-missing', // a row that is pointed at no longer exists
  'drift', // a type changed so that a value does not fit, or a required column is new
  'generated', // a GENERATED ALWAYS column differs and cannot be written
  'triggers', // a trigger cannot be kept from firing
  'unsupported', // the table cannot be written by this role or version
]);
export type ConflictKind = z.infer<typeof conflictKind>;

export const planRow = z.strictObject({
  op: z.enum(['insert', 'update', 'delete']),
  /** Column → value as PostgreSQL's text, NULL as null. Empty for a table with no key. */
  key: z.record(z.string(), z.string().nullable()),
  before: z.record(z.string(), z.string().nullable()).nullable(),
  after: z.record(z.string(), z.string().nullable()).nullable(),
});
export type PlanRow = z.infer<typeof planRow>;

export const planTableDocument = z.strictObject({
  table: z.string(),
  inserts: count,
  updates: count,
  deletes: count,
  unchanged: count,
  /** Live rows that the backup does not have and that stay. */
  kept: count,
  conflicts: z.array(z.strictObject({ kind: conflictKind, count, detail: z.string() })),
  rows: z.array(planRow).optional(),
  /** How many more operations there are than `rows` holds; absent: none. */
  rowsLeftOut: count.optional(),
});
export type PlanTableDocument = z.infer<typeof planTableDocument>;

export const planDocument = z.strictObject({
  id: planId,
  backupId,
  mode: restoreMode,
  fingerprint: z.string(),
  expiresAt: z.iso.datetime(),
  tables: z.array(planTableDocument),
  collateral: z.array(z.strictObject({ table: z.string(), action: z.string(), rows: count })),
  /** Triggers on the tables that are written, and what happens to each. */
  triggers: z.array(z.strictObject({ table: z.string(), trigger: z.string(), fires: z.boolean() })),
  drift: z.array(z.strictObject({ table: z.string(), column: z.string(), kind: z.string(), detail: z.string() })),
  warnings: z.array(z.string()),
  applicable: z.boolean(),
});
export type PlanDocument = z.infer<typeof planDocument>;

export const restoreDocument = z.strictObject({
  id: restoreId,
  planId,
  backupId,
  safetyBackupId: backupId.nullable(),
  status: z.enum(['completed', 'failed']),
  tables: z.array(z.strictObject({ table: z.string(), inserted: count, updated: count, deleted: count })),
  verified: z.boolean(),
  durationMs: count,
});
export type RestoreDocument = z.infer<typeof restoreDocument>;

export const damage = z.strictObject({ object: z.string(), kind: z.string(), backups: z.array(backupId) });
export type Damage = z.infer<typeof damage>;

/** Why a table did not come back from a backup as it went in. */
export const proofFaultKind = z.enum([
  'values', // a value does not fit its column
  'rows', // read again, rows were missing, more, or other ones
  'key', // two rows have the same key
  'unique', // two rows have what must be unique
  'not-null', // a value is missing that must be there
  'foreign-key', // a row has lost the one through which it belongs to the implementation
  'unreadable', // the repository could not give the rows
]);
export type ProofFaultKind = z.infer<typeof proofFaultKind>;

/** What a proof leaves open. */
export const uncheckedKind = z.enum([
  'type', // a type is gone or takes other values today: they were compared as text
  'unique', // a unique or exclusion constraint that could not be made
  'foreign-key', // it points outside of the backup
  'check', // check constraints are the live table's, not the backup's
  'not-null', // the backup does not say whether old rows have a value
  'generated', // generated columns are not in a backup
  'structure', // no table of today fits: no collations, no constraints over expressions
]);
export type UncheckedKind = z.infer<typeof uncheckedKind>;

/** What restoring a backup into a scratch schema gave. */
export const proofDocument = z.strictObject({
  /** null: a table has a fault. */
  provenAt: z.iso.datetime().nullable(),
  tables: z.array(
    z.strictObject({
      table: z.string(),
      rows: count,
      /** Read again, every byte was as it went in. */
      matches: z.boolean(),
      /** `live`: the backup's own facts, and of the table of today what they do not hold. `manifest`: those facts alone. */
      structure: z.enum(['live', 'manifest']),
      fault: z.strictObject({ kind: proofFaultKind, detail: z.string() }).optional(),
    }),
  ),
  notChecked: z.array(
    z.strictObject({
      table: z.string(),
      kind: uncheckedKind,
      /** Of the constraint or column; null: it is about the whole table. */
      name: z.string().nullable(),
      detail: z.string(),
    }),
  ),
  durationMs: count,
  /** Absent: proven. */
  error: errorDocument.optional(),
});
export type ProofDocument = z.infer<typeof proofDocument>;

export const checkDocument = z.strictObject({
  ok: z.boolean(),
  checked: z.strictObject({ backups: count, packs: count, blocks: count, bytes: count }),
  damage: z.array(damage),
  /** `repo check`: whether it was also looked for backups that the catalogue lists and the repository does not hold. */
  comparedWithCatalogue: z.boolean().optional(),
  /** What `backup verify ID --restore` found; absent where it was not asked for, or where bytes were damaged already. */
  proof: proofDocument.optional(),
  /** The same for each implementation's newest backup, with `--all --restore`. */
  proofs: z.array(proofDocument.extend({ backupId, implementation: implementationRef })).optional(),
  /** Implementations whose backup could not be looked at; with `--all --restore`. */
  failed: z.array(z.strictObject({ implementation: z.string(), error: errorDocument })).optional(),
});
export type CheckDocument = z.infer<typeof checkDocument>;

export const diffDocument = z.strictObject({
  from: z.string(),
  to: z.string(),
  tables: z.array(
    z.strictObject({
      table: z.string(),
      inserted: count,
      updated: count,
      deleted: count,
      rows: z.array(planRow).optional(),
      /** How many more rows differ than `rows` holds; absent: none. */
      rowsLeftOut: count.optional(),
    }),
  ),
});
export type DiffDocument = z.infer<typeof diffDocument>;

/** A step of long work, as `--progress json` prints it, one a line. */
export const progressEvent = z.strictObject({
  phase: z.enum(['prepare', 'read', 'store', 'verify', 'plan', 'apply', 'done']),
  table: z.string().optional(),
  rows: count,
  /** Estimated from the planner's statistics; null when unknown. */
  rowsTotal: count.nullable(),
  bytes: count,
  elapsedMs: count,
});
export type ProgressEvent = z.infer<typeof progressEvent>;

/** What `repo init` and `repo info` show. */
export const repositoryDocument = z.strictObject({
  id: repositoryId,
  url: z.string(),
  format: z.int().positive(),
  createdAt: z.iso.datetime(),
  encryption: z.enum(['aes-256-gcm', 'none']),
  compression,
  rootKeyIds: z.array(z.string()),
  keySlots: z.array(
    z.strictObject({
      id: z.string(),
      kind: z.enum(['passphrase', 'key-file']),
      rootKeyId: z.string(),
      createdAt: z.iso.datetime(),
    }),
  ),
});
export type RepositoryDocument = z.infer<typeof repositoryDocument>;

export const implementationDocument = z.strictObject({
  id: implementationId,
  module: z.string(),
  key: z.string(),
  name: z.string(),
  /** The root key: which rows the implementation stands for; null: the module's definition asks for one and it has none. */
  scope: rootKey.nullable(),
  /** Completed ones. */
  backups: count,
  lastBackupAt: z.iso.datetime().nullable(),
  /** When one of its backups was last restored into a scratch schema and found whole. */
  lastProvenAt: z.iso.datetime().nullable(),
  /** When it is backed up by itself next, or should have been; null: by no schedule. */
  nextBackupAt: z.iso.datetime().nullable(),
  /** That time has passed by more than the grace of the settings. */
  overdue: z.boolean(),
  /** Scheduled backups that failed in a row, and by which code the last of them. */
  failures: count,
  lastErrorCode: z.string().nullable(),
  /** That use it now. */
  tenants: count,
  /** Of its slice, as its newest backup of all tables saw it; null: there is none. */
  rows: count.nullable(),
});
export type ImplementationDocument = z.infer<typeof implementationDocument>;

/** One implementation, with who uses it and what its slice consists of. Names and counts, no values of rows. */
export const implementationDetailDocument = implementationDocument.extend({
  /** As the application keeps them; null: it does not. */
  version: z.string().nullable(),
  active: z.boolean().nullable(),
  assignments: z.array(
    z.strictObject({ tenantId: z.string(), slug: z.string(), name: z.string(), active: z.boolean().nullable() }),
  ),
  /** How many more there are than `assignments` holds; absent: none. */
  assignmentsLeftOut: count.optional(),
  /** As the newest backup of all tables saw it; null: there is none. */
  slice: z
    .strictObject({
      backupId,
      takenAt: z.iso.datetime(),
      tables: z.array(
        z.strictObject({ table: z.string(), role: z.enum(['config', 'data']), rows: count, bytes: count }),
      ),
    })
    .nullable(),
  /** Why the slice could not be read from the repository; absent: it was, or there is no backup. */
  sliceError: errorDocument.optional(),
});
export type ImplementationDetailDocument = z.infer<typeof implementationDetailDocument>;

/** The configuration of an implementation as it is now: rows of its tables of role `config`, secrets masked. */
export const configurationDocument = z.strictObject({
  tables: z.array(
    z.strictObject({
      table: z.string(),
      columns: z.array(z.string()),
      secretColumns: z.array(z.string()),
      rows: z.array(z.record(z.string(), z.string().nullable())),
      /** There are more rows than `rows` holds. */
      isCut: z.boolean(),
    }),
  ),
});
export type ConfigurationDocument = z.infer<typeof configurationDocument>;

/** What became of the backups of an implementation, day by day in a time zone, the oldest first. */
export const backupDaysDocument = z.strictObject({
  timeZone: z.string(),
  days: z.array(
    z.strictObject({
      /** `2025-01-31`. */
      date: z.iso.date(),
      completed: count,
      failed: count,
      /** Rows that changed, and bytes that were newly stored, in what completed. Safety backups are in no figure. */
      rowsChanged: count,
      bytesStored: count,
      /** A scheduled backup was due on this day or before, and has not been made. */
      overdue: z.boolean(),
    }),
  ),
  /** How the newest one ended; null: there is none. */
  last: z
    .strictObject({ backupId, status: backupStatus, endedAt: z.iso.datetime(), errorCode: z.string().nullable() })
    .nullable(),
});
export type BackupDaysDocument = z.infer<typeof backupDaysDocument>;

const backupCost = z.strictObject({
  /** What would be read, as the newest backup of the kind did, or else as the database's planner guesses; null: neither tells. */
  read: z.strictObject({ rows: count, bytes: count, from: z.enum(['backup', 'planner']) }).nullable(),
  /** What the last backups of the type found changed and newly stored: the one in the middle of so many; null: there is none. */
  stored: z.strictObject({ rowsChanged: count, bytes: count, backups: count }).nullable(),
});
export type BackupCost = z.infer<typeof backupCost>;

/** What a backup that is made now would cost, by its type. All of it is estimated. */
export const backupEstimateDocument = z.strictObject({
  implementation: implementationRef,
  costs: z.strictObject({
    full: backupCost,
    incremental: backupCost,
    differential: backupCost,
    config_only: backupCost,
  }),
});
export type BackupEstimateDocument = z.infer<typeof backupEstimateDocument>;

export const moduleDocument = z.strictObject({
  slug: z.string(),
  name: z.string(),
  tables: count,
  implementations: count,
  /** Rises by one with each change of the definition; null: the module has none yet. */
  revision: z.int().positive().nullable(),
  updatedAt: z.iso.datetime().nullable(),
});
export type ModuleDocument = z.infer<typeof moduleDocument>;

export const moduleDetailDocument = moduleDocument.extend({
  definition: definition.nullable(),
  /** The document as it was applied, comments and all. */
  source: z.string().nullable(),
  implementationList: z.array(implementationDocument),
});
export type ModuleDetailDocument = z.infer<typeof moduleDetailDocument>;

export const appliedDefinitionDocument = z.strictObject({
  module: z.string(),
  revision: z.int().positive(),
  /** False: the same definition was kept already. */
  changed: z.boolean(),
  tables: count,
  warnings: z.array(z.string()),
});
export type AppliedDefinitionDocument = z.infer<typeof appliedDefinitionDocument>;

/** Rows of a backup's table as people see them: values as PostgreSQL's text, those of secret columns masked. */
export const backupRowsDocument = z.strictObject({
  backupId,
  table: z.string(),
  columns: z.array(z.string()),
  secretColumns: z.array(z.string()),
  /** From the row of this number on, counted from 0. */
  offset: count,
  rows: z.array(z.record(z.string(), z.string().nullable())),
  rowsTotal: count,
});
export type BackupRowsDocument = z.infer<typeof backupRowsDocument>;

/** One entry of `restore list`: the restore, and when and by whom. */
export const restoreEntryDocument = restoreDocument.extend({
  purpose: z.enum(['restore', 'undo']),
  implementation: implementationRef,
  createdAt: z.iso.datetime(),
  createdBy: z.string().nullable(),
  undoOf: restoreId.nullable(),
  undoneBy: restoreId.nullable(),
  error: errorDocument.optional(),
});
export type RestoreEntryDocument = z.infer<typeof restoreEntryDocument>;

export const doctorDocument = z.strictObject({
  ok: z.boolean(),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'failed', 'skipped']),
      message: z.string(),
      hint: z.string().optional(),
    }),
  ),
});
export type DoctorDocument = z.infer<typeof doctorDocument>;

export const migrationsDocument = z.strictObject({
  migrations: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['applied', 'pending']),
      appliedAt: z.iso.datetime().nullable(),
    }),
  ),
});
export type MigrationsDocument = z.infer<typeof migrationsDocument>;
