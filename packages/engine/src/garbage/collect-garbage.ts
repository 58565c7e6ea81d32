import { LEASES_PREFIX, MARKS_PREFIX, markPath, packPath } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';
import { type ExpiredPlan, findExpiredPlans, type StandingOf } from './find-expired-plans.ts';
import { GARBAGE_GRACE_MS, WRITE_TIME_MAX_MS } from './grace.ts';
import { type BackupPlace, mark, type Marked } from './mark.ts';
import { putForItsTime } from './store-time.ts';
import { mayHaveMissed, readWriters } from './read-writers.ts';
import { putTrash, readTrash, type TrashObject } from './trash.ts';

export interface CollectOptions {
  /**
   * How long a pack lies in the trash before it is deleted; default `GARBAGE_GRACE_MS`. With less than that, only what no
   * writer whose lease is there can have begun to build on: where a lease is, its time or the default has to pass.
   */
  readonly graceMs?: number | undefined;
  /** Backups that are known from elsewhere, so that what they need stays though the store's listing leaves them out. */
  readonly known?: readonly BackupPlace[] | undefined;
  /** What is known of restore plans; default: they stay. */
  readonly standingOf?: StandingOf | undefined;
  /** Asked before each piece of work: false leaves the rest to a later run. Default: there is no end to what may be done. */
  readonly mayGoOn?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CollectedGarbage {
  /** False: there was no time to look at every manifest, so nothing was done. */
  readonly isMarked: boolean;
  /** Objects that were deleted: packs, and those of plans. */
  readonly freedObjects: number;
  readonly freedBytes: number;
  /** What no backup needs and is deleted by a run after its grace. */
  readonly waitingBytes: number;
  /** Plans that were deleted. */
  readonly plans: number;
  /** Packs and plans whose time is over and that are there still. */
  readonly left: number;
  /** Writers whose leases keep what has been in the trash for the grace that was asked for, yet not for the default one. */
  readonly writers: number;
}

/** Objects that are deleted at the same time, between two looks at whether there is time. */
const DELETIONS_AT_ONCE = 16;

/**
 * Deletes packs that no backup needs, and finds those that no backup needs any more. A pack is named in the trash first; it
 * is deleted by a run that finds it there longer than the grace, and still unneeded by every manifest that it opens itself.
 * Why no backup can be hurt, whoever writes, deletes or collects at the same time: docs/adr/0005. Where a manifest
 * cannot be opened everything stays, and its error is thrown.
 */
export async function collectGarbage(repository: Repository, options: CollectOptions = {}): Promise<CollectedGarbage> {
  const { mayGoOn = () => true, signal } = options;
  const path = markPath(Buffer.from(repository.sealing.random.bytes(16)).toString('hex'));
  const now = await putForItsTime(repository, { path, kind: 'mark' });
  const may = () => {
    signal?.throwIfAborted();
    return mayGoOn();
  };
  try {
    const plan = await planCollection(repository, { ...options, now, mayGoOn: may });
    if (plan === null) {
      await forget(repository, path);
      return NOTHING;
    }
    await putTrash(repository, plan.fresh);
    const deletions = new Deletions(repository, may);
    await deletions.deletePlans(plan.plans);
    await deletions.deleteDoomed(plan);
    await tidy(repository, { path, now });
    return { isMarked: true, ...deletions.counts, waitingBytes: plan.waitingBytes, writers: plan.writers };
  } catch (error) {
    // A mark that was not made must not keep the next run from making one.
    await forget(repository, path);
    throw error;
  }
}

/** What `collectGarbage` would do if it were called at `now` and those backups were gone. Changes nothing. */
export async function simulateCollection(repository: Repository, options: SimulateOptions): Promise<CollectedGarbage> {
  const plan = await planCollection(repository, { mayGoOn: () => true, ...options });
  if (plan === null) return NOTHING;
  const { doomed, marked, plans, waitingBytes, writers } = plan;
  const packs = doomed.flatMap((object) => object.packs);
  return {
    isMarked: true,
    freedObjects: packs.length + plans.reduce((sum, { paths }) => sum + paths.length, 0),
    freedBytes: bytesOf(marked, packs) + plans.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    waitingBytes,
    plans: plans.length,
    left: 0,
    writers,
  };
}

export interface SimulateOptions extends Pick<CollectOptions, 'known' | 'graceMs' | 'standingOf'> {
  readonly now: Date;
  readonly without: ReadonlySet<string>;
  readonly mayGoOn?: () => boolean;
}

const NOTHING: CollectedGarbage = {
  isMarked: false,
  freedObjects: 0,
  freedBytes: 0,
  waitingBytes: 0,
  plans: 0,
  left: 0,
  writers: 0,
};

interface CollectionPlan {
  readonly marked: Marked;
  /** Packs that go into the trash. */
  readonly fresh: readonly string[];
  /** What is in the trash long enough; objects with no pack name only what is gone or needed after all. */
  readonly doomed: readonly { readonly path: string; readonly packs: readonly string[] }[];
  readonly waitingBytes: number;
  readonly plans: readonly ExpiredPlan[];
  /** That keep something in the trash longer than the grace. */
  readonly writers: number;
}

interface PlanOptions extends Pick<CollectOptions, 'known' | 'graceMs'> {
  readonly standingOf?: StandingOf | undefined;
  /** By the store's clock, before the mark. */
  readonly now: Date;
  readonly without?: ReadonlySet<string>;
  readonly mayGoOn: () => boolean;
}

async function planCollection(repository: Repository, options: PlanOptions): Promise<CollectionPlan | null> {
  const { now, standingOf, graceMs = GARBAGE_GRACE_MS } = options;
  // In this order: who begins after the trash was read sees what it named, and who ended before the mark is seen by it.
  const trash = await readTrash(repository);
  const writers = await readWriters(repository, now);
  const marked = await mark(repository, options);
  if (marked === null) return null;
  const isGarbage = (pack: string) => marked.stored.has(pack) && !marked.needed.has(pack);
  const isOver = (putAt: Date, ms: number) => now.getTime() - putAt.getTime() > ms;
  const named = new Set<string>();
  /** Gives those that no object before has named. */
  const take = (packs: Iterable<string>) =>
    [...packs].filter((pack) => {
      if (named.has(pack) || !isGarbage(pack)) return false;
      named.add(pack);
      return true;
    });
  const mayNotKnow = (putAt: Date) => writers.filter((beganAt) => mayHaveMissed(beganAt, putAt)).length;
  const isDoomed = ({ packs, putAt }: TrashObject) =>
    packs === null || isOver(putAt, GARBAGE_GRACE_MS) || (isOver(putAt, graceMs) && mayNotKnow(putAt) === 0);
  const doomed = trash.filter(isDoomed).map(({ path, packs }) => ({ path, packs: take(packs ?? []) }));
  const waiting = trash.filter((object) => !isDoomed(object)).flatMap(({ packs }) => take(packs ?? []));
  // What is younger may be of a backup that is being written; it is no danger to that one, but the next could not build on it.
  const oldMs = writers.length === 0 ? Math.min(graceMs, WRITE_TIME_MAX_MS) : WRITE_TIME_MAX_MS;
  const old = [...marked.stored].filter(([, { putAt }]) => isOver(putAt, oldMs)).map(([pack]) => pack);
  const fresh = take(old);
  const plans = standingOf === undefined ? [] : await findExpiredPlans(repository, { now, standingOf });
  const kept = trash.filter((object) => !isDoomed(object) && isOver(object.putAt, graceMs));
  return {
    marked,
    doomed,
    fresh,
    plans,
    waitingBytes: bytesOf(marked, [...waiting, ...fresh]),
    writers: Math.max(0, ...kept.map(({ putAt }) => mayNotKnow(putAt))),
  };
}

/** Deletes what a plan says, as long as there is time, and counts. */
class Deletions {
  readonly counts = { freedObjects: 0, freedBytes: 0, plans: 0, left: 0 };
  readonly #repository: Repository;
  readonly #mayGoOn: () => boolean;

  constructor(repository: Repository, mayGoOn: () => boolean) {
    this.#repository = repository;
    this.#mayGoOn = mayGoOn;
  }

  async deletePlans(plans: readonly ExpiredPlan[]): Promise<void> {
    for (const { paths, sizeBytes } of plans) {
      const [head, ...pages] = paths;
      if (head === undefined || !this.#mayGoOn()) {
        this.counts.left++;
        continue;
      }
      // Without its head it is a plan no more; pages that a killed collector leaves are found again by their age.
      await this.#repository.store.delete(head);
      await this.#deleteAll(pages);
      this.counts.plans++;
      this.counts.freedObjects += paths.length;
      this.counts.freedBytes += sizeBytes;
    }
  }

  async deleteDoomed({ doomed, marked }: CollectionPlan): Promise<void> {
    const { store } = this.#repository;
    for (const { path, packs } of doomed) {
      // Once more, now that the mark is made: where another collector was done with it, a new backup may build on what it named.
      if ((await store.stat(path)) === null) continue;
      let deleted = 0;
      while (deleted < packs.length && this.#mayGoOn()) {
        const batch = packs.slice(deleted, deleted + DELETIONS_AT_ONCE);
        await this.#deleteAll(batch.map(packPath));
        deleted += batch.length;
      }
      this.counts.freedObjects += deleted;
      this.counts.freedBytes += bytesOf(marked, packs.slice(0, deleted));
      this.counts.left += packs.length - deleted;
      if (deleted === packs.length) await store.delete(path);
    }
  }

  async #deleteAll(paths: readonly string[]): Promise<void> {
    for (let from = 0; from < paths.length; from += DELETIONS_AT_ONCE)
      await Promise.all(paths.slice(from, from + DELETIONS_AT_ONCE).map((path) => this.#repository.store.delete(path)));
  }
}

/** Removes what only spoke of times that are over: earlier marks, and leases of writers that are gone. */
async function tidy(repository: Repository, current: { readonly path: string; readonly now: Date }): Promise<void> {
  const { store } = repository;
  for await (const { path, modifiedAt } of store.list(MARKS_PREFIX))
    if (path !== current.path && modifiedAt <= current.now) await store.delete(path);
  for await (const { path, modifiedAt } of store.list(LEASES_PREFIX))
    if (current.now.getTime() - modifiedAt.getTime() > GARBAGE_GRACE_MS) await store.delete(path);
  await store.sweep?.(current.now);
}

async function forget(repository: Repository, path: string): Promise<void> {
  await repository.store.delete(path).catch(() => undefined);
}

function bytesOf({ stored }: Marked, packs: readonly string[]): number {
  return packs.reduce((sum, pack) => sum + (stored.get(pack)?.sizeBytes ?? 0), 0);
}

/** A mark opens every manifest: what calls us every few minutes need not each time. */
const MARK_INTERVAL_MS = 60 * 60 * 1000;

/** Whether the last mark is so long ago that another is worth its reads. Decides nothing else, so any clock will do for `now`. */
export async function isCollectionDue(repository: Repository, now: Date): Promise<boolean> {
  for await (const { modifiedAt } of repository.store.list(MARKS_PREFIX))
    if (Math.abs(now.getTime() - modifiedAt.getTime()) < MARK_INTERVAL_MS) return false;
  return true;
}
