import { type BackupType, type ImplementationRef, isCofreError } from '@cofre/contracts';
import type { Manifest, Repository } from '@cofre/engine';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, type BackupRow, readManifestOf } from './find-backup.ts';

export interface Parents {
  /** The newest backup of everything, on which the new one builds; null: there is none that can be read. */
  readonly whole: Manifest | null;
  /** All whose ranges and blocks may be taken over, the newest first. */
  readonly all: readonly Manifest[];
  /** Backups that could not be read, so that an older one, or none, is built on. */
  readonly unreadable: readonly string[];
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
  { ref: implementation, type }: { readonly ref: ImplementationRef; readonly type: BackupType },
): Promise<Parents> {
  const earlier = backupQuery(context.catalogue)
    .where('b.source_implementation_id', '=', implementation.id)
    .where('b.repository_id', '=', repository.id)
    .where('b.status', '=', 'completed');
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

async function readIfWhole(repository: Repository, row: BackupRow): Promise<Manifest | null> {
  try {
    return await readManifestOf(repository, row);
  } catch (error) {
    if (isCofreError(error, 'repository/damaged') || isCofreError(error, 'repository/object-missing')) return null;
    throw error;
  }
}
