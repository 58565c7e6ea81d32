import { CofreError, type JobDocument, jobKind } from '@cofre/contracts';
import { type Selectable, sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { JobListView } from '../catalogue/schema.ts';

export type JobRow = Selectable<JobListView> & { readonly is_worker_seen: boolean };

/** A worker says so every few seconds; one that was silent for so long is none. */
const WORKER_SILENT_SECONDS = 30;

export function jobQuery(catalogue: Catalogue) {
  return catalogue
    .selectFrom('cofre.v_job_list as j')
    .selectAll('j')
    .select(
      sql<boolean>`COALESCE(
        cofre.worker_seen_at() > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => ${WORKER_SILENT_SECONDS}), false
      )`.as('is_worker_seen'),
    );
}

/** Throws `job/not-found`. */
export async function findJob(catalogue: Catalogue, id: string): Promise<JobRow> {
  const row = await jobQuery(catalogue).where('j.id', '=', id).executeTakeFirst();
  if (row === undefined) throw jobNotFound(id);
  return row;
}

export function jobNotFound(id: string): CofreError {
  return new CofreError('job/not-found', `There is no job ${id}.`, { params: { job: id } });
}

export function toJobDocument(row: JobRow): JobDocument {
  const { implementation_id: id, module_slug: module, implementation_key: key, error } = row;
  return {
    id: row.id,
    kind: jobKind.parse(row.kind),
    state: row.state,
    implementation: id === null ? null : { id, module: module ?? '', key: key ?? '' },
    backupId: row.backup_id,
    attempts: row.attempts,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by_name,
    startedAt: iso(row.started_at),
    endedAt: iso(row.ended_at),
    cancelRequested: row.cancel_requested_at !== null,
    progress: progressOf(row),
    waitingForWorker: (row.state === 'waiting' || row.state === 'deferred') && !row.is_worker_seen,
    ...(error === null ? {} : { error }),
  };
}

/** Figures of the first moments would promise nonsense: the total is the planner's estimate, and a rate of nothing is none. */
const EARLY_MS = 2_000;

function progressOf(row: JobRow): JobDocument['progress'] {
  const { phase, rows, bytes, elapsed_ms: elapsedMs, rows_total: rowsTotal, progress_at: updatedAt } = row;
  if (phase === null || rows === null || bytes === null || elapsedMs === null || updatedAt === null) return null;
  const isEarly = elapsedMs < EARLY_MS;
  const perSecond = (amount: number) => (isEarly || amount === 0 ? null : (amount * 1000) / elapsedMs);
  const isKnown = !isEarly && rowsTotal !== null && rows > 0 && rows <= rowsTotal;
  return {
    phase,
    table: row.table_name,
    rows,
    rowsTotal,
    bytes,
    elapsedMs,
    rowsPerSecond: perSecond(rows),
    bytesPerSecond: perSecond(bytes),
    remainingMs: isKnown ? Math.round((elapsedMs / rows) * (rowsTotal - rows)) : null,
    updatedAt: updatedAt.toISOString(),
  };
}

function iso(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
