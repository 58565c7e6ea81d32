import {
  type BackupDocument,
  type BackupId,
  type BackupStats,
  backupId,
  backupOrigin,
  backupStats,
  backupType,
  CofreError,
  implementationId,
} from '@cofre/contracts';
import type { Manifest, Repository } from '@cofre/engine';
import type { Selectable } from 'kysely';
import { idRange } from '../catalogue/id-prefix.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ModuleBackupsTable } from '../catalogue/schema.ts';

/** Everything but `backup_data`, which may be a megabyte. */
export type BackupRow = Pick<Selectable<ModuleBackupsTable>, (typeof COLUMNS)[number] | 'error' | 'held_reason'>;

const COLUMNS = [
  'id',
  'implementation_id',
  'backup_type',
  'file_path',
  'size_bytes',
  'created_at',
  'created_by',
  'expires_at',
  'metadata',
  'source_implementation_id',
  'module_slug',
  'implementation_key',
  'status',
  'parent_id',
  'description',
  'created_by_name',
  'completed_at',
  'verified_at',
  'held',
  'safety',
  'checksum',
  'compression',
  'encrypted',
  'repository_id',
  'stats',
  'probe',
  'deleted_at',
  'expiry_source',
  'origin',
  'held_at',
  'held_by_name',
  'proven_at',
  'kept_because',
  'missing_at',
] as const satisfies readonly (keyof ModuleBackupsTable)[];

/** Rows of ours that are not being deleted: an application's own rows of former times name no module. */
export function backupQuery(catalogue: Catalogue) {
  return (
    catalogue
      .selectFrom('public.module_backups as b')
      .select(COLUMNS)
      // Not granted to people as columns; the view shows them to administrators and the service.
      .select((eb) => [
        eb.selectFrom('cofre.v_backup_private as p').whereRef('p.id', '=', 'b.id').select('p.error').as('error'),
        eb
          .selectFrom('cofre.v_backup_private as p')
          .whereRef('p.id', '=', 'b.id')
          .select('p.held_reason')
          .as('held_reason'),
      ])
      .where('b.module_slug', 'is not', null)
      .where('b.source_implementation_id', 'is not', null)
      .where('b.deleted_at', 'is', null)
  );
}

/**
 * A backup by its id, a unique prefix of it, or as the latest completed one that is there (safety backups, which restores make by
 * themselves, are never the latest). Throws `backup/not-found` or `backup/ambiguous`.
 */
export async function findBackup(catalogue: Catalogue, reference: string): Promise<BackupRow> {
  const [word, type] = reference.split(':');
  if (word === 'latest') return findLatest(catalogue, reference, type);
  const range = idRange(reference);
  if (range === null) throw backupNotFound(reference);
  const rows = await backupQuery(catalogue)
    .where('b.id', '>=', range.first)
    .where('b.id', '<=', range.last)
    .limit(2)
    .execute();
  const [row, another] = rows;
  if (row === undefined) throw backupNotFound(reference);
  if (another !== undefined) {
    throw new CofreError('backup/ambiguous', `More than one backup begins with ${reference}. Nothing was started.`, {
      params: { reference },
    });
  }
  return row;
}

async function findLatest(catalogue: Catalogue, reference: string, type: string | undefined): Promise<BackupRow> {
  let query = backupQuery(catalogue)
    .where('b.status', '=', 'completed')
    .where('b.safety', '=', false)
    .where('b.missing_at', 'is', null);
  if (type !== undefined) query = query.where('b.backup_type', '=', backupType.parse(type));
  const row = await query.orderBy('b.created_at', 'desc').orderBy('b.id', 'desc').limit(1).executeTakeFirst();
  if (row === undefined) throw backupNotFound(reference);
  return row;
}

export function backupNotFound(reference: string): CofreError {
  return new CofreError('backup/not-found', `There is no backup ${reference}.`, { params: { reference } });
}

/** What of a backup's row is needed to find its manifest. */
export type ManifestRow = Pick<BackupRow, 'id' | 'status' | 'checksum' | 'repository_id' | 'source_implementation_id'>;

/** The manifest of a completed backup. Throws `backup/not-restorable`, or `repository/identity-changed` for one of another repository. */
export async function readManifestOf(repository: Repository, row: ManifestRow): Promise<Manifest> {
  if (row.status !== 'completed') {
    throw new CofreError('backup/not-restorable', `The backup ${row.id} did not complete: it is ${row.status}.`, {
      params: { backupId: row.id, status: row.status },
    });
  }
  if (row.repository_id !== repository.id) {
    throw new CofreError(
      'repository/identity-changed',
      `The backup ${row.id} lies in the repository ${row.repository_id}, and ${repository.store.url} is ${repository.id}.`,
      { params: { backupId: row.id, repositoryId: row.repository_id ?? '' } },
    );
  }
  const { checksum } = row;
  return repository.readManifest(implementationId.parse(row.source_implementation_id), toBackupId(row.id), {
    checksum,
  });
}

const NO_STATS: BackupStats = {
  tables: 0,
  rows: 0,
  rowsRead: 0,
  rowsChanged: 0,
  bytesRaw: 0,
  bytesStored: 0,
  blocksNew: 0,
  blocksReused: 0,
  durationMs: 0,
};

export function toBackupDocument(row: BackupRow): BackupDocument {
  return {
    id: toBackupId(row.id),
    implementation: {
      id: implementationId.parse(row.source_implementation_id),
      module: row.module_slug ?? '',
      key: row.implementation_key ?? '',
    },
    type: row.backup_type,
    status: row.status,
    parentId: row.parent_id === null ? null : toBackupId(row.parent_id),
    createdAt: row.created_at.toISOString(),
    completedAt: row.completed_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
    held: row.held,
    description: row.description,
    createdBy: row.created_by_name,
    stats: row.stats === null ? NO_STATS : backupStats.parse(row.stats),
    probe: row.probe ?? { used: false },
    checksum: row.checksum,
    encrypted: row.encrypted,
    compression: row.compression ?? 'none',
    filePath: row.file_path,
    verifiedAt: row.verified_at?.toISOString() ?? null,
    provenAt: row.proven_at?.toISOString() ?? null,
    origin: row.safety ? 'safety' : backupOrigin.parse(row.origin),
    heldBy: row.held_by_name,
    heldAt: row.held_at?.toISOString() ?? null,
    heldReason: row.held_reason,
    keptBecause: row.kept_because,
    ...(row.missing_at === null ? {} : { missingAt: row.missing_at.toISOString() }),
    ...(row.error === null ? {} : { error: row.error }),
  };
}

function toBackupId(id: string): BackupId {
  return backupId.parse(id);
}
