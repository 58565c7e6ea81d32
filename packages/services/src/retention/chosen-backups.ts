import type { KeepReason, RemoveReason } from '@cofre/contracts';
import { chooseRemovals } from './choose-removals.ts';
import type { RetainedGroup, RetainedRow } from './read-retained.ts';

export interface Chosen {
  readonly backup: RetainedRow;
  readonly reason: RemoveReason;
}

export interface Left {
  readonly backup: RetainedRow;
  readonly reason: KeepReason;
}

/** What clean-up would remove of an implementation's backups, the oldest first, and what it would leave. */
export function chooseBackups(
  { settings, backups, implementation }: RetainedGroup,
  now: Date,
): { readonly chosen: readonly Chosen[]; readonly left: readonly Left[] } {
  const { held, isGone, goneSince } = implementation;
  const verdicts = chooseRemovals({
    settings,
    now,
    backups,
    // Seen gone for the first time: its grace begins now.
    implementation: { held, goneSince: isGone ? (goneSince ?? now) : null },
  });
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const chosen: Chosen[] = [];
  const left: Left[] = [];
  for (const verdict of verdicts.toReversed()) {
    const backup = byId.get(verdict.id);
    if (backup === undefined) continue;
    if (verdict.verdict === 'remove') chosen.push({ backup, reason: verdict.reason });
    else left.push({ backup, reason: verdict.reason });
  }
  return { chosen, left };
}
