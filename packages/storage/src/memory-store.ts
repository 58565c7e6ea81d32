import { assert } from '@cofre/contracts';
import type { BlobStore, Clock, ObjectInfo } from '@cofre/engine';
import { objectMissing, objectTooShort } from './read-errors.ts';
import { assertStorePath, assertStorePrefix } from './store-path.ts';
import { systemClock } from './system.ts';

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly modifiedAt: Date;
}

/** A store that lives as long as the object: for tests and for trying things out. */
export class MemoryStore implements BlobStore {
  readonly url = 'memory:';
  readonly #objects = new Map<string, StoredObject>();
  readonly #clock: Clock;

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  async put(path: string, bytes: Uint8Array, options: { readonly ifAbsent?: boolean } = {}): Promise<boolean> {
    assertStorePath(path);
    if (options.ifAbsent === true && this.#objects.has(path)) return false;
    // Copied, as a disk would: what the caller does to its buffer later must not reach the stored object.
    this.#objects.set(path, { bytes: Uint8Array.from(bytes), modifiedAt: this.#clock.now() });
    return true;
  }

  async get(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    assertStorePath(path);
    const object = this.#objects.get(path);
    if (object === undefined) throw objectMissing(this.url, path);
    const sizeBytes = object.bytes.length;
    const { offset, length } = range ?? { offset: 0, length: sizeBytes };
    assert(offset >= 0 && length >= 0, 'a range has no negative numbers');
    if (offset + length > sizeBytes) throw objectTooShort(this.url, path, { sizeBytes, offset, length });
    return object.bytes.slice(offset, offset + length);
  }

  async stat(path: string): Promise<ObjectInfo | null> {
    assertStorePath(path);
    const object = this.#objects.get(path);
    return object === undefined ? null : infoOf(path, object);
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    assertStorePrefix(prefix);
    for (const [path, object] of this.#objects) {
      if (path.startsWith(prefix)) yield infoOf(path, object);
    }
  }

  async delete(path: string): Promise<void> {
    assertStorePath(path);
    this.#objects.delete(path);
  }
}

function infoOf(path: string, object: StoredObject): ObjectInfo {
  return { path, sizeBytes: object.bytes.length, modifiedAt: object.modifiedAt };
}
