import type { BackupDaysDocument } from '@cofre/contracts';

export type BackupDay = BackupDaysDocument['days'][number];

/** How a day went, as it is drawn. `warning`: one failed, and another was made. */
export const DAY_OUTCOMES = ['ok', 'warning', 'failed', 'overdue', 'none'] as const;
export type DayOutcome = (typeof DAY_OUTCOMES)[number];

export function outcomeOf({ completed, failed, overdue }: BackupDay): DayOutcome {
  if (completed > 0) return failed > 0 ? 'warning' : 'ok';
  if (failed > 0) return 'failed';
  return overdue ? 'overdue' : 'none';
}

/** How high a day's bar is, of 1. Sizes differ by thousands, so that a spike stands out and a small change is still seen. */
export function changeHeights(days: readonly BackupDay[]): readonly number[] {
  const most = Math.max(1, ...days.map(({ bytesStored }) => bytesStored));
  return days.map(({ bytesStored }) => (bytesStored === 0 ? 0 : Math.max(0.08, Math.sqrt(bytesStored / most))));
}
