import { executeScheduledBackupsInput, parseInput } from '@cofre/contracts';
import { drainJobs, executeScheduledBackups } from '@cofre/services';
import type { EdgeFunction } from './call-handler.ts';
import { BACKUP } from './hosted-budget.ts';

/** A caller may take less, and never another time than now. */
const bodySchema = executeScheduledBackupsInput.pick({ limit: true });

export const executeScheduled: EdgeFunction = {
  name: 'execute-scheduled-backups',
  piece: BACKUP,
  async run(context, body, budget) {
    const input = parseInput(bodySchema, body);
    // Somebody waits for what was asked for by hand; what is due is due on.
    const jobs = await drainJobs(context, budget);
    const scheduled = await executeScheduledBackups(context, input, budget);
    return {
      done: jobs.done + scheduled.done,
      failed: [...jobs.failed, ...scheduled.failed],
      deferred: jobs.deferred + scheduled.deferred,
      left: jobs.left + scheduled.left,
    };
  },
};
