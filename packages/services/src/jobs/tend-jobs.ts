import { CofreError, jobKind } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { implementationOf, isDue } from './claim-job.ts';
import { failJob } from './fail-job.ts';
import { ATTEMPTS_MAX, DEFAULT_JOB_PACE, type JobPace } from './job-pace.ts';
import type { QueuedJob } from './job-queue.ts';

export interface TendedJobs {
  /** Jobs whose worker died, and that wait again. */
  readonly returned: number;
  /** Jobs that may run now, whoever asked for them and however: of each implementation the first. */
  readonly due: readonly QueuedJob[];
}

/** So many are brought to workers at a time; the rest when these have begun. */
const DUE_MAX = 200;

/** How long a job that has ended stays in the list. */
const KEPT_DAYS = 90;

/**
 * What somebody has to look after now and then, any number of workers at once: jobs that were abandoned wait again, jobs
 * that no queue knows are found, old ones are forgotten.
 */
export async function tendJobs(
  caller: ServiceContext,
  options: { readonly pace?: Partial<JobPace> | undefined } = {},
): Promise<TendedJobs> {
  const context = await authorize(caller, 'tendJobs');
  const returned = await returnAbandoned(context, { ...DEFAULT_JOB_PACE, ...options.pace });
  await forgetOld(context.catalogue);
  return { returned, due: await findDue(context.catalogue) };
}

/**
 * By the clock of the database, which wrote the heartbeats. One that lies ahead was written before that clock was set back,
 * by a worker that was not heard of since.
 */
function isAbandoned({ abandonedMs }: JobPace) {
  const limit = sql`pg_catalog.make_interval(secs => ${abandonedMs / 1000})`;
  return sql<boolean>`state = 'running' AND COALESCE(
    heartbeat_at NOT BETWEEN pg_catalog.clock_timestamp() - ${limit} AND pg_catalog.clock_timestamp() + ${limit}, true)`;
}

/** Jobs whose worker is not heard of any more wait again; one that took every worker with it fails in the end. */
export async function returnAbandoned(
  context: Pick<ServiceContext, 'catalogue' | 'clock'>,
  pace: JobPace,
): Promise<number> {
  const { catalogue } = context;
  const exhausted = await catalogue
    .selectFrom('cofre.jobs')
    .selectAll()
    .where(isAbandoned(pace))
    .where('attempts', '>=', ATTEMPTS_MAX)
    .execute();
  for (const row of exhausted) {
    const { id, attempts, worker_id: workerId } = row;
    const kind = jobKind.safeParse(row.kind);
    if (!kind.success || workerId === null) continue;
    const held = { id, kind: kind.data, implementation: implementationOf(row), attempts, workerId };
    await failJob(context, held, abandoned(id, attempts));
  }
  const result = await catalogue
    .updateTable('cofre.jobs')
    .set({
      state: 'waiting',
      worker_id: null,
      heartbeat_at: null,
      run_after: sql<Date>`pg_catalog.clock_timestamp()`,
    })
    .where(isAbandoned(pace))
    .where('attempts', '<', ATTEMPTS_MAX)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

function abandoned(id: string, attempts: number): CofreError {
  return new CofreError(
    'job/abandoned',
    `The job ${id} was begun ${attempts} times, and each time its worker ended before it was done.`,
    { params: { job: id, attempts } },
  );
}

async function findDue(catalogue: Catalogue): Promise<readonly QueuedJob[]> {
  const { rows } = await sql<QueuedJob>`
    SELECT id, attempts FROM (
      SELECT DISTINCT ON (COALESCE(j.implementation_id, j.id)) j.id, j.attempts, j.run_after, j.created_at
      FROM cofre.jobs AS j WHERE ${isDue()}
      ORDER BY COALESCE(j.implementation_id, j.id), j.run_after, j.created_at, j.id
    ) AS first
    ORDER BY run_after, created_at, id LIMIT ${DUE_MAX}`.execute(catalogue);
  return rows;
}

/** A few at a time: it is done again soon. */
async function forgetOld(catalogue: Catalogue): Promise<void> {
  await sql`
    DELETE FROM cofre.jobs WHERE id IN (
      SELECT id FROM cofre.jobs
      WHERE created_at < pg_catalog.now() - pg_catalog.make_interval(days => ${KEPT_DAYS})
        AND state IN ('completed', 'failed', 'canceled')
      ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED
    )`.execute(catalogue);
}
