import { cleanupExpiredBackupsInput, parseInput } from '@cofre/contracts';
import { cleanupExpiredBackups } from '@cofre/services';
import { REMOVAL } from './hosted-budget.ts';
import { serveFunction } from './main.ts';

/** A caller may take less or only look, and never at another time than now: what has not expired stays. */
const bodySchema = cleanupExpiredBackupsInput.pick({ limit: true, dryRun: true });

serveFunction({
  name: 'cleanup-expired-backups',
  piece: REMOVAL,
  async run(context, body, budget) {
    const input = parseInput(bodySchema, body);
    const { dryRun, done, failed, deferred, left, freedBytes } = await cleanupExpiredBackups(context, input, budget);
    return { ...(dryRun ? { dryRun } : {}), done, failed, deferred, left, freedBytes };
  },
});
