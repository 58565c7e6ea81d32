import { CofreError } from '@cofre/contracts';
import {
  cleanupExpiredBackups,
  executeScheduledBackups,
  type JobNotices,
  listenForJobs,
  openPgBossQueue,
  type PgBossQueue,
  type RunJob,
  runJob,
  type ServiceContext,
  tendJobs,
} from '@cofre/services';
import { ClockWork } from './clock-work.ts';
import { type RunningHttp, startHttp } from './http-server.ts';
import { errorFields, type Logger } from './logger.ts';
import { KnownJobs } from './known-jobs.ts';
import { Pages } from './pages.ts';
import { Presence } from './presence.ts';
import { settlesWithin } from './within.ts';
import { DEFAULT_WORKER_PACE, type WorkerPace } from './worker-pace.ts';

export interface WorkerOptions {
  /** The installation that it works for. Who asks in it, its signal and its progress are of no account. */
  readonly context: ServiceContext;
  /** Of the same database: the queue has connections of its own. */
  readonly databaseUrl: string;
  readonly logger: Logger;
  readonly version: string;
  readonly nodeVersion: string;
  /** Where it runs, for people: `host:pid`. */
  readonly name: string;
  /** So many jobs at the same time, and besides them so many scheduled backups. */
  readonly concurrency: number;
  /** Where health and metrics are; port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly pace?: Partial<WorkerPace>;
}

export interface RunningWorker {
  readonly id: string;
  /** Of its health and metrics. */
  readonly url: string;
  /** Takes no more; lets what is under way end, or puts it back where it was. */
  stop(): Promise<void>;
}

/**
 * Runs jobs and what is scheduled, until it is stopped. Any number of workers, on any machines, share the database and the
 * repository and nothing else. One that dies leaves nothing that others do not find.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const worker = new Worker(options);
  try {
    await worker.start();
    return worker;
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

/** Minutes past the hour are as good as any, but the full hour is when everybody else begins. */
const CLEANUP = { name: 'cofre-cleanup', cron: '23 * * * *' } as const;

/** The queue's own goodbye; a database that is away must not hold up the end. */
const CLOSE_TIMEOUT_MS = 2_000;

class Worker implements RunningWorker {
  readonly id: string;
  readonly #options: WorkerOptions;
  readonly #pace: WorkerPace;
  readonly #logger: Logger;
  readonly #context: ServiceContext;
  readonly #pages: Pages;
  readonly #presence: Presence;
  /** Fires when what is under way has to stop where it is. */
  readonly #halt = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #tending: ClockWork | null = null;
  #clocks: readonly ClockWork[] = [];
  #http: RunningHttp | null = null;
  #queue: PgBossQueue | null = null;
  #notices: JobNotices | null = null;
  #isReady = false;
  #stopped: Promise<void> | null = null;

  constructor(options: WorkerOptions) {
    const { context, logger, version, nodeVersion, name, pace } = options;
    this.id = context.random.uuid();
    this.#options = options;
    this.#logger = logger;
    this.#pace = { ...DEFAULT_WORKER_PACE, ...pace };
    const own: ServiceContext = {
      ...context,
      actor: { kind: 'service', name: 'worker' },
      signal: this.#halt.signal,
      onProgress: undefined,
      jobId: undefined,
    };
    this.#pages = new Pages({ context: own, build: { version, nodeVersion }, state: () => this.#state() });
    this.#context = { ...own, onEnded: this.#pages.work.count };
    const { announceMs: everyMs, staleMs } = this.#pace;
    const facts = { id: this.id, name, version };
    this.#presence = new Presence({ context: this.#context, facts, logger, everyMs, staleMs });
  }

  get url(): string {
    return this.#http?.url ?? '';
  }

  async start(): Promise<void> {
    const { concurrency, databaseUrl: url, listen, context, name } = this.#options;
    this.#http = await startHttp({ ...listen, pages: this.#pages.byPath });
    await this.#presence.begin();
    this.#notices = listenForJobs(context.database);
    const onError = (error: unknown) => this.#logger.debug(errorFields(error), 'the queue had an error');
    this.#queue = await openPgBossQueue({ url, takesJobs: true, onError });
    await this.#queue.work({ concurrency, run: (jobId) => this.#track(() => this.#runJob(jobId)) });
    await this.#queue.repeat({ ...CLEANUP, run: () => this.#track(() => this.#cleanUp()) });
    this.#startClocks();
    this.#isReady = true;
    this.#logger.info({ worker: this.id, name, concurrency, listening: this.url }, 'worker started');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #startClocks(): void {
    const { tendMs, scheduleMs, measureMs } = this.#pace;
    const tending = new ClockWork({ pauseMs: () => tendMs, run: () => this.#tend() });
    const known = new KnownJobs();
    this.#notices?.subscribe((jobId) => {
      if (!known.isNew(jobId)) return;
      this.#queue?.wake();
      tending.hurry();
    });
    const schedule = new ClockWork({
      pauseMs: () => scheduleMs + this.#jitter(scheduleMs / 6),
      run: () => this.#executeScheduled(),
    });
    const measure = new ClockWork({ pauseMs: () => measureMs, run: () => this.#measure() });
    this.#tending = tending;
    this.#clocks = [tending, schedule, measure];
  }

  #jitter(widthMs: number): number {
    const [byte = 0] = this.#context.random.bytes(1);
    return (widthMs * byte) / 255;
  }

  #state() {
    const { isFresh } = this.#presence;
    const isStopping = this.#stopped !== null;
    return { id: this.id, isStopping, isReady: this.#isReady, isFresh, jobs: this.#underWay.size };
  }

  /** What was delivered after the stop was asked for is left where it is: other workers find it. */
  async #track(work: () => Promise<void>): Promise<void> {
    if (this.#stopped !== null) return;
    const running = work();
    this.#underWay.add(running);
    try {
      await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  async #runJob(jobId: string): Promise<void> {
    const runner = {
      id: this.id,
      signal: this.#halt.signal,
      notices: this.#notices ?? undefined,
      pace: this.#pace.jobs,
    };
    try {
      const ended = await runJob(this.#context, jobId, runner);
      if (ended.state === 'not-taken') return;
      this.#pages.work.countJob(ended);
      this.#logEnded(jobId, ended);
    } catch (error) {
      this.#logger.warn({ job: jobId, ...errorFields(error) }, 'a job could not be taken');
    } finally {
      // Another one of its implementation may have waited for this.
      this.#tending?.hurry();
    }
  }

  #logEnded(job: string, ended: RunJob): void {
    const { state, kind, implementation } = ended;
    const fields = { job, kind, implementation, state, code: 'code' in ended ? ended.code : undefined };
    if (state === 'failed' || state === 'lost') this.#logger.error(fields, 'job ended');
    else if (state === 'waiting') this.#logger.warn(fields, 'job put back');
    else this.#logger.info(fields, 'job ended');
  }

  /** Jobs that were abandoned, or that no queue knows. */
  async #tend(): Promise<void> {
    try {
      const { returned, due } = await tendJobs(this.#context, { pace: this.#pace.jobs });
      if (returned > 0) this.#logger.warn({ jobs: returned }, 'abandoned jobs wait again');
      await this.#queue?.adopt(due);
    } catch (error) {
      this.#logger.debug(errorFields(error), 'jobs could not be looked for');
    }
  }

  async #executeScheduled(): Promise<void> {
    const { concurrency } = this.#options;
    const budget = { mayStart: () => this.#stopped === null, sliceBytesMax: null, concurrency };
    try {
      const { done, unchanged, failed, left } = await executeScheduledBackups(this.#context, {}, budget);
      if (done + failed.length > 0)
        this.#logger.info({ done, unchanged, failed: failed.length, left }, 'scheduled backups');
      for (const { implementation, code } of failed)
        this.#logger.error({ implementation, code }, 'a scheduled backup failed');
    } catch (error) {
      this.#logStopped(error, 'scheduled backups could not be made');
    }
  }

  async #cleanUp(): Promise<void> {
    const budget = { mayStart: () => this.#stopped === null, sliceBytesMax: null, concurrency: 1 };
    try {
      const { done, failed, left, freedBytes } = await cleanupExpiredBackups(this.#context, {}, budget);
      this.#logger.info({ done, failed: failed.length, left, freedBytes }, 'clean-up');
      for (const { implementation, code } of failed) this.#logger.error({ implementation, code }, 'a clean-up failed');
    } catch (error) {
      this.#logStopped(error, 'clean-up could not be done');
    }
  }

  async #measure(): Promise<void> {
    try {
      await this.#pages.measureRepository(this.#halt.signal);
    } catch (error) {
      this.#logStopped(error, 'the repository could not be measured');
    }
  }

  /** What our own stop has ended is no fault. */
  #logStopped(error: unknown, event: string): void {
    if (this.#halt.signal.aborted) this.#logger.info(errorFields(error), event);
    else this.#logger.error(errorFields(error), event);
  }

  async #stop(): Promise<void> {
    const { graceMs, abortMs } = this.#pace;
    // Who never started says why, and nothing else.
    if (this.#isReady) this.#logger.info({ worker: this.id, jobs: this.#underWay.size }, 'worker stops');
    const takingNoMore = this.#queue?.takeNoMore() ?? Promise.resolve();
    const idle = Promise.allSettled([
      takingNoMore.then(() => Promise.allSettled(this.#underWay)),
      ...this.#clocks.map((clock) => clock.stop()),
    ]);
    if (!(await settlesWithin(idle, graceMs))) {
      this.#logger.warn({ jobs: this.#underWay.size }, 'what is under way is put back');
      this.#halt.abort(new CofreError('backup/interrupted', 'The worker was stopped.'));
      await settlesWithin(idle, abortMs);
    }
    await settlesWithin(this.#sayGoodbye(), CLOSE_TIMEOUT_MS);
    await this.#http?.[Symbol.asyncDispose]();
    if (this.#isReady) this.#logger.info({ worker: this.id }, 'worker stopped');
  }

  async #sayGoodbye(): Promise<void> {
    await Promise.allSettled([
      this.#presence.end(),
      this.#notices?.[Symbol.asyncDispose](),
      this.#queue?.[Symbol.asyncDispose](),
    ]);
  }
}
