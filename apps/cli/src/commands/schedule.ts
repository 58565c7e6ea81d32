import type { ScheduledRunDocument } from '@cofre/contracts';
import { executeScheduledBackups } from '@cofre/services';
import { parseNow } from '../durations.ts';
import { EXIT_PARTLY_DONE } from '../exit-codes.ts';
import { counted } from '../output/words.ts';
import { type Command, present } from '../run.ts';

/** With no budget: also what is too large for an edge function is backed up here. */
export const scheduleRun: Command = async (run) => {
  const done = await executeScheduledBackups(await run.composition.service(), {
    ...present('now', parseNow(run.text('now'))),
    ...present('limit', run.integer('limit')),
  });
  run.print(done, () => describe(done));
  return done.failed.length > 0 ? EXIT_PARTLY_DONE : undefined;
};

function describe({ done, unchanged, failed, deferred, left }: ScheduledRunDocument): string {
  if (done + failed.length + deferred + left === 0) return 'Nothing is due.';
  const kept = unchanged === 0 ? '' : `, ${unchanged} of them unchanged, so that nothing was kept`;
  const sums = [
    `${counted(done, 'implementation')} backed up${kept}`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(deferred > 0 ? [`${deferred} waiting for a worker`] : []),
    ...(left > 0 ? [`${left} left for the next run or taken by another one`] : []),
  ];
  return [`${sums.join('; ')}.`, ...failed.map(({ implementation, code }) => `  ${implementation}: ${code}`)].join(
    '\n',
  );
}
