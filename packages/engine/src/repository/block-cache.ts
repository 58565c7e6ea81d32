import type { BlobStore } from '../ports.ts';

export interface BlockCacheOptions {
  /** As much is asked for at once; default 1 MiB. */
  readonly chunkBytes?: number;
  /** So many such pieces are kept; default 32. */
  readonly chunksMax?: number;
}

/**
 * Reads of small parts of packs, as one read of the piece that they lie in: backups of many small slices lie side by side.
 * What does not fit into a piece, and all that is no pack, passes through. Memory: `chunkBytes` × `chunksMax`.
 */
export function withBlockCache(store: BlobStore, options: BlockCacheOptions = {}): BlobStore {
  const { chunkBytes = 1024 * 1024, chunksMax = 32 } = options;
  const chunks = new Map<string, Promise<Uint8Array>>();
  const sizes = new Map<string, Promise<number>>();

  /** Of a pack, which never changes. */
  const sizeOf = (path: string): Promise<number> => {
    const known = sizes.get(path);
    if (known !== undefined) return known;
    const asked = store.stat(path).then((info) => info?.sizeBytes ?? 0);
    sizes.set(path, asked);
    asked.catch(() => sizes.delete(path));
    return asked;
  };

  const chunkOf = (path: string, range: { readonly offset: number; readonly length: number }): Promise<Uint8Array> => {
    const name = `${path} ${range.offset}`;
    const known = chunks.get(name);
    const chunk = known ?? store.get(path, range);
    // The one that was used last goes last.
    chunks.delete(name);
    chunks.set(name, chunk);
    if (known === undefined) chunk.catch(() => chunks.delete(name));
    for (const oldest of chunks.keys()) {
      if (chunks.size <= chunksMax) break;
      chunks.delete(oldest);
    }
    return chunk;
  };

  return {
    url: store.url,
    put: (path, bytes, putOptions) => store.put(path, bytes, putOptions),
    list: (prefix) => store.list(prefix),
    delete: (path) => store.delete(path),
    stat: (path) => store.stat(path),
    async get(path, range) {
      if (range === undefined || !path.startsWith('packs/')) return store.get(path, range);
      const start = Math.floor(range.offset / chunkBytes) * chunkBytes;
      const end = Math.min(await sizeOf(path), start + chunkBytes);
      // What is missing, or cut short, is the store's to say.
      if (range.offset + range.length > end) return store.get(path, range);
      const chunk = await chunkOf(path, { offset: start, length: end - start });
      return chunk.subarray(range.offset - start, range.offset - start + range.length);
    },
  };
}
