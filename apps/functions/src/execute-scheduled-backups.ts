import { executeScheduledBackupsInput, parseInput } from '@cofre/contracts';
import { executeScheduledBackups } from '@cofre/services';
import { SLICE_BYTES_MAX } from './hosted-budget.ts';
import { serveFunction } from './main.ts';

/** A caller may take less, and never another time than now. */
const bodySchema = executeScheduledBackupsInput.pick({ limit: true });

serveFunction({
  name: 'execute-scheduled-backups',
  pieceBytesMax: SLICE_BYTES_MAX,
  async run(context, body, budget) {
    const input = parseInput(bodySchema, body);
    const { done, failed, deferred, left } = await executeScheduledBackups(context, input, budget);
    return { done, failed, deferred, left };
  },
});
