import { CofreError, type ImportDocument, isCofreError } from '@cofre/contracts';
import { inLanes, type Manifest, type ManifestInfo, manifestPath, type Repository } from '@cofre/engine';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import { completedColumns, recoverInterrupted, summaryOf } from '../backups/recover-interrupted.ts';
import { insertUnlisted, type NewBackup } from '../backups/take-backup.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import { importedExpiry } from '../retention/compute-expiry.ts';
import type { ServiceContext } from '../service-context.ts';
import { type ListedManifest, manifestStandings } from './manifest-standings.ts';

/**
 * Lists the backups of the repository again, for a catalogue that was lost or a database that was rolled back: those it
 * does not know are added, those whose manifest is gone are marked missing. What it lists already stays as it is, so that
 * this may be done at any time and again; a deletion that was begun is carried on with, never taken back.
 */
export async function importBackups(caller: ServiceContext): Promise<ImportDocument> {
  const context = await authorize(caller, 'importBackups');
  const repository = await context.openRepository();
  await recoverInterrupted(context);
  return audited(
    context,
    { action: 'IMPORT_BACKUPS', resource: { type: 'repository', id: repository.id } },
    {
      run: () => new Import(context, repository).run(),
      entryOf: ({ unreadable, ...counts }) => ({ details: { ...counts, unreadable: unreadable.length } }),
    },
  );
}

/** Manifests that are in memory at once. */
const BATCH = 100;
const LANES = 8;

interface ReadManifest {
  readonly manifest: Manifest;
  readonly checksum: string;
}

class Import {
  readonly #counts = { imported: 0, present: 0, missing: 0 };
  readonly #unreadable: ImportDocument['unreadable'] = [];
  readonly #context: ServiceContext;
  readonly #repository: Repository;

  constructor(context: ServiceContext, repository: Repository) {
    this.#context = context;
    this.#repository = repository;
  }

  async run(): Promise<ImportDocument> {
    let batch: ManifestInfo[] = [];
    for await (const info of this.#repository.listManifests()) {
      this.#context.signal?.throwIfAborted();
      batch.push(info);
      if (batch.length < BATCH) continue;
      await this.#importBatch(batch);
      batch = [];
    }
    await this.#importBatch(batch);
    await this.#markMissing();
    return { ...this.#counts, unreadable: this.#unreadable };
  }

  /**
   * A row is there before its manifest is put, and until after it is deleted. So what has no row once it was listed, and a
   * manifest after that, is a backup that the catalogue lost.
   */
  async #importBatch(batch: readonly ManifestInfo[]): Promise<void> {
    if (batch.length === 0) return;
    const known = await this.#listed(batch);
    this.#counts.present += known.size;
    const unknown = batch.filter((info) => !known.has(info.backupId));
    const outcomes = await inLanes(LANES, unknown, (info) => this.#read(info));
    const rows: NewBackup[] = [];
    for (const [index, info] of unknown.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      if ('failure' in outcome) this.#noteFailure(info, outcome.failure);
      else rows.push(rowOf(this.#repository, outcome));
    }
    this.#counts.imported += await insertUnlisted(this.#context.catalogue, rows);
  }

  /** Also those whose deletion was begun: they are not taken back. */
  async #listed(batch: readonly ManifestInfo[]): Promise<ReadonlySet<string>> {
    const rows = await this.#context.catalogue
      .selectFrom('public.module_backups')
      .select('id')
      .where(sql<boolean>`id = ANY (${batch.map((info) => info.backupId)}::pg_catalog.uuid[])`)
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  async #read({ implementationId, backupId: id, path }: ManifestInfo): Promise<ReadManifest> {
    const read = await this.#repository.readManifestAndChecksum(implementationId, id);
    if (read.manifest.implementation.id === implementationId) return read;
    throw new CofreError('repository/damaged', `${path} is the manifest of another implementation.`, {
      params: { object: path },
    });
  }

  /** What is wrong with one manifest is told; a store that does not answer ends the import, which can be run again. */
  #noteFailure({ path, backupId: id }: ManifestInfo, error: unknown): void {
    // Deleted since it was listed.
    if (isCofreError(error, 'repository/object-missing')) return;
    const isOfThisOne = MANIFEST_FAULTS.some((code) => isCofreError(error, code));
    if (!isOfThisOne) throw error;
    this.#unreadable.push({ object: path, backupId: id, error: toErrorDocument(error) });
  }

  async #markMissing(): Promise<void> {
    const { catalogue, clock, signal } = this.#context;
    for await (const { gone, back } of manifestStandings(catalogue, this.#repository)) {
      signal?.throwIfAborted();
      this.#counts.missing += gone.length;
      await markMissing(catalogue, { backups: gone, since: clock.now() });
      await markMissing(catalogue, { backups: back, since: null });
    }
  }
}

/** What may be wrong with a single manifest, while all others can be read. */
const MANIFEST_FAULTS = ['repository/damaged', 'repository/newer-format', 'repository/key-wrong'] as const;

/** `since`: null takes the mark away. Who is marked already keeps the time. */
async function markMissing(
  catalogue: Catalogue,
  { backups, since }: { readonly backups: readonly ListedManifest[]; readonly since: Date | null },
): Promise<void> {
  if (backups.length === 0) return;
  await catalogue
    .updateTable('public.module_backups')
    .set({ missing_at: since })
    .where(sql<boolean>`id = ANY (${backups.map((backup) => backup.backupId)}::pg_catalog.uuid[])`)
    .where('deleted_at', 'is', null)
    .where('missing_at', since === null ? 'is not' : 'is', null)
    .execute();
}

/** As the backup wrote it itself, as far as its manifest says so: holds, proofs and rows of the configuration it does not. */
function rowOf(repository: Repository, { manifest, checksum }: ReadManifest): NewBackup {
  const { implementation: ref, safety, type } = manifest;
  const path = manifestPath(ref.id, manifest.backupId);
  const createdAt = new Date(manifest.createdAt);
  const completedAt = new Date(createdAt.getTime() + manifest.stats.durationMs);
  const expiry = importedExpiry(manifest);
  const configLeftOut = repository.encrypted ? 'encrypted' : 'imported';
  const backupData = { ...summaryOf(manifest), config: null, configLeftOut };
  return {
    id: manifest.backupId,
    source_implementation_id: ref.id,
    module_slug: ref.module,
    implementation_key: ref.key,
    backup_type: type,
    parent_id: manifest.parentId,
    created_at: createdAt,
    created_by_name: manifest.createdBy,
    description: manifest.description,
    expires_at: expiry.expiresAt,
    expiry_source: expiry.source,
    safety,
    origin: safety ? 'safety' : 'imported',
    encrypted: repository.encrypted,
    compression: manifest.compression,
    repository_id: repository.id,
    probe: JSON.stringify({ used: false, reason: `a ${type} backup reads every row` }),
    // Says how a backup that builds on earlier ones was read.
    ...completedColumns({ manifest, path, checksum, completedAt, backupData }),
  };
}
