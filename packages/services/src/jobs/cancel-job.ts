import { type JobDocument, type JobInput, jobInput, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';
import { findJob, toJobDocument } from './job-document.ts';

/**
 * Cancels a job: one that waits is cancelled at once, one that runs is asked to stop, and stops as if it had never begun.
 * What has ended already stays as it is; the document says how.
 */
export async function cancelJob(caller: Caller, input: JobInput): Promise<JobDocument> {
  const { job: id } = parseInput(jobInput, input);
  const context = await authorize(caller, 'cancelJob', { name: id });
  const { catalogue } = context;
  await sql`
    UPDATE cofre.jobs SET cancel_requested_at = pg_catalog.clock_timestamp(),
      state = CASE state WHEN 'running' THEN state ELSE 'canceled' END,
      ended_at = CASE state WHEN 'running' THEN NULL ELSE pg_catalog.clock_timestamp() END,
      -- Who asks for the same from now on means a new one.
      singleton_key = NULL
    WHERE id = ${id} AND state IN ('waiting', 'deferred', 'running') AND cancel_requested_at IS NULL`.execute(
    catalogue,
  );
  return toJobDocument(await findJob(catalogue, id));
}
