import { setTimeout as sleep } from 'node:timers/promises';
import type { CofreError } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { toCofreError, toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET, type WorkBudget } from '../work-budget.ts';
import type { ClaimedJob } from './claim-job.ts';
import { deferJob } from './defer-job.ts';
import { failJob } from './fail-job.ts';
import { JOB_WORK } from './job-kinds.ts';
import type { JobNotices } from './job-notices.ts';
import { ATTEMPTS_MAX, DEFAULT_JOB_PACE, type JobPace, retryPauseMs } from './job-pace.ts';
import { ProgressRow } from './job-progress.ts';
import { JobWatch, type StopReason } from './job-watch.ts';
import type { JobResult } from './job-work.ts';
import { markCanceled, markCompleted, putBack, type Waiting } from './settle-job.ts';
import { actorOfToday } from './stored-actor.ts';

/** Who carries out jobs: a worker, or one call of an edge function. */
export interface JobRunner {
  readonly id: string;
  /** Fires when the runner has to stop: what is under way goes back to waiting, and another one goes on with it. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of cancelled jobs at once; without it at the next heartbeat. */
  readonly notices?: JobNotices | undefined;
  readonly pace?: Partial<JobPace> | undefined;
  /** What it may take on; absent: everything. */
  readonly budget?: WorkBudget | undefined;
}

/** How it went with a job. */
export type JobOutcome =
  | { readonly state: 'completed' | 'canceled' }
  /** Too large for this runner; a worker takes it. */
  | { readonly state: 'deferred' }
  | { readonly state: 'failed'; readonly code: string }
  /** Put back, to be tried again later; `code` says why. */
  | { readonly state: 'waiting'; readonly code: string }
  /** Somebody else has it by now, or how it went could not be written down: then it will be found abandoned. */
  | { readonly state: 'lost' };

/**
 * Carries out a job that was claimed, as who asked for it and with the rights that they have now, and writes down how it
 * went. Does not throw: what goes wrong is the job's.
 */
export async function performJob(caller: ServiceContext, job: ClaimedJob, runner: JobRunner): Promise<JobOutcome> {
  const pace = { ...DEFAULT_JOB_PACE, ...runner.pace };
  const { notices, signal: workerSignal } = runner;
  const context = await authorize(caller, 'runJob');
  await using watch = new JobWatch(context.catalogue, job, { heartbeatMs: pace.heartbeatMs, workerSignal, notices });
  const progress = new ProgressRow(context.catalogue, { jobId: job.id, everyMs: pace.progressMs });
  const ended = await attempt(caller, { job, runner, watch, progress });
  await progress.end();
  const takesLarge = (runner.budget ?? NO_BUDGET).sliceBytesMax === null;
  const settling = { job, stopped: watch.reason, pace, takesLarge };
  return await writeDown(pace, () => settle(context, settling, ended));
}

type Ended = { readonly done: JobResult } | { readonly error: CofreError };

interface Attempt {
  readonly job: ClaimedJob;
  readonly runner: JobRunner;
  readonly watch: JobWatch;
  readonly progress: ProgressRow;
}

async function attempt(caller: ServiceContext, { job, runner, watch, progress }: Attempt): Promise<Ended> {
  try {
    const actor = await actorOfToday(caller.catalogue, job.actor);
    const context: ServiceContext = {
      ...caller,
      actor,
      jobId: job.id,
      signal: watch.signal,
      onProgress: (event) => {
        progress.report(event);
        caller.onProgress?.(event);
      },
    };
    return { done: await JOB_WORK[job.kind].prepare(job.input).run(context, runner.budget ?? NO_BUDGET) };
  } catch (error) {
    return { error: toCofreError(error) };
  }
}

interface Settling {
  readonly job: ClaimedJob;
  readonly stopped: StopReason | null;
  readonly pace: JobPace;
  /** False: what needs a worker is left to one. */
  readonly takesLarge: boolean;
}

async function settle(context: ServiceContext, settling: Settling, ended: Ended): Promise<JobOutcome> {
  const { catalogue } = context;
  const { job, stopped, pace, takesLarge } = settling;
  const orLost = async (isWritten: Promise<boolean>, outcome: JobOutcome): Promise<JobOutcome> =>
    (await isWritten) ? outcome : { state: 'lost' };
  if (stopped === 'lost') return { state: 'lost' };
  if ('done' in ended) {
    const { result, backupId = job.backupId } = ended.done;
    return orLost(markCompleted(catalogue, job, { result, backupId }), { state: 'completed' });
  }
  const { error } = ended;
  if (stopped !== null && isInterruption(error)) {
    if (stopped === 'canceled') return orLost(markCanceled(catalogue, job), { state: 'canceled' });
    const waiting: Waiting = { pauseMs: 0, error: null, countsAsAttempt: false };
    return orLost(putBack(catalogue, job, waiting), { state: 'waiting', code: error.code });
  }
  if (error.code === 'backup/needs-worker' && !takesLarge) {
    return orLost(deferJob(context, job), { state: 'deferred' });
  }
  if (isWorthRetrying(error) && job.attempts < ATTEMPTS_MAX) {
    const pauseMs = retryPauseMs(job.attempts, pace);
    const waiting: Waiting = { pauseMs, error: toErrorDocument(error), countsAsAttempt: true };
    return orLost(putBack(catalogue, job, waiting), { state: 'waiting', code: error.code });
  }
  return orLost(failJob(context, job, error), { state: 'failed', code: error.code });
}

/** As use cases report a signal that fired, or as Node's own functions do. */
function isInterruption(error: CofreError): boolean {
  return error.code === 'backup/interrupted' || (error.cause instanceof Error && error.cause.name === 'AbortError');
}

/** What may succeed later with nothing else changed. Of a commit whose outcome is unknown, the next attempt asks the database. */
function isWorthRetrying(error: CofreError): boolean {
  return error.retryable || error.code === 'restore/outcome-unknown';
}

/** Between tries to write down how a job went. */
const WRITE_PAUSE_MS = 1_000;

/**
 * The database may be away in the moment when a job ends. It is tried until the job counts as abandoned: whoever finds it
 * then begins it again, and sees what was done.
 */
async function writeDown(pace: JobPace, write: () => Promise<JobOutcome>): Promise<JobOutcome> {
  const tries = Math.max(1, Math.ceil(pace.abandonedMs / WRITE_PAUSE_MS));
  for (let tried = 1; tried <= tries; tried += 1) {
    try {
      return await write();
    } catch {
      await sleep(WRITE_PAUSE_MS);
    }
  }
  return { state: 'lost' };
}
