import { backupId, implementationId } from '@cofre/contracts';
import { inLanes, manifestPath, type Repository } from '@cofre/engine';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

export interface ListedManifest {
  readonly backupId: string;
  readonly path: string;
}

/** What the store says of the completed backups that the catalogue lists. */
export interface ManifestStandings {
  /** Their manifest is not in the repository. */
  readonly gone: readonly ListedManifest[];
  /** They are marked missing, and their manifest is there again. */
  readonly back: readonly ListedManifest[];
}

/** Implementations that are looked at in one go: as much is in memory at once. */
const IMPLEMENTATIONS_PER_PAGE = 100;
const LANES = 8;

/**
 * Compares the catalogue with the listing of the repository, some implementations at a time. A listing that leaves a
 * manifest out is not believed: it is asked for by its path; nor is a backup gone that is being deleted.
 */
export async function* manifestStandings(
  catalogue: Catalogue,
  repository: Repository,
): AsyncGenerator<ManifestStandings> {
  let after: string | null = null;
  for (;;) {
    const ids: readonly string[] = await implementationIds(catalogue, repository, after);
    const found = await inLanes(LANES, ids, (id) => standingsOf(catalogue, repository, id));
    for (const standings of found) {
      if ('failure' in standings) throw standings.failure;
      yield standings;
    }
    after = ids.at(-1) ?? null;
    if (after === null || ids.length < IMPLEMENTATIONS_PER_PAGE) return;
  }
}

function completedRows(catalogue: Catalogue, repository: Repository) {
  return catalogue
    .selectFrom('public.module_backups')
    .where('source_implementation_id', 'is not', null)
    .where('repository_id', '=', repository.id)
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null);
}

async function implementationIds(
  catalogue: Catalogue,
  repository: Repository,
  after: string | null,
): Promise<readonly string[]> {
  const all = completedRows(catalogue, repository).select('source_implementation_id as id').distinct();
  const rest = after === null ? all : all.where('source_implementation_id', '>', after);
  const rows = await rest.orderBy('source_implementation_id').limit(IMPLEMENTATIONS_PER_PAGE).execute();
  return rows.flatMap(({ id }) => id ?? []);
}

async function standingsOf(
  catalogue: Catalogue,
  repository: Repository,
  implementation: string,
): Promise<ManifestStandings> {
  const rows = await completedRows(catalogue, repository)
    .where('source_implementation_id', '=', implementation)
    .select(['id', 'missing_at'])
    .orderBy('id')
    .execute();
  const listed = new Set<string>();
  for await (const info of repository.listManifests(implementationId.parse(implementation))) listed.add(info.backupId);
  const gone: ListedManifest[] = [];
  const back: ListedManifest[] = [];
  for (const { id, missing_at: missingAt } of rows) {
    const manifest = { backupId: id, path: manifestPath(implementation, backupId.parse(id)) };
    const isThere = listed.has(id) || (await repository.store.stat(manifest.path)) !== null;
    if (!isThere) gone.push(manifest);
    else if (missingAt !== null) back.push(manifest);
  }
  return { gone: await stillListed(catalogue, repository, gone), back };
}

/** A deletion marks the row before the manifest goes: what was deleted since we read the rows is marked, or gone, by now. */
async function stillListed(
  catalogue: Catalogue,
  repository: Repository,
  gone: readonly ListedManifest[],
): Promise<readonly ListedManifest[]> {
  if (gone.length === 0) return [];
  const rows = await completedRows(catalogue, repository)
    .where(sql<boolean>`id = ANY (${gone.map((manifest) => manifest.backupId)}::pg_catalog.uuid[])`)
    .select('id')
    .execute();
  const ids = new Set(rows.map(({ id }) => id));
  return gone.filter((manifest) => ids.has(manifest.backupId));
}
