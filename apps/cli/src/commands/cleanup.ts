import type { CleanupDocument } from '@cofre/contracts';
import { cleanupExpiredBackups } from '@cofre/services';
import { parseNow } from '../durations.ts';
import { EXIT_PARTLY_DONE } from '../exit-codes.ts';
import { textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatTime, shortId } from '../output/words.ts';
import { type Command, present } from '../run.ts';

export const cleanupRun: Command = async (run) => {
  const cleanup = await cleanupExpiredBackups(await run.composition.service(), {
    ...present('now', parseNow(run.text('now'))),
    ...present('limit', run.integer('limit')),
    dryRun: run.flag('dryRun'),
    // Somebody waits for it.
    freeSpace: 'now',
  });
  run.print(cleanup, () => describe(cleanup));
  return cleanup.failed.length > 0 || cleanup.garbageError !== undefined ? EXIT_PARTLY_DONE : undefined;
};

function describe(cleanup: CleanupDocument): string {
  const { items, done, failed, garbageError } = cleanup;
  const rows = items.map(({ backupId, implementation, createdAt, expiresAt, reason, sizeBytes }) => [
    shortId(backupId),
    implementation,
    formatTime(createdAt),
    formatTime(expiresAt),
    reason,
    formatBytes(sizeBytes),
  ]);
  return [
    ...(rows.length > 0
      ? [textTable(['ID', 'IMPLEMENTATION', 'MADE', 'EXPIRED', 'BECAUSE', 'STORED'], rows, { right: ['STORED'] })]
      : []),
    ...(done > items.length ? [`  and ${done - items.length} more`] : []),
    ...failed.map(({ implementation, code }) => `A backup of ${implementation} could not be removed: ${code}`),
    ...(garbageError === undefined
      ? []
      : [`No space could be freed, and no backup is harmed by that: ${garbageError.message}`]),
    `${sums(cleanup).join('; ')}.`,
    ...(cleanup.dryRun ? ['This is a dry run: nothing was changed.'] : []),
  ].join('\n');
}

function sums({ dryRun, done, kept, left, removedBytes, freedBytes, waitingBytes, plans }: CleanupDocument): string[] {
  const would = (word: string, past: string) => (dryRun ? `would ${word}` : past);
  return [
    `${counted(done, 'backup')} ${dryRun ? 'would be' : done === 1 ? 'was' : 'were'} removed (${formatBytes(removedBytes)} stored by them), ${kept} stay`,
    ...(plans > 0 ? [`${counted(plans, 'expired plan')} ${would('go', 'went')}, too`] : []),
    `${formatBytes(freedBytes)} ${would('be freed', 'freed')}`,
    ...(waitingBytes > 0 ? [`${formatBytes(waitingBytes)} more wait in the trash for a day`] : []),
    ...(left > 0 ? [`${left} left for the next run`] : []),
  ];
}
