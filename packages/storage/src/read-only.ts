import { CofreError } from '@cofre/contracts';
import type { BlobStore } from '@cofre/engine';

/** Refuses to change anything: for commands that only look, and for looking at a repository that one does not trust oneself with. */
export function readOnly(store: BlobStore): BlobStore {
  const refuse = (what: string) => async (path: string) => {
    throw new CofreError('storage/not-permitted', `${path} was not ${what}: ${store.url} is opened for reading only.`, {
      hint: 'Nothing was changed. Call a command that may write, or open the repository for writing.',
    });
  };
  return {
    url: store.url,
    put: refuse('written'),
    get: (path, range) => store.get(path, range),
    stat: (path) => store.stat(path),
    list: (prefix) => store.list(prefix),
    delete: refuse('deleted'),
  };
}
