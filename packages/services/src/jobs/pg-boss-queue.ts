import { translatePgError } from '@cofre/postgres';
import { sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import type { JobQueue, QueuedJob } from './job-queue.ts';

/**
 * The queue on pg-boss, in a schema of its own of the same database. It carries ids; what becomes of a job is written in
 * `cofre.jobs`, so nothing is tried again here, and a delivery that died with its worker is only cleared away.
 */
export interface PgBossQueue extends JobQueue, AsyncDisposable {
  /** Brings jobs that nobody brought, or whose delivery was lost; those that are under way are left. */
  adopt(jobs: readonly QueuedJob[]): Promise<void>;
  /** Calls `run` for each delivered job, at most `concurrency` at a time. */
  work(options: { readonly concurrency: number; readonly run: (jobId: string) => Promise<void> }): Promise<void>;
  /** Calls `run` at the times of `cron` (in UTC), each time in one worker of all. */
  repeat(options: { readonly name: string; readonly cron: string; readonly run: () => Promise<void> }): Promise<void>;
  /** There is something to deliver: it is looked for now, and not when the pause is over. */
  wake(): void;
  /** Takes no more; what was delivered goes on. */
  takeNoMore(): Promise<void>;
}

export interface PgBossOptions {
  readonly url: string;
  /** False: only sends. Others then look after the queue itself. */
  readonly takesJobs: boolean;
  /** The database is away, most often; pg-boss tries again by itself. */
  readonly onError: (error: unknown) => void;
}

/** Not pg-boss's usual `pgboss`: that may be the application's own, of another version, which ours would upgrade. */
const SCHEMA = 'cofre_queue';
const JOBS = 'cofre-jobs';

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;

/** A worker that is not heard of for so long has lost its deliveries. */
const HEARTBEAT_SECONDS = 30;
/** For deliveries that nobody woke us for. */
const POLL_SECONDS = 5;

/** `exclusive`: of one key, one delivery waits or is under way. */
const QUEUE = {
  policy: 'exclusive',
  retryLimit: 0,
  expireInSeconds: DAY_SECONDS,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  deleteAfterSeconds: HOUR_SECONDS,
} as const;

interface Delivery {
  readonly job: string;
}

/** Connects, and makes or updates pg-boss's own schema where it has to. */
export async function openPgBossQueue({ url, takesJobs, onError }: PgBossOptions): Promise<PgBossQueue> {
  const boss = new PgBoss({
    connectionString: url,
    schema: SCHEMA,
    application_name: 'cofre queue',
    supervise: takesJobs,
    schedule: takesJobs,
  });
  boss.on('error', (error) => onError(translatePgError(error, { doing: 'looking after the queue of jobs' })));
  try {
    await boss.start();
  } catch (error) {
    throw translatePgError(error, { doing: 'opening the queue of jobs', outcome: 'Nothing was started.' });
  }
  const working: string[] = [];
  const wake = () => {
    for (const { id } of boss.getWipData()) boss.notifyWorker(id);
  };
  const work = async (name: string, concurrency: number, run: (data: Delivery | null) => Promise<void>) => {
    const options = { localConcurrency: concurrency, pollingIntervalSeconds: POLL_SECONDS, batchSize: 1 };
    await boss.work<Delivery | null>(name, options, async ([delivered]) => {
      await run(delivered?.data ?? null);
      // Else the next one would wait until the pause is over.
      wake();
    });
    working.push(name);
  };
  await boss.createQueue(JOBS, QUEUE);
  return {
    async send(transaction, job) {
      // pg-boss's tables are of whoever connects, not of the role that requests of people are run as.
      await sql`SET LOCAL ROLE NONE`.execute(transaction);
      await boss.send(JOBS, { job: job.id }, { singletonKey: keyOf(job), db: fromKysely(transaction) });
    },
    async adopt(jobs) {
      if (jobs.length === 0) return;
      const deliveries = jobs.map((job) => ({ data: { job: job.id }, singletonKey: keyOf(job) }));
      await boss.insert(JOBS, deliveries);
      wake();
    },
    wake,
    work: ({ concurrency, run }) =>
      work(JOBS, concurrency, async (delivery) => {
        if (delivery !== null) await run(delivery.job);
      }),
    async repeat({ name, cron, run }) {
      await boss.createQueue(name, QUEUE);
      await boss.schedule(name, cron, null, { tz: 'UTC' });
      await work(name, 1, run);
    },
    async takeNoMore() {
      for (const name of working.splice(0)) await boss.offWork(name, { wait: false });
    },
    [Symbol.asyncDispose]: () => boss.stop({ graceful: false }),
  };
}

/** An attempt is delivered once. The next one is a delivery of its own, though the one before died and was not cleared away yet. */
function keyOf({ id, attempts }: QueuedJob): string {
  return `${id} ${attempts}`;
}
