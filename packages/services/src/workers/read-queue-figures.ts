import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';

export interface QueueFigures {
  /** Jobs that have not ended, by state. */
  readonly waiting: number;
  readonly running: number;
  readonly deferred: number;
  /** How long the one has waited that has waited longest of those that may run; 0: none may. */
  readonly oldestWaitingSeconds: number;
  /** Workers that were heard of within the last half minute. */
  readonly workers: number;
}

/** What waits, and who is there to do it: one look at small indexes. Times are by the clock of the database. */
export async function readQueueFigures(caller: Caller): Promise<QueueFigures> {
  const { catalogue } = await authorize(caller, 'readQueueFigures');
  const { rows } = await sql<QueueFigures>`
    SELECT j.*, w.workers FROM (
      SELECT pg_catalog.count(*) FILTER (WHERE state = 'waiting') AS waiting,
        pg_catalog.count(*) FILTER (WHERE state = 'running') AS running,
        pg_catalog.count(*) FILTER (WHERE state = 'deferred') AS deferred,
        COALESCE(GREATEST(0, EXTRACT(epoch FROM pg_catalog.now() - pg_catalog.min(run_after)
          FILTER (WHERE state <> 'running'))), 0)::float8 AS "oldestWaitingSeconds"
      FROM cofre.jobs WHERE state IN ('waiting', 'running', 'deferred')
    ) AS j, (
      SELECT pg_catalog.count(*) AS workers FROM cofre.workers WHERE seen_at > pg_catalog.now() - interval '30 seconds'
    ) AS w`.execute(catalogue);
  return rows[0] ?? { waiting: 0, running: 0, deferred: 0, oldestWaitingSeconds: 0, workers: 0 };
}
