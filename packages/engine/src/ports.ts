import type { Compression } from '@cofre/contracts';

/** What a store knows of an object. `modifiedAt` is the store's own clock: ages are never measured with a client's. */
export interface ObjectInfo {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/**
 * Where a repository's objects live. Paths are relative, `/`-separated, of `[A-Za-z0-9._-]` parts, never `..`.
 *
 * Contract of every implementation (one conformance suite holds them to it):
 * - `put` is atomic and durable: after it resolves the whole object survives a crash; before, nobody sees a part of it.
 *   It may be repeated. With `ifAbsent` it fails with `false` when the object exists, and of two racing puts one wins.
 * - `get` gives exactly the bytes asked for, or throws: `repository/object-missing` where there is no such object,
 *   `repository/damaged` where it is shorter than `offset + length`. A short read is never returned.
 * - `stat` gives null where there is no such object.
 * - `list` gives every object whose path starts with `prefix`, in any order; objects put or deleted meanwhile may or may not show.
 * - `delete` of what is not there is not an error.
 * - Every other failure is `storage/unavailable` (retryable), `storage/full`, `storage/not-permitted` or, where the bucket
 *   itself does not exist, `storage/not-found`, with the cause.
 */
export interface BlobStore {
  /** For messages: `file:///srv/backups`. Never holds credentials. */
  readonly url: string;
  put(path: string, bytes: Uint8Array, options?: { readonly ifAbsent?: boolean }): Promise<boolean>;
  get(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  stat(path: string): Promise<ObjectInfo | null>;
  list(prefix: string): AsyncIterable<ObjectInfo>;
  delete(path: string): Promise<void>;
  /**
   * Removes what writers that were killed long ago left beside objects and no listing shows. `now` is by the store's clock.
   * A store that leaves nothing of that kind has no such method.
   */
  sweep?(now: Date): Promise<void>;
}

/** A compression. `decompress` throws on anything that is not a whole stream of exactly `plainBytes` bytes, and never makes more. */
export interface Codec {
  readonly compression: Compression;
  compress(plain: Uint8Array): Promise<Uint8Array>;
  decompress(packed: Uint8Array, plainBytes: number): Promise<Uint8Array>;
}

export type Codecs = (compression: Compression) => Codec;

export interface Clock {
  now(): Date;
}

export interface Random {
  bytes(length: number): Uint8Array;
  uuid(): string;
}
