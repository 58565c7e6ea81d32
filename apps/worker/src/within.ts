import { setTimeout as sleep } from 'node:timers/promises';

/** Whether the promise settles, either way, within the time. It is not stopped. */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const over = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, sleep(timeoutMs, false, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}

/** The promise's own result; null where it fails, or takes longer. */
export async function resultWithin<T>(promise: Promise<T>, timeoutMs: number): Promise<T | null> {
  const result = promise.catch(() => null);
  return (await settlesWithin(result, timeoutMs)) ? result : null;
}
