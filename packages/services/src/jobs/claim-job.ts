import { type ErrorDocument, type ImplementationRef, implementationId, type JobKind, jobKind } from '@cofre/contracts';
import { sqlStateOf } from '@cofre/postgres';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { type StoredActor, storedActor } from './stored-actor.ts';

/** A job that is ours, until its row says something else. */
export interface ClaimedJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly implementation: ImplementationRef | null;
  readonly backupId: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  readonly actor: StoredActor;
  /** This one counted. With the worker's id it tells this attempt from every other. */
  readonly attempts: number;
  readonly workerId: string;
  /** Somebody cancelled it in the moment when it was not known whether it was done. */
  readonly isCanceled: boolean;
  /** How the attempt before ended. */
  readonly lastError: ErrorDocument | null;
}

export interface ClaimOptions {
  readonly workerId: string;
  /** This job and no other. */
  readonly jobId?: string;
  /** False: what needs a worker is left to one. */
  readonly takesLarge: boolean;
}

/** Several who reach for jobs of one implementation at once: one gets it, the others look again, and find it running. */
const TRIES = 5;
const UNIQUE_VIOLATION = '23505';

/**
 * Takes the job that has waited longest and makes it `running`; null: there is none that may run now. Nobody else can have
 * it from then on, and no other job of its implementation can run: the row is locked, and an index allows one.
 */
export async function claimJob(catalogue: Catalogue, options: ClaimOptions): Promise<ClaimedJob | null> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    try {
      return await claimOnce(catalogue, options);
    } catch (error) {
      if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
    }
  }
  return null;
}

async function claimOnce(catalogue: Catalogue, options: ClaimOptions): Promise<ClaimedJob | null> {
  const row = await catalogue.transaction().execute(async (transaction) => {
    const { rows } = await claimQuery(options).execute(transaction);
    const [claimed] = rows;
    if (claimed === undefined) return null;
    // What is shown is the progress of this attempt.
    await transaction.deleteFrom('cofre.job_progress').where('job_id', '=', claimed.id).execute();
    return claimed;
  });
  return row === null ? null : toClaimedJob(row, options.workerId);
}

interface ClaimedRow {
  readonly id: string;
  readonly kind: string;
  readonly implementation_id: string | null;
  readonly module_slug: string | null;
  readonly implementation_key: string | null;
  readonly backup_id: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  readonly actor: unknown;
  readonly attempts: number;
  readonly cancel_requested_at: Date | null;
  readonly last_error: ErrorDocument | null;
}

function claimQuery({ workerId, jobId, takesLarge }: ClaimOptions) {
  return sql<ClaimedRow>`
    WITH next AS (
      SELECT j.id, j.error FROM cofre.jobs AS j
      WHERE ${isDue()} ${jobId === undefined ? sql`` : sql`AND j.id = ${jobId}`}
        ${takesLarge ? sql`` : sql`AND NOT j.needs_worker`}
      ORDER BY j.run_after, j.created_at, j.id LIMIT 1
      FOR UPDATE OF j SKIP LOCKED
    )
    UPDATE cofre.jobs AS j
    SET state = 'running', attempts = j.attempts + 1, worker_id = ${workerId}, error = NULL,
      heartbeat_at = pg_catalog.clock_timestamp(), started_at = pg_catalog.clock_timestamp()
    FROM next WHERE j.id = next.id
    RETURNING j.id, j.kind, j.implementation_id, j.module_slug, j.implementation_key, j.backup_id, j.input, j.actor,
      j.attempts, j.cancel_requested_at, next.error AS last_error`;
}

/**
 * Waits, its pause is over, and no other job of its implementation runs. By the clock of the database, which all workers
 * share; a pause longer than any was written by a clock that has been set back since, and is over. What only a later
 * version knows waits for its workers.
 */
export function isDue() {
  return sql<boolean>`j.state IN ('waiting', 'deferred') AND j.kind = ANY (${jobKind.options}::pg_catalog.text[])
    AND (j.run_after <= pg_catalog.clock_timestamp() OR j.run_after > pg_catalog.clock_timestamp() + interval '1 hour')
    AND NOT EXISTS (
      SELECT FROM cofre.jobs AS r WHERE r.implementation_id = j.implementation_id AND r.state = 'running'
    )`;
}

function toClaimedJob(row: ClaimedRow, workerId: string): ClaimedJob {
  return {
    id: row.id,
    kind: jobKind.parse(row.kind),
    implementation: implementationOf(row),
    backupId: row.backup_id,
    input: row.input,
    actor: storedActor.parse(row.actor),
    attempts: row.attempts,
    workerId,
    isCanceled: row.cancel_requested_at !== null,
    lastError: row.last_error,
  };
}

export function implementationOf(
  row: Pick<ClaimedRow, 'implementation_id' | 'module_slug' | 'implementation_key'>,
): ImplementationRef | null {
  const { implementation_id: id, module_slug: module, implementation_key: key } = row;
  return id === null ? null : { id: implementationId.parse(id), module: module ?? '', key: key ?? '' };
}
