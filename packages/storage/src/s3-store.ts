import { CofreError } from '@cofre/contracts';
import type { BlobStore, ObjectInfo, Random } from '@cofre/engine';
import type { S3Address } from './s3-address.ts';
import { S3Bucket, type S3BucketOptions } from './s3-bucket.ts';
import { putByClaim, RESERVED_MARK } from './s3-claims.ts';
import { assertStorePath, assertStorePrefix, isStorePath } from './store-path.ts';
import { type Sleep, systemRandom, systemSleep } from './system.ts';

export interface S3StoreOptions extends S3BucketOptions {
  readonly random?: Random;
  readonly sleep?: Sleep;
}

/**
 * Objects in a bucket of S3 or of a store that speaks its language. A put of S3 is atomic and durable by itself; what
 * stores differ in is the conditional put, so the store is asked once, by trying, whether it has it (`s3-claims.ts` if not).
 */
export class S3Store implements BlobStore {
  readonly url: string;
  readonly #bucket: S3Bucket;
  readonly #random: Random;
  readonly #sleep: Sleep;
  readonly #token: string;
  #honoursConditions: Promise<boolean> | null = null;
  /** Conditional puts under way, by path: a claim names its store, so one store claims a path once at a time. */
  readonly #claiming = new Map<string, Promise<unknown>>();

  constructor(address: S3Address, options: S3StoreOptions = {}) {
    this.#bucket = new S3Bucket(address, options);
    this.url = this.#bucket.url;
    this.#random = options.random ?? systemRandom;
    this.#sleep = options.sleep ?? systemSleep;
    this.#token = Buffer.from(this.#random.bytes(16)).toString('hex');
  }

  async put(path: string, bytes: Uint8Array, options: { readonly ifAbsent?: boolean } = {}): Promise<boolean> {
    assertStorePath(path);
    if (options.ifAbsent !== true) {
      await this.#bucket.put(path, bytes);
      return true;
    }
    if (await this.#hasConditionalPuts()) {
      const outcome = await this.#bucket.putIfNew(path, bytes);
      if (outcome === 'not-supported') {
        throw new CofreError(
          'storage/unavailable',
          `${path} was not written: ${this.url} refuses what it honoured before.`,
        );
      }
      return outcome === 'written';
    }
    const claim = { token: this.#token, random: this.#random, sleep: this.#sleep };
    return this.#afterOthers(path, () => putByClaim(this.#bucket, { name: path, bytes }, claim));
  }

  async get(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    assertStorePath(path);
    return this.#bucket.get(path, range);
  }

  async stat(path: string): Promise<ObjectInfo | null> {
    assertStorePath(path);
    return this.#bucket.stat(path);
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    assertStorePrefix(prefix);
    for await (const info of this.#bucket.list(prefix)) {
      if (isStorePath(info.path)) yield info;
    }
  }

  async delete(path: string): Promise<void> {
    assertStorePath(path);
    await this.#bucket.delete(path);
  }

  #hasConditionalPuts(): Promise<boolean> {
    this.#honoursConditions ??= this.#tryConditionalPut().catch((error: unknown) => {
      this.#honoursConditions = null; // The store did not answer; the next put asks again.
      throw error;
    });
    return this.#honoursConditions;
  }

  /** A store that knows no conditions ignores the header and overwrites without a word, so only a second put tells. */
  async #tryConditionalPut(): Promise<boolean> {
    const probe = `${RESERVED_MARK}probe${RESERVED_MARK}${this.#token}`;
    const first = await this.#bucket.putIfNew(probe, Uint8Array.of(1));
    const second = first === 'written' ? await this.#bucket.putIfNew(probe, Uint8Array.of(2)) : first;
    // A byte that no listing shows is not worth a failed backup where the credentials may not delete.
    await this.#bucket.delete(probe).catch(() => undefined);
    return second === 'exists';
  }

  async #afterOthers<T>(path: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#claiming.get(path) ?? Promise.resolve()).then(work, work);
    this.#claiming.set(path, turn);
    try {
      return await turn;
    } finally {
      if (this.#claiming.get(path) === turn) this.#claiming.delete(path);
    }
  }
}
