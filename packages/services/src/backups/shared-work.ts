import type { Clock, Repository, WriteLease } from '@cofre/engine';
import type { LockTarget } from '@cofre/postgres';

/** A lease is shared no longer: it ends the sooner for all, and holds back what may be cleaned up. */
const LEASE_SHARED_MS = 600_000;

/** What many backups made after each other have in common, so that not every one has to find it anew. */
export class SharedWork {
  readonly #clock: Clock;
  readonly #leases: Promise<WriteLease>[] = [];
  #leaseAt = 0;
  readonly #locked = new Map<string, readonly LockTarget[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Taken before any of these backups opens a manifest that it builds on; `end` releases it. */
  lease(repository: Repository): Promise<WriteLease> {
    const now = this.#clock.now().getTime();
    const newest = this.#leases.at(-1);
    if (newest !== undefined && Math.abs(now - this.#leaseAt) < LEASE_SHARED_MS) return newest;
    const lease = repository.takeLease();
    this.#leases.push(lease);
    this.#leaseAt = now;
    // One that could not be had fails the backup that asked for it, and not all that follow.
    lease.catch(() => {
      this.#leaseAt = Number.NEGATIVE_INFINITY;
    });
    return lease;
  }

  /** The tables that the last backup of such a slice locked. */
  lockedBy(slice: string): readonly LockTarget[] {
    return this.#locked.get(slice) ?? [];
  }

  remember(slice: string, locked: readonly LockTarget[]): void {
    this.#locked.set(slice, locked);
  }

  /** When all of them have ended. */
  async end(): Promise<void> {
    const taken = await Promise.allSettled(this.#leases.splice(0));
    for (const lease of taken) if (lease.status === 'fulfilled') await lease.value.release();
  }
}
