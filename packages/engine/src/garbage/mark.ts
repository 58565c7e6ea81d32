import { type BackupId, type ImplementationId, isCofreError } from '@cofre/contracts';
import { packIdAt, PACKS_PREFIX } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';

export interface StoredPack {
  readonly sizeBytes: number;
  /** By the store's clock. */
  readonly putAt: Date;
}

export interface Marked {
  /** Every pack that is there. */
  readonly stored: ReadonlyMap<string, StoredPack>;
  /** Every pack that a backup needs. */
  readonly needed: ReadonlySet<string>;
}

/** Where the manifest of a backup is. */
export interface BackupPlace {
  readonly implementationId: ImplementationId;
  readonly backupId: BackupId;
}

export interface MarkOptions {
  /** Backups that are known from elsewhere: one that the store does not show in its listing is looked for by its path. */
  readonly known?: readonly BackupPlace[] | undefined;
  /** Backups to be taken for deleted. */
  readonly without?: ReadonlySet<string> | undefined;
  /** Asked again and again; false ends the mark, which then gives null. */
  readonly mayGoOn: () => boolean;
}

/** Manifests that are opened at the same time: enough for a bucket far away, and little enough for memory. */
const MANIFESTS_AT_ONCE = 16;

/**
 * Finds out which packs are there, and which of them the manifests need. What keeps a manifest from being opened is
 * thrown: what it needs is not known then, so nothing may be called garbage. Packs are listed first, so that a backup
 * that is put meanwhile does not show with its packs and without its manifest.
 */
export async function mark(
  repository: Repository,
  { known = [], without, mayGoOn }: MarkOptions,
): Promise<Marked | null> {
  const stored = new Map<string, StoredPack>();
  for await (const { path, sizeBytes, modifiedAt } of repository.store.list(PACKS_PREFIX)) {
    const id = packIdAt(path);
    if (id !== null) stored.set(id, { sizeBytes, putAt: modifiedAt });
  }
  const needed = new Set<string>();
  for await (const manifests of batches(placesOf(repository, known))) {
    if (!mayGoOn()) return null;
    const counted = manifests.filter(({ backupId }) => without?.has(backupId) !== true);
    for (const packs of await Promise.all(counted.map((place) => packsOf(repository, place))))
      for (const pack of packs) needed.add(pack);
  }
  return { stored, needed };
}

/** A listing that leaves out a manifest must not make garbage of what it needs. */
async function* placesOf(repository: Repository, known: readonly BackupPlace[]): AsyncGenerator<BackupPlace> {
  const unseen = new Map(known.map((place) => [place.backupId, place]));
  for await (const place of repository.listManifests()) {
    unseen.delete(place.backupId);
    yield place;
  }
  yield* unseen.values();
}

async function* batches(manifests: AsyncIterable<BackupPlace>): AsyncGenerator<readonly BackupPlace[]> {
  let batch: BackupPlace[] = [];
  for await (const place of manifests) {
    batch.push(place);
    if (batch.length < MANIFESTS_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function packsOf(repository: Repository, place: BackupPlace): Promise<readonly string[]> {
  try {
    const manifest = await repository.readManifest(place.implementationId, place.backupId);
    return manifest.packs.map(({ id }) => id);
  } catch (error) {
    // Deleted since it was listed.
    if (isCofreError(error, 'repository/object-missing')) return [];
    throw error;
  }
}
