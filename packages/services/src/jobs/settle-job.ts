import type { ErrorDocument } from '@cofre/contracts';
import { sql, type UpdateObject } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { CatalogueSchema } from '../catalogue/schema.ts';
import type { ClaimedJob } from './claim-job.ts';

/** Enough of a claimed job to know it by, and to speak of it. */
export type HeldJob = Pick<ClaimedJob, 'id' | 'kind' | 'implementation' | 'attempts' | 'workerId'>;

/** How a job leaves a worker. `false` from each of these: the job is not ours any more, and nothing was written. */

const now = sql<Date>`pg_catalog.clock_timestamp()`;

export async function markCompleted(
  catalogue: Catalogue,
  job: HeldJob,
  done: { readonly result: unknown; readonly backupId: string | null },
): Promise<boolean> {
  const result = done.result === undefined ? null : JSON.stringify(done.result);
  return settle(catalogue, job, { state: 'completed', result, backup_id: done.backupId, error: null, ended_at: now });
}

export async function markFailed(catalogue: Catalogue, job: HeldJob, error: ErrorDocument): Promise<boolean> {
  return settle(catalogue, job, { state: 'failed', error: JSON.stringify(error), ended_at: now });
}

export async function markCanceled(catalogue: Catalogue, job: HeldJob): Promise<boolean> {
  return settle(catalogue, job, { state: 'canceled', error: null, ended_at: now });
}

export interface Waiting {
  /** Not before so long from now. */
  readonly pauseMs: number;
  /** Why it did not succeed; null: there is no fault in it. */
  readonly error: ErrorDocument | null;
  /** What somebody else's stopping ended is no attempt. */
  readonly countsAsAttempt: boolean;
}

/** Back to where it was before it was claimed. */
export async function putBack(catalogue: Catalogue, job: HeldJob, waiting: Waiting): Promise<boolean> {
  return settle(catalogue, job, {
    state: 'waiting',
    attempts: waiting.countsAsAttempt ? job.attempts : job.attempts - 1,
    run_after: inSome(waiting.pauseMs),
    error: waiting.error === null ? null : JSON.stringify(waiting.error),
  });
}

/** Too large for who has it: a worker takes it. */
export async function leaveToWorker(catalogue: Catalogue, job: HeldJob): Promise<boolean> {
  return settle(catalogue, job, { state: 'deferred', needs_worker: true, attempts: job.attempts - 1 });
}

export function inSome(pauseMs: number) {
  return sql<Date>`pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => ${pauseMs / 1000})`;
}

async function settle(
  catalogue: Catalogue,
  job: HeldJob,
  values: UpdateObject<CatalogueSchema, 'cofre.jobs'>,
): Promise<boolean> {
  const result = await ownedBy(catalogue, job)
    .set({ worker_id: null, heartbeat_at: null, ...values })
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Only as long as this attempt has it: a worker that was held up may have been taken for dead, and its job be another's. */
export function ownedBy(catalogue: Catalogue, { id, workerId, attempts }: HeldJob) {
  return catalogue
    .updateTable('cofre.jobs')
    .where('id', '=', id)
    .where('worker_id', '=', workerId)
    .where('attempts', '=', attempts)
    .where('state', '=', 'running');
}
