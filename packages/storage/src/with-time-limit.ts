import { clearTimeout, setTimeout } from 'node:timers';
import { CofreError } from '@cofre/contracts';
import type { BlobStore, ObjectInfo } from '@cofre/engine';

/** What is asked for after the signal fired tidies up; it must not keep up who stops. */
const LAST_LIMIT_MS = 3000;

/**
 * Gives up a call that is not answered within `limitMs` with `storage/unavailable`, for runtimes whose sockets do not
 * notice silence (Deno 2.1). What was given up may still have its effect, as after an answer that was lost. Of a listing
 * the limit is for each of its objects. When `signal` fires, what is not answered yet is given up with its reason.
 */
export function withTimeLimit(store: BlobStore, limitMs: number, signal?: AbortSignal): BlobStore {
  const limited = async <T>(work: Promise<T>, what: string): Promise<T> => {
    const isLast = signal?.aborted === true;
    let timer: NodeJS.Timeout | undefined;
    let stop = (): void => undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      stop = () => reject(reasonOf(signal));
      timer = isLast ? setTimeout(stop, LAST_LIMIT_MS) : setTimeout(() => reject(noAnswer(what)), limitMs);
    });
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([work, silence]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  };
  const noAnswer = (what: string) =>
    new CofreError('storage/unavailable', `${what}: ${store.url} did not answer for ${limitMs / 1000} seconds`);

  async function* list(prefix: string): AsyncIterable<ObjectInfo> {
    const infos = store.list(prefix)[Symbol.asyncIterator]();
    let isOver = false;
    try {
      for (;;) {
        const next = await limited(infos.next(), 'The listing stopped');
        isOver = next.done === true;
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Not waited for: one that does not answer would not answer to this either.
      if (!isOver) void infos.return?.().catch(() => undefined);
    }
  }

  return {
    url: store.url,
    list,
    put: (path, bytes, options) => limited(store.put(path, bytes, options), `${path} may not be written`),
    get: (path, range) => limited(store.get(path, range), `${path} could not be read`),
    stat: (path) => limited(store.stat(path), `${path} could not be looked up`),
    delete: (path) => limited(store.delete(path), `${path} may not be deleted`),
  };
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('The call was stopped.', { cause: reason });
}
