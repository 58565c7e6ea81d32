import type { BlobStore, ObjectInfo } from '@cofre/engine';

export interface StoreCounts {
  readonly calls: {
    readonly put: number;
    readonly get: number;
    readonly stat: number;
    readonly list: number;
    readonly delete: number;
  };
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

export interface CountingStore extends BlobStore {
  /** What was asked of the store so far. Failed calls count too; bytes only when they went through. */
  counts(): StoreCounts;
}

/** Counts calls and bytes, so that a test or a benchmark can hold a promise about them. */
export function counting(store: BlobStore): CountingStore {
  const calls = { put: 0, get: 0, stat: 0, list: 0, delete: 0 };
  let bytesWritten = 0;
  let bytesRead = 0;
  return {
    url: store.url,
    counts: () => ({ calls: { ...calls }, bytesWritten, bytesRead }),
    async put(path, bytes, options) {
      calls.put++;
      const written = await store.put(path, bytes, options);
      if (written) bytesWritten += bytes.length;
      return written;
    },
    async get(path, range) {
      calls.get++;
      const bytes = await store.get(path, range);
      bytesRead += bytes.length;
      return bytes;
    },
    stat(path): Promise<ObjectInfo | null> {
      calls.stat++;
      return store.stat(path);
    },
    list(prefix) {
      calls.list++;
      return store.list(prefix);
    },
    delete(path) {
      calls.delete++;
      return store.delete(path);
    },
  };
}
