import type { BlobStore, ObjectInfo, Random } from '@cofre/engine';
import { fraction, type Sleep } from './system.ts';

export interface DelayOptions {
  readonly random: Pick<Random, 'bytes'>;
  readonly sleep: Sleep;
  /** A call waits up to so long before its effect, and again before its answer. */
  readonly delayMsMax: number;
}

/**
 * Makes a store slow by chance: calls that run at once take effect, and are answered, in any order. For tests; what was
 * promised before a call began is still true when it takes effect.
 */
export function withDelays(store: BlobStore, { random, sleep, delayMsMax }: DelayOptions): BlobStore {
  const delay = () => sleep(Math.floor(fraction(random) * (delayMsMax + 1)));

  async function late<T>(effect: () => Promise<T>): Promise<T> {
    await delay();
    try {
      return await effect();
    } finally {
      await delay();
    }
  }

  async function* list(prefix: string): AsyncIterable<ObjectInfo> {
    await delay();
    for await (const info of store.list(prefix)) {
      yield info;
      await delay();
    }
  }

  return {
    url: store.url,
    list,
    put: (path, bytes, options) => late(() => store.put(path, bytes, options)),
    get: (path, range) => late(() => store.get(path, range)),
    stat: (path) => late(() => store.stat(path)),
    delete: (path) => late(() => store.delete(path)),
  };
}
