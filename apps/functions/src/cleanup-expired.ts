import { cleanupExpiredBackupsInput, parseInput } from '@cofre/contracts';
import { cleanupExpiredBackups } from '@cofre/services';
import type { EdgeFunction } from './call-handler.ts';
import { REMOVAL } from './hosted-budget.ts';

/** A caller may take less or only look, and never at another time than now: what has not expired stays. */
const bodySchema = cleanupExpiredBackupsInput.pick({ limit: true, dryRun: true });

export const cleanupExpired: EdgeFunction = {
  name: 'cleanup-expired-backups',
  piece: REMOVAL,
  async run(context, body, budget) {
    const input = parseInput(bodySchema, body);
    const { dryRun, done, failed, deferred, left, freedBytes } = await cleanupExpiredBackups(context, input, budget);
    return { ...(dryRun ? { dryRun } : {}), done, failed, deferred, left, freedBytes };
  },
};
