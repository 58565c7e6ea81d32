import { setTimeout as sleep } from 'node:timers/promises';
import { type BackupSettings, CofreError, isCofreError } from '@cofre/contracts';
import { audit, auditQuery } from '../audit/audit.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { settleInterrupted } from '../backups/recover-interrupted.ts';
import { takeBackup } from '../backups/take-backup.ts';
import { toCofreError } from '../error-document.ts';
import { type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import { notify } from '../notifications/notify.ts';
import type { ServiceContext } from '../service-context.ts';
import { busyPauseMs, FAILURES_UNTIL_NOTICE, retryPauseMs } from './back-off.ts';
import { type Claim, later, RENEW_MS, renewClaim } from './claims.ts';
import { findScheduled, type Scheduled } from './find-scheduled.ts';
import { nextRun } from './schedule.ts';
import { postpone, releaseClaim, settleDone, settleFailed, unschedule } from './settle-claim.ts';

/** How it went with one that was due. */
export type Outcome =
  | { readonly kind: 'done'; readonly unchanged: boolean }
  | { readonly kind: 'failed'; readonly implementation: string; readonly code: string }
  /** Too large for this run. */
  | { readonly kind: 'deferred' }
  /** Somebody else is at it. */
  | { readonly kind: 'busy' }
  /** It is not due any more: somebody else did it, or it, or its schedule, is gone. */
  | { readonly kind: 'settled' };

export interface ScheduledRun {
  /** With the rights of the service, and as it. */
  readonly context: ServiceContext;
  /** What is due by then is taken. */
  readonly dueBy: Date;
  /** Refuses an implementation whose rows are another's, too. */
  readonly refuseSharedRows: (slice: SliceInputs) => Promise<void>;
}

/**
 * Backs up one implementation that was claimed, and says in the catalogue how it went and when it is due next. Throws
 * only where the catalogue itself fails, or the run was interrupted; what is wrong with the implementation is an outcome.
 */
export async function backUpClaimed(run: ScheduledRun, claim: Claim): Promise<Outcome> {
  const { catalogue } = run.context;
  const scheduled = await findScheduled(catalogue, claim.implementationId);
  if (scheduled === null || scheduled.settings.schedule === null) {
    await unschedule(catalogue, claim);
    return { kind: 'settled' };
  }
  try {
    const next = nextTime(run, scheduled.settings);
    return await renewing(run, claim, () => backUp(run, { claim, scheduled, next }));
  } catch (error) {
    return judge(run, { claim, scheduled, error });
  }
}

interface Due {
  readonly claim: Claim;
  readonly scheduled: Scheduled;
  readonly next: Date;
}

/** A missed time is caught up once: whatever was missed, the next one is after now. */
function nextTime({ context, dueBy }: ScheduledRun, { schedule, timeZone }: BackupSettings): Date {
  const next = nextRun({ schedule: schedule ?? '', timeZone }, later(dueBy, context.clock.now()));
  if (next !== null) return next;
  throw new CofreError(
    'settings/invalid-schedule',
    `"${schedule}" names a time that never comes. Nothing was started.`,
    {
      params: { schedule: schedule ?? '', timeZone },
    },
  );
}

async function backUp(run: ScheduledRun, due: Due): Promise<Outcome> {
  const { context, refuseSharedRows } = run;
  const slice = sliceInputsOf(due.scheduled.facts);
  await refuseSharedRows(slice);
  return withImplementationLock(context, slice.ref, (signal) => underLock({ ...context, signal }, { run, due, slice }));
}

/** Nobody else backs it up now. But somebody may have, while we waited or slept; then nothing is left to do. */
async function underLock(
  context: ServiceContext,
  { run, due, slice }: { readonly run: ScheduledRun; readonly due: Due; readonly slice: SliceInputs },
): Promise<Outcome> {
  const { claim, scheduled, next } = due;
  const { catalogue, clock } = context;
  if (!(await renewClaim(catalogue, claim, clock.now()))) return { kind: 'settled' };
  const done = (unchanged: boolean): Outcome => ({ kind: 'done', unchanged });
  const settle = () => settleDone(catalogue, claim, { now: clock.now(), dueBy: run.dueBy, next });
  if (claim.isTakenOver && (await wasMade(context, claim))) {
    await settle();
    return done(false);
  }
  const { defaultType: type, audit: events } = scheduled.settings;
  if (type === 'differential') throw notAvailable();
  const backup = await takeBackup(context, {
    slice,
    type,
    description: null,
    expiresAt: undefined,
    compression: undefined,
    safety: false,
    origin: 'scheduled',
    scheduledFor: claim.dueAt,
  });
  await settle();
  if (events.CREATE_MODULE_BACKUP !== false) {
    const details = { type: backup.type, bytesStored: backup.stats.bytesStored };
    await auditQuery(context, {
      action: 'CREATE_MODULE_BACKUP',
      implementation: slice.ref,
      backupId: backup.id,
      details,
    }).execute();
  }
  return done(false);
}

function notAvailable(): CofreError {
  return new CofreError('usage/not-available-yet', 'This version cannot make differential backups yet.', {
    hint: 'Let the policy make incremental ones; they store what changed since the backup before.',
  });
}

/** Whether the runner that had it before made the backup of this very time, and died before it could say so. */
async function wasMade(context: ServiceContext, claim: Claim): Promise<boolean> {
  await settleInterrupted(context.catalogue, claim.implementationId, await context.openRepository());
  const made = await context.catalogue
    .selectFrom('public.module_backups')
    .select('id')
    .where('source_implementation_id', '=', claim.implementationId)
    .where('origin', '=', 'scheduled')
    .where('status', '=', 'completed')
    .where((eb) => eb(eb.ref('metadata', '->>').key('scheduledFor'), '=', claim.dueAt))
    .executeTakeFirst();
  return made !== undefined;
}

/** Says again and again that it is ours, as long as `work` lasts. */
async function renewing<T>({ context }: ScheduledRun, claim: Claim, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const renew = async () => {
    for (;;) {
      await sleep(RENEW_MS, undefined, { signal: over.signal });
      // Where the catalogue cannot be reached the work itself finds out; where the claim is lost, the lock decides.
      await renewClaim(context.catalogue, claim, context.clock.now()).catch(() => undefined);
    }
  };
  const renewal = renew().catch(() => undefined);
  try {
    return await work();
  } finally {
    over.abort();
    await renewal;
  }
}

/** What follows from a failure: an early retry where that may help, else the next regular time, and somebody is told. */
async function judge(
  run: ScheduledRun,
  { claim, scheduled, error }: { readonly claim: Claim; readonly scheduled: Scheduled; readonly error: unknown },
): Promise<Outcome> {
  const { context } = run;
  const { catalogue, clock, random } = context;
  const { code, retryable } = toCofreError(error);
  const { ref } = scheduled.facts;
  const after = (pauseMs: number) => new Date(clock.now().getTime() + pauseMs);
  if (isCofreError(error, 'backup/interrupted') && context.signal?.aborted === true) {
    await releaseClaim(catalogue, claim);
    throw error;
  }
  if (code === 'backup/busy') {
    await postpone(catalogue, claim, after(busyPauseMs(random)));
    return { kind: 'busy' };
  }
  const failures = claim.failures + 1;
  if (retryable && failures < FAILURES_UNTIL_NOTICE) {
    await settleFailed(catalogue, claim, { error, retryAt: after(retryPauseMs(failures, random)) });
  } else {
    const isImpossible = code === 'settings/invalid-schedule';
    const next = isImpossible ? null : nextTime(run, scheduled.settings);
    await settleFailed(catalogue, claim, { error, next });
    const kind = isImpossible ? 'schedule-invalid' : 'backup-failed';
    await notify(context, {
      kind,
      severity: 'error',
      key: `${kind} ${ref.id}`,
      implementation: ref,
      params: { code, failures, nextBackupAt: next?.toISOString() ?? null },
    });
  }
  await audit(context, { action: 'CREATE_MODULE_BACKUP', outcome: 'failed', implementation: ref, details: { code } });
  return { kind: 'failed', implementation: `${ref.module}/${ref.key}`, code };
}
