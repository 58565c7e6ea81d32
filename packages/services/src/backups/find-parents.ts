import { type BackupType, type ImplementationRef, isCofreError } from '@cofre/contracts';
import { inLanes, type Manifest, type Outcome, type Repository } from '@cofre/engine';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, type ManifestRow, readManifestOf } from './find-backup.ts';

export interface Parents {
  /** The newest backup of everything, on which the new one builds; null: there is none that can be read. */
  readonly whole: Manifest | null;
  /** All whose ranges and blocks may be taken over, the newest first. */
  readonly all: readonly Manifest[];
  /** Backups that could not be read, so that an older one, or none, is built on. */
  readonly unreadable: readonly string[];
}

export interface WantedParents {
  readonly ref: ImplementationRef;
  /** Of the backup to come. */
  readonly type: BackupType;
}

export const NO_PARENTS: Parents = { whole: null, all: [], unreadable: [] };

/** How many damaged ones are passed over before everything is stored anew: each costs a read that fails. */
const CANDIDATES_MAX = 8;

/**
 * The earlier backups of an implementation that a new one takes ranges and unchanged blocks from. A differential builds on
 * the newest full, whatever came after it.
 */
export async function findParents(
  context: ServiceContext,
  repository: Repository,
  { ref: implementation, type }: WantedParents,
): Promise<Parents> {
  const earlier = backupQuery(context.catalogue)
    .where('b.source_implementation_id', '=', implementation.id)
    .where('b.repository_id', '=', repository.id)
    .where('b.status', '=', 'completed')
    .where('b.missing_at', 'is', null);
  const rows = await (type === 'differential' ? earlier.where('b.backup_type', '=', 'full') : earlier)
    // A safety backup holds what a restore took away: after it the rows are again as in those before.
    .orderBy('b.safety', 'asc')
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .limit(CANDIDATES_MAX)
    .execute();
  const unreadable: string[] = [];
  const all: Manifest[] = [];
  for (const row of rows) {
    const manifest = await readIfWhole(repository, row);
    if (manifest === null) unreadable.push(row.id);
    else if (all.length === 0 || manifest.type !== 'config_only') all.push(manifest);
    if (manifest !== null && manifest.type !== 'config_only') return { whole: manifest, all, unreadable };
  }
  return { whole: null, all, unreadable };
}

/** Manifests that are read at the same time. */
const LANES = 8;

/** The same of several implementations, by the id of each: one look into the catalogue, and mostly one manifest for each. */
export async function findParentsOfMany(
  context: ServiceContext,
  repository: Repository,
  wanted: readonly WantedParents[],
): Promise<ReadonlyMap<string, Outcome<Parents>>> {
  const rows = await context.catalogue
    .selectFrom('public.module_backups as b')
    .distinctOn('b.source_implementation_id')
    .select(['b.id', 'b.status', 'b.checksum', 'b.backup_type', 'b.repository_id', 'b.source_implementation_id'])
    .where(
      'b.source_implementation_id',
      'in',
      wanted.map(({ ref }) => ref.id),
    )
    .where('b.module_slug', 'is not', null)
    .where('b.deleted_at', 'is', null)
    .where('b.repository_id', '=', repository.id)
    .where('b.status', '=', 'completed')
    .where('b.missing_at', 'is', null)
    .orderBy('b.source_implementation_id')
    .orderBy('b.safety', 'asc')
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .execute();
  const newest = new Map(rows.map((row) => [row.source_implementation_id, row]));
  const found = await inLanes(LANES, wanted, async (one): Promise<Parents> => {
    const row = newest.get(one.ref.id);
    if (row === undefined) return NO_PARENTS;
    const builds = row.backup_type === 'full' || (row.backup_type !== 'config_only' && one.type !== 'differential');
    const manifest = builds ? await readIfWhole(repository, row) : null;
    // What it builds on is not its newest, or that one cannot be read: every candidate is looked at.
    if (manifest === null) return findParents(context, repository, one);
    return { whole: manifest, all: [manifest], unreadable: [] };
  });
  return new Map(found.map((parents, index) => [wanted[index]?.ref.id ?? '', parents]));
}

async function readIfWhole(repository: Repository, row: ManifestRow): Promise<Manifest | null> {
  try {
    return await readManifestOf(repository, row);
  } catch (error) {
    if (isCofreError(error, 'repository/damaged') || isCofreError(error, 'repository/object-missing')) return null;
    throw error;
  }
}
