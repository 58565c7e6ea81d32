import { LEASES_PREFIX } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';
import { CLOCK_STEP_MAX_MS, GARBAGE_GRACE_MS } from './grace.ts';

/**
 * When the writers began that may still commit a manifest, by the store's clock: those whose lease is there. One that was
 * killed counts as long as its lease could be followed by a manifest that takes effect late.
 */
export async function readWriters(repository: Repository, now: Date): Promise<readonly Date[]> {
  const began = new Map<string, Date>();
  for await (const { path, modifiedAt } of repository.store.list(LEASES_PREFIX)) {
    // A lease and its renewals share an id; the first of them says when the writer began.
    const id = path.replace(/-\d+$/, '');
    const known = began.get(id);
    if (known === undefined || modifiedAt < known) began.set(id, modifiedAt);
  }
  return [...began.values()].filter((at) => now.getTime() - at.getTime() <= GARBAGE_GRACE_MS);
}

/** Whether a writer may have looked into the trash before this was in it: it may build on what was named there. */
export function mayHaveMissed(beganAt: Date, trashPutAt: Date): boolean {
  return beganAt.getTime() <= trashPutAt.getTime() + CLOCK_STEP_MAX_MS;
}
