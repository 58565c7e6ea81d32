import {
  type CleanupDocument,
  type CleanupExpiredBackupsInput,
  cleanupExpiredBackupsInput,
  parseInput,
} from '@cofre/contracts';
import { keepSessions } from '@cofre/postgres';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { recoverInterrupted } from '../backups/recover-interrupted.ts';
import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import { type FreedSpace, freeSpace, NOTHING_FREED } from './free-space.ts';
import { ExpiredRemoval } from './remove-expired.ts';

/**
 * Removes backups whose time is over, and those of deleted implementations after their grace; then frees the space that
 * nothing needs any more, which takes a day from then on. Never one on hold, never below the minimum, never one that
 * another needs: none does (I3). A dry run gives the same numbers and changes nothing.
 */
export async function cleanupExpiredBackups(
  caller: ServiceContext,
  input: CleanupExpiredBackupsInput = {},
  budget: WorkBudget = NO_BUDGET,
): Promise<CleanupDocument> {
  const { now: at, dryRun, limit = Infinity, freeSpace: when } = parseInput(cleanupExpiredBackupsInput, input);
  const authorized = await authorize(caller, 'cleanupExpiredBackups');
  const database = keepSessions(authorized.database);
  const context = { ...authorized, database };
  try {
    const now = at === undefined ? await earlierNow(context) : new Date(at);
    if (!dryRun) await recoverInterrupted(context);
    const removal = new ExpiredRemoval(context, { names: caller.catalogue, now, dryRun, limit, budget });
    let space = NOTHING_FREED;
    try {
      await removal.run();
      const dryRunWithout = dryRun ? removal.chosenIds : null;
      space = await freeSpace(context, { when, mayGoOn: () => budget.mayStart(), dryRunWithout });
    } finally {
      // What was done was done, also where the rest could not be.
      if (!dryRun) await report(context, removal, space);
    }
    return documentOf(removal, space, dryRun);
  } finally {
    await database.end();
  }
}

/** A clock here that is ahead of the database's removes nothing before its time. */
async function earlierNow({ catalogue, clock }: ServiceContext): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`SELECT pg_catalog.clock_timestamp() AS now`.execute(catalogue);
  const here = clock.now();
  const there = rows[0]?.now ?? here;
  return here < there ? here : there;
}

/** A run that found nothing to do is not worth a line in the log. */
async function report(context: ServiceContext, removal: ExpiredRemoval, space: FreedSpace): Promise<void> {
  const { done, left, kept, removedBytes } = removal.counts;
  const { freedBytes, freedObjects, plans, garbageError } = space;
  const failed = removal.failed.length;
  if (done + failed + freedObjects > 0 || garbageError !== undefined) {
    const isFailure = done + freedObjects === 0;
    await audit(context, {
      action: 'EXPIRED_BACKUPS_CLEANUP',
      outcome: isFailure ? 'failed' : 'done',
      details: {
        removed: done,
        failed,
        left,
        kept,
        removedBytes,
        freedBytes,
        freedObjects,
        plans,
        ...(garbageError === undefined ? {} : { code: garbageError.code }),
      },
    });
  }
  const { spaceFreedThresholdBytes } = await settingsInForce(context.catalogue, null);
  if (freedBytes <= spaceFreedThresholdBytes) return;
  const notice = { kind: 'space-freed', severity: 'info', key: 'space-freed' } as const;
  await notify(context, { ...notice, params: { freedBytes, freedObjects, removed: done } });
}

function documentOf(removal: ExpiredRemoval, space: FreedSpace, dryRun: boolean): CleanupDocument {
  const { counts, failed, items } = removal;
  return { dryRun, ...space, ...counts, left: counts.left + space.left, failed, items };
}
