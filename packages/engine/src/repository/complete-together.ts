import { packPath } from '../format/constants.ts';
import { missing } from '../format/pack.ts';
import type { WriteLease } from '../garbage/write-lease.ts';
import { inLanes, type Outcome } from './in-lanes.ts';
import type { BackupWriter, CompletedBackup, ManifestHead } from './backup-writer.ts';
import type { PackWriter } from './pack-writer.ts';
import type { Repository } from './repository.ts';

export interface BackupToComplete {
  readonly writer: BackupWriter;
  readonly head: ManifestHead;
}

export interface TogetherOptions {
  readonly repository: Repository;
  /** Of all of them. */
  readonly lease: WriteLease;
  readonly packs: PackWriter;
}

/** Manifests under way at the same time: each waits for the disk or the network, hardly for the processor. */
const LANES = 16;

/**
 * What `BackupWriter.complete` does, for several that share their packs and their lease: what is asked of the store besides
 * the manifests is asked once for all. Gives for each, in their order, what was completed, or why it was not; of that nothing
 * is listed. Throws where nothing was begun.
 */
export async function completeTogether(
  backups: readonly BackupToComplete[],
  { repository, lease, packs }: TogetherOptions,
): Promise<readonly Outcome<CompletedBackup>[]> {
  await packs.flush();
  await lease.renew();
  const put = await inLanes(LANES, backups, async ({ writer, head }) => {
    const { object, ...completed } = await writer.seal(head);
    await lease.commit(completed.path, object);
    return completed;
  });
  // Made after the last of them: where it was in time, all were.
  const late: unknown = await lease.renew().then(
    () => undefined,
    (error: unknown) => error,
  );
  const packsGone = await findGone(repository, [
    ...new Set(backups.flatMap(({ writer }) => [...writer.inheritedPacks])),
  ]);
  return inLanes(LANES, backups, async ({ writer }, index) => {
    const completed = put[index];
    if (completed === undefined || 'failure' in completed) return { failure: completed?.failure };
    const lost = [...writer.inheritedPacks].flatMap((pack) => packsGone.get(pack) ?? [])[0];
    const failure = late ?? lost;
    if (failure === undefined) return completed;
    // A manifest that may need what went missing meanwhile was never a backup: it is taken back.
    await repository.store.delete(completed.path);
    return { failure };
  });
}

/** Why each pack that cannot be built on cannot be: it is not there, or the store does not say. */
async function findGone(repository: Repository, packs: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
  const looks = await inLanes(LANES, packs, async (pack) => {
    if ((await repository.store.stat(packPath(pack))) === null) throw missing(packPath(pack));
    return {};
  });
  return new Map(
    packs.flatMap((pack, index) => {
      const look = looks[index];
      return look !== undefined && 'failure' in look ? [[pack, look.failure] as const] : [];
    }),
  );
}
