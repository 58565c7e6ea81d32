import { CofreError } from '@cofre/contracts';
import { leasePath } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';
import { CLOCK_STEP_MAX_MS, GARBAGE_GRACE_MS, WRITE_TIME_MAX_MS } from './grace.ts';
import { putForItsTime } from './store-time.ts';
import { readTrash, TrashedPacks } from './trash.ts';

/**
 * What a writer holds from before it opens the first manifest that it builds on until its own is put. It says which packs
 * must not be built on, and whether there is still time: both are what keeps a collector from deleting a pack that the
 * new backup needs (docs/adr/0005). Times are the store's.
 */
export class WriteLease {
  readonly trashed: TrashedPacks;
  readonly #repository: Repository;
  readonly #id: string;
  readonly #takenAt: Date;
  #renewals = 0;
  /** Manifests of which nobody knows whether the store has them, or will. */
  #unsettled = 0;

  private constructor(
    repository: Repository,
    taken: { readonly id: string; readonly at: Date; trashed: TrashedPacks },
  ) {
    this.#repository = repository;
    this.#id = taken.id;
    this.#takenAt = taken.at;
    this.trashed = taken.trashed;
  }

  /** The lease comes before the look into the trash, and both before any manifest: the order is what the proof rests on. */
  static async take(repository: Repository): Promise<WriteLease> {
    const id = Buffer.from(repository.sealing.random.bytes(16)).toString('hex');
    const at = await putForItsTime(repository, { path: leasePath(id, 0), kind: 'lease' });
    return new WriteLease(repository, { id, at, trashed: new TrashedPacks(await readTrash(repository)) });
  }

  /** Right before the manifest is put. Throws `backup/took-too-long` where a collector may have stopped waiting for it. */
  async renew(): Promise<void> {
    const path = leasePath(this.#id, ++this.#renewals);
    this.#requireWithin(WRITE_TIME_MAX_MS, await putForItsTime(this.#repository, { path, kind: 'lease' }));
  }

  /** Puts a manifest. Where that fails it may appear all the same, later on: then the lease stays until that is too late. */
  async commit(path: string, manifest: Uint8Array): Promise<void> {
    this.#unsettled++;
    await this.#repository.store.put(path, manifest);
    this.#unsettled--;
  }

  /** After the put: it may have taken effect long after it was begun. Gives false where nobody waited for it any more. */
  async wasInTime(path: string): Promise<boolean> {
    const info = await this.#repository.store.stat(path);
    return info !== null && this.#elapsedMs(info.modifiedAt) < GARBAGE_GRACE_MS;
  }

  /** Best effort: a collector removes what stays behind. */
  async release(): Promise<void> {
    if (this.#unsettled > 0) return;
    for (let renewal = 0; renewal <= this.#renewals; renewal++)
      await this.#repository.store.delete(leasePath(this.#id, renewal)).catch(() => undefined);
  }

  #elapsedMs(at: Date): number {
    return at.getTime() - this.#takenAt.getTime();
  }

  #requireWithin(limitMs: number, at: Date): void {
    const elapsedMs = this.#elapsedMs(at);
    if (elapsedMs <= limitMs && elapsedMs >= -CLOCK_STEP_MAX_MS) return;
    throw tookTooLong();
  }
}

export function tookTooLong(): CofreError {
  return new CofreError(
    'backup/took-too-long',
    `The backup took longer than ${WRITE_TIME_MAX_MS / 3_600_000} hours: what it builds on may be cleaned up. Nothing of it is listed.`,
    { params: { hours: WRITE_TIME_MAX_MS / 3_600_000 } },
  );
}
