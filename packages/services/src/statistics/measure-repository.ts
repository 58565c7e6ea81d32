import type { BlobStore, Clock } from '@cofre/engine';

/** A bucket lists a thousand objects a request: so many take some minutes at most. */
const OBJECTS_MAX = 1_000_000;

export interface RepositorySize {
  readonly objects: number;
  readonly bytes: number;
  /** False: there is more than was listed. */
  readonly complete: boolean;
  readonly measuredAt: Date;
}

export interface MeasureOptions {
  readonly clock: Clock;
  readonly objectsMax?: number;
  /** Listing stops then, with what it has; null: not before its end. */
  readonly until?: Date | null;
  readonly signal?: AbortSignal | undefined;
}

/** What lies in the store, whoever put it there. Costs one listing, so those who ask often keep the answer for a while. */
export async function measureRepository(store: BlobStore, options: MeasureOptions): Promise<RepositorySize> {
  const { clock, objectsMax = OBJECTS_MAX, until = null, signal } = options;
  let [objects, bytes, complete] = [0, 0, true];
  for await (const { sizeBytes } of store.list('')) {
    signal?.throwIfAborted();
    if (objects === objectsMax || (until !== null && clock.now() >= until)) {
      complete = false;
      break;
    }
    objects++;
    bytes += sizeBytes;
  }
  return { objects, bytes, complete, measuredAt: clock.now() };
}
