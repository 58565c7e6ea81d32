import { assert, type BackupSettings, type KeepReason, type RemoveReason } from '@cofre/contracts';

/** What retention needs to know of a backup. */
export interface RetainedBackup {
  readonly id: string;
  readonly createdAt: Date;
  /** null: never, as far as its age goes. */
  readonly expiresAt: Date | null;
  /** 'explicit': somebody said when; rules on age and number then do not apply, holds and the minimum do. */
  readonly expirySource: 'explicit' | 'policy';
  readonly status: 'completed' | 'failed' | 'canceled';
  readonly safety: boolean;
  readonly held: boolean;
  /** It is not in the repository: it takes the place of none that is. Default: false. */
  readonly missing?: boolean;
}

export interface RetentionInput {
  readonly settings: BackupSettings;
  readonly now: Date;
  /** All backups of one implementation, in any order. */
  readonly backups: readonly RetainedBackup[];
  readonly implementation: {
    /** All its backups are on hold. */
    readonly held: boolean;
    /** Since when it is gone; null: it is there. */
    readonly goneSince: Date | null;
  };
}

export type Verdict =
  | { readonly id: string; readonly verdict: 'keep'; readonly reason: KeepReason }
  | { readonly id: string; readonly verdict: 'remove'; readonly reason: RemoveReason };

const DAY_MS = 86_400_000;

/**
 * What clean-up does with each backup of one implementation. Holds come first, then the minimum; then a backup stays
 * where any rule keeps it. Safety backups are outside of the counts and know their age alone. Of an implementation that
 * is gone all stay through the grace period; then they go, the minimum too, unless they are on hold.
 */
export function chooseRemovals({ settings, now, backups, implementation }: RetentionInput): readonly Verdict[] {
  const newestFirst = [...backups].sort(
    (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
  const counted = newestFirst.filter(
    ({ status, safety, missing = false }) => status === 'completed' && !safety && !missing,
  );
  const rank = new Map(counted.map(({ id }, index) => [id, index]));
  const verdicts = newestFirst.map((backup): Verdict => {
    const { id } = backup;
    if (backup.held) return { id, verdict: 'keep', reason: 'held' };
    if (implementation.held) return { id, verdict: 'keep', reason: 'implementation-held' };
    if (implementation.goneSince !== null)
      return orphan(backup, { settings, now, goneSince: implementation.goneSince });
    return judged(backup, { settings, now, rank: rank.get(id) });
  });
  assert(verdicts.length === backups.length, 'every backup has a verdict');
  return verdicts;
}

function orphan(
  { id, expiresAt }: RetainedBackup,
  { settings, now, goneSince }: { readonly settings: BackupSettings; readonly now: Date; readonly goneSince: Date },
): Verdict {
  const graceEnds = goneSince.getTime() + settings.orphanGraceDays * DAY_MS;
  if (now.getTime() < graceEnds) return { id, verdict: 'keep', reason: 'orphan-grace' };
  // An end that somebody chose, or a policy gave, outlives the implementation.
  if (expiresAt !== null && expiresAt > now) return { id, verdict: 'keep', reason: 'not-expired' };
  return { id, verdict: 'remove', reason: 'orphan-expired' };
}

function judged(
  backup: RetainedBackup,
  { settings, now, rank }: { readonly settings: BackupSettings; readonly now: Date; readonly rank: number | undefined },
): Verdict {
  const { id, expiresAt } = backup;
  const isOver = expiresAt !== null && expiresAt <= now;
  if (backup.safety) {
    return isOver
      ? { id, verdict: 'remove', reason: 'safety-expired' }
      : { id, verdict: 'keep', reason: 'not-expired' };
  }
  if (rank !== undefined && rank < settings.minimumKept) return { id, verdict: 'keep', reason: 'minimum' };
  if (backup.expirySource === 'explicit') {
    return isOver ? { id, verdict: 'remove', reason: 'expired' } : { id, verdict: 'keep', reason: 'not-expired' };
  }
  if (settings.keepLast !== null && rank !== undefined && rank < settings.keepLast) {
    return { id, verdict: 'keep', reason: 'keep-last' };
  }
  if (isOver) return { id, verdict: 'remove', reason: 'expired' };
  if (expiresAt !== null) return { id, verdict: 'keep', reason: 'not-expired' };
  // No end by age: with a count for a rule, what is beyond it goes; with no rule at all, all stays.
  const isBeyond = settings.keepLast !== null && settings.retentionDays === null && rank !== undefined;
  return isBeyond ? { id, verdict: 'remove', reason: 'beyond-keep-last' } : { id, verdict: 'keep', reason: 'no-rule' };
}
