import { cleanupExpiredBackupsInput, parseInput } from '@cofre/contracts';
import { cleanupExpiredBackups } from '@cofre/services';
import { serveFunction } from './main.ts';

/** A caller may take less or only look, and never at another time than now: what has not expired stays. */
const bodySchema = cleanupExpiredBackupsInput.pick({ limit: true, dryRun: true });

serveFunction({
  name: 'cleanup-expired-backups',
  // Backups are removed by their names; nothing of their rows is read.
  pieceBytesMax: 0,
  async run(context, body, budget) {
    const input = parseInput(bodySchema, body);
    const { dryRun, done, failed, deferred, left, freedBytes } = await cleanupExpiredBackups(context, input, budget);
    return { ...(dryRun ? { dryRun } : {}), done, failed, deferred, left, freedBytes };
  },
});
