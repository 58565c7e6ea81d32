import { isCofreError } from '@cofre/contracts';
import { packIdAt, PACKS_PREFIX } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';
import type { ManifestInfo } from '../repository/types.ts';

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

export interface MarkOptions {
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
export async function mark(repository: Repository, { without, mayGoOn }: MarkOptions): Promise<Marked | null> {
  const stored = new Map<string, StoredPack>();
  for await (const { path, sizeBytes, modifiedAt } of repository.store.list(PACKS_PREFIX)) {
    const id = packIdAt(path);
    if (id !== null) stored.set(id, { sizeBytes, putAt: modifiedAt });
  }
  const needed = new Set<string>();
  for await (const manifests of batches(repository.listManifests())) {
    if (!mayGoOn()) return null;
    const counted = manifests.filter(({ backupId }) => without?.has(backupId) !== true);
    for (const packs of await Promise.all(counted.map((info) => packsOf(repository, info))))
      for (const pack of packs) needed.add(pack);
  }
  return { stored, needed };
}

async function* batches(manifests: AsyncIterable<ManifestInfo>): AsyncGenerator<readonly ManifestInfo[]> {
  let batch: ManifestInfo[] = [];
  for await (const info of manifests) {
    batch.push(info);
    if (batch.length < MANIFESTS_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function packsOf(repository: Repository, info: ManifestInfo): Promise<readonly string[]> {
  try {
    const manifest = await repository.readManifest(info.implementationId, info.backupId);
    return manifest.packs.map(({ id }) => id);
  } catch (error) {
    // Deleted since it was listed.
    if (isCofreError(error, 'repository/object-missing')) return [];
    throw error;
  }
}
