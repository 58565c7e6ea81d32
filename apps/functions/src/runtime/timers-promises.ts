import { clearTimeout, setTimeout as startTimer } from 'node:timers';

/** Stands in for `node:timers/promises` (`build.ts`): that of Deno 2.1 does not hear the signal, and what waits for its end never ends. */
export function setTimeout<T>(
  delayMs: number,
  value?: T,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }));
    };
    const timer = startTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, delayMs);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
