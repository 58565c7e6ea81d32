import { CofreError, isCofreError } from '@cofre/contracts';
import { CONFIG_PATH } from '../format/constants.ts';
import type { BlobStore } from '../ports.ts';

/**
 * The store of an opened repository. What is not found there may be gone with everything else: a disk that was unmounted or
 * a folder that was moved is `repository/not-found`, and must not look like backups that are damaged.
 */
export function presentStore(store: BlobStore): BlobStore {
  return {
    url: store.url,
    put: (path, bytes, options) => store.put(path, bytes, options),
    async get(path, range) {
      try {
        return await store.get(path, range);
      } catch (error) {
        if (isCofreError(error, 'repository/object-missing')) await requirePresent(store, error);
        throw error;
      }
    },
    stat: (path) => store.stat(path),
    list: (prefix) => store.list(prefix),
    delete: (path) => store.delete(path),
    ...(store.sweep === undefined ? {} : { sweep: (now: Date) => store.sweep?.(now) ?? Promise.resolve() }),
  };
}

/** Throws `repository/not-found` where the file that makes a place a repository is not there, or not any more. */
export async function requirePresent(store: BlobStore, cause?: unknown): Promise<void> {
  if ((await store.stat(CONFIG_PATH)) === null) throw repositoryNotFound(store, cause);
}

export function repositoryNotFound(store: BlobStore, cause?: unknown): CofreError {
  return new CofreError('repository/not-found', `There is no repository at ${store.url}.`, { cause });
}
