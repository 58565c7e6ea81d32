import { setTimeout as sleep } from 'node:timers/promises';
import { type BackupDocument, type BackupSettings, isCofreError } from '@cofre/contracts';
import { type AuditEntry, auditQuery } from '../audit/audit.ts';
import { estimateBytes } from '../backups/estimate-bytes.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { settleInterrupted } from '../backups/recover-interrupted.ts';
import type { SharedWork } from '../backups/shared-work.ts';
import { type BackupRequest, takeBackupIfChanged } from '../backups/take-backup.ts';
import type { SliceInputs } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { type Claim, type Claimed, holdsClaim, later, RENEW_MS, renewClaims } from './claims.ts';
import type { Scheduled } from './find-scheduled.ts';
import { judgeFailure } from './judge-failure.ts';
import { neverComes } from './never-comes.ts';
import { notifyDeferred } from './notices.ts';
import { nextRun } from './schedule.ts';
import { settleDeferred, settleDone, unschedule } from './settle-claim.ts';

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
  readonly shared: SharedWork;
  /** A larger slice is left to a worker; null: none is too large. */
  readonly sliceBytesMax: number | null;
  /** Refuses an implementation whose rows are another's, too. */
  readonly refuseSharedRows: (slice: SliceInputs) => Promise<void>;
}

/**
 * Backs up one implementation that was claimed, and says in the catalogue how it went and when it is due next. Throws
 * only where the catalogue itself fails, or the run was interrupted; what is wrong with the implementation is an outcome.
 */
export async function backUpClaimed(run: ScheduledRun, claimed: Claimed): Promise<Outcome> {
  const due = dueOf(run, claimed);
  if (due === null) {
    await unschedule(run.context.catalogue, claimed.claim);
    return { kind: 'settled' };
  }
  const { claim, scheduled } = due;
  try {
    return await renewing(run, claim, () => backUp(run, due, scheduled.slice()));
  } catch (error) {
    // It grew out of what this runner may take after it was begun: the estimate was far off.
    if (run.sliceBytesMax !== null && isCofreError(error, 'backup/needs-worker')) {
      await leaveToWorker(run, due, run.sliceBytesMax);
      return { kind: 'deferred' };
    }
    return judgeFailure(run.context, due, error);
  }
}

/** What was claimed, as it is now. */
export interface Due {
  readonly claim: Claim;
  readonly scheduled: Scheduled;
  /** The next regular time. Throws `settings/invalid-schedule`. */
  readonly next: () => Date;
}

/** null: the implementation is gone, or its schedule. */
export function dueOf(run: ScheduledRun, { claim, scheduled }: Claimed): Due | null {
  if (scheduled === null || scheduled.settings.schedule === null) return null;
  return { claim, scheduled, next: () => nextTime(run, scheduled.settings) };
}

/** A missed time is caught up once: whatever was missed, the next one is after now. */
function nextTime({ context, dueBy }: ScheduledRun, { schedule, timeZone }: BackupSettings): Date {
  const own = { schedule: schedule ?? '', timeZone };
  const next = nextRun(own, later(dueBy, context.clock.now()));
  if (next === null) throw neverComes(own);
  return next;
}

async function backUp(run: ScheduledRun, due: Due, slice: SliceInputs): Promise<Outcome> {
  // Before anything is read: a schedule that is impossible by now would make it due for ever.
  due.next();
  if (await isLeftToWorker(run, due, slice)) return { kind: 'deferred' };
  await run.refuseSharedRows(slice);
  return withImplementationLock(run.context, slice.ref, (signal) =>
    underLock({ ...run, context: { ...run.context, signal } }, due, slice),
  );
}

async function isLeftToWorker(run: ScheduledRun, { claim, scheduled }: Due, slice: SliceInputs): Promise<boolean> {
  const { context, sliceBytesMax: bytesMax } = run;
  if (bytesMax === null) return false;
  const bytes = await estimateBytes(context, slice, scheduled.settings.defaultType);
  if (bytes <= bytesMax) return false;
  await leaveToWorker(run, { claim, scheduled }, bytes);
  return true;
}

/** `bytes`: what the slice has at least. */
async function leaveToWorker(run: ScheduledRun, due: Pick<Due, 'claim' | 'scheduled'>, bytes: number): Promise<void> {
  await settleDeferred(run.context.catalogue, due.claim);
  await notifyDeferred(run.context, due.scheduled.ref, { bytes, bytesMax: run.sliceBytesMax ?? bytes });
}

/** Nobody else backs it up now. But somebody may have, while we waited or slept; then nothing is left to do. */
async function underLock(run: ScheduledRun, { claim, scheduled, next }: Due, slice: SliceInputs): Promise<Outcome> {
  const { context, dueBy, shared } = run;
  const { catalogue, clock } = context;
  if (!(await holdsClaim(catalogue, claim))) return { kind: 'settled' };
  const settle = () => settleDone(catalogue, claim, { now: clock.now(), dueBy, next: next() });
  if (claim.isTakenOver && (await wasMade(context, claim))) {
    await settle();
    return { kind: 'done', unchanged: false };
  }
  const backup = await takeBackupIfChanged(context, { ...requestOf({ claim, scheduled, next }, slice), shared });
  await settle();
  if (backup === null) return { kind: 'done', unchanged: true };
  const entries = auditOf(scheduled, backup);
  if (entries.length > 0) await auditQuery(context, ...entries).execute();
  return { kind: 'done', unchanged: false };
}

export function requestOf({ claim, scheduled: { settings }, next }: Due, slice: SliceInputs): BackupRequest {
  return {
    slice,
    type: settings.defaultType,
    description: null,
    expiresAt: undefined,
    compression: undefined,
    safety: false,
    origin: 'scheduled',
    scheduledFor: claim.dueAt,
    settings,
    // Else the earlier one could expire before the next look, and nothing would be left.
    ...(settings.skipUnchanged ? { skipIfHeldUntil: next() } : {}),
  };
}

/** None where the settings want none. */
export function auditOf({ ref, settings }: Scheduled, backup: BackupDocument): readonly AuditEntry[] {
  if (settings.audit.CREATE_MODULE_BACKUP === false) return [];
  const details = { type: backup.type, bytesStored: backup.stats.bytesStored };
  return [{ action: 'CREATE_MODULE_BACKUP', implementation: ref, backupId: backup.id, details }];
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

/** Says again and again that it is ours, and with it what was claimed together with it, as long as `work` lasts. */
export async function renewing<T>({ context }: ScheduledRun, claim: Claim, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const renew = async () => {
    for (;;) {
      await sleep(RENEW_MS, undefined, { signal: over.signal });
      // Where the catalogue cannot be reached the work itself finds out; where the claim is lost, the lock decides.
      await renewClaims(context.catalogue, claim.id, context.clock.now()).catch(() => undefined);
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
