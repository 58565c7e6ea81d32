import { assert, isCofreError } from '@cofre/contracts';
import type { BlobStore, ObjectInfo, Random } from '@cofre/engine';
import { fraction, type Sleep, systemRandom, systemSleep } from './system.ts';

/** About a minute in all: longer than a load balancer's restart, shorter than a person's patience. */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 250;
const DELAY_MAX_MS = 20_000;

export interface RetryOptions {
  readonly sleep?: Sleep;
  readonly random?: Random;
  readonly attempts?: number;
}

/**
 * Repeats what failed with `storage/unavailable`, waiting twice as long each time, more or less: the chance part keeps
 * many writers that failed together from coming back together. Every other error passes at once.
 */
export function withRetry(store: BlobStore, options: RetryOptions = {}): BlobStore {
  const { sleep = systemSleep, random = systemRandom, attempts = ATTEMPTS } = options;
  assert(attempts >= 1, 'at least one attempt');

  /** Resolves when it is time for the next attempt, or throws the error when there is none. */
  async function pauseAfter(error: unknown, attempt: number): Promise<void> {
    if (!isCofreError(error, 'storage/unavailable') || attempt >= attempts) throw error;
    const delayMs = Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    await sleep(Math.round(delayMs * (0.5 + fraction(random) / 2)));
  }

  async function repeat<T>(operation: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await operation(attempt);
      } catch (error) {
        await pauseAfter(error, attempt);
      }
    }
  }

  async function put(path: string, bytes: Uint8Array, putOptions?: { readonly ifAbsent?: boolean }): Promise<boolean> {
    return repeat(async (attempt) => {
      if (await store.put(path, bytes, putOptions)) return true;
      // An attempt whose answer was lost may have written the object. If it holds our bytes, it is ours.
      return attempt > 1 && sameBytes(await repeat(() => store.get(path)), bytes);
    });
  }

  async function* list(prefix: string): AsyncIterable<ObjectInfo> {
    const seen = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const info of store.list(prefix)) {
          if (seen.has(info.path)) continue;
          seen.add(info.path);
          yield info;
        }
        return;
      } catch (error) {
        await pauseAfter(error, attempt);
      }
    }
  }

  return {
    url: store.url,
    put,
    list,
    get: (path, range) => repeat(() => store.get(path, range)),
    stat: (path) => repeat(() => store.stat(path)),
    delete: (path) => repeat(() => store.delete(path)),
  };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
