import type { BackupStatus, BackupType } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { type FiguresOptions, statistic, theseBackups } from './which-backups.ts';

/**
 * What the list of backups has of one type, status and origin. At most eighty of these say everything about any number
 * of backups, and any sum over them is exact.
 */
export interface BackupFigures {
  readonly type: BackupType;
  readonly status: BackupStatus;
  readonly origin: 'manual' | 'scheduled' | 'safety' | 'imported';
  readonly backups: number;
  readonly rows: number;
  readonly bytesRaw: number;
  readonly bytesStored: number;
  readonly durationMs: number;
  readonly held: number;
  /** Whose end has passed. */
  readonly expired: number;
  readonly orphans: number;
  readonly missing: number;
  readonly newestAt: Date;
  readonly oldestAt: Date;
  readonly verified: number;
  readonly newestVerifiedAt: Date | null;
  readonly oldestVerifiedAt: Date | null;
  readonly proven: number;
  readonly newestProvenAt: Date | null;
  readonly oldestProvenAt: Date | null;
  /** Of those made since the period began. */
  readonly period: {
    readonly backups: number;
    readonly rows: number;
    readonly bytesRaw: number;
    readonly bytesStored: number;
    readonly durationMs: number;
  };
}

/** One pass over the rows, whatever their number; nothing of a row leaves the server. */
export async function readBackupFigures(
  catalogue: Catalogue,
  options: FiguresOptions,
): Promise<readonly BackupFigures[]> {
  const { rows } = await sql<Omit<BackupFigures, 'period'> & Period>`
    SELECT backup_type AS type, status, origin, pg_catalog.count(*) AS backups, ${sums('')},
      pg_catalog.count(*) FILTER (WHERE held) AS held,
      pg_catalog.count(*) FILTER (WHERE expires_at <= ${options.now}) AS expired,
      pg_catalog.count(*) FILTER (WHERE implementation_id IS NULL) AS orphans,
      pg_catalog.count(missing_at) AS missing,
      pg_catalog.max(created_at) AS "newestAt", pg_catalog.min(created_at) AS "oldestAt",
      pg_catalog.count(verified_at) AS verified, pg_catalog.max(verified_at) AS "newestVerifiedAt",
      pg_catalog.min(verified_at) AS "oldestVerifiedAt",
      pg_catalog.count(proven_at) AS proven, pg_catalog.max(proven_at) AS "newestProvenAt",
      pg_catalog.min(proven_at) AS "oldestProvenAt",
      pg_catalog.count(*) FILTER (WHERE is_new) AS "periodBackups", ${sums('period')}
    FROM (
      SELECT b.backup_type, b.status, b.origin, b.held, b.expires_at, b.implementation_id, b.missing_at, b.created_at,
        b.verified_at, b.proven_at, b.size_bytes AS bytes_stored, ${statistic('rows')} AS rows,
        ${statistic('bytesRaw')} AS bytes_raw, ${statistic('durationMs')} AS duration_ms,
        b.created_at >= ${options.since} AS is_new
      FROM public.module_backups AS b WHERE ${theseBackups(options)}
    ) AS each
    GROUP BY backup_type, status, origin`.execute(catalogue);
  return rows.map(({ periodBackups, periodRows, periodBytesRaw, periodBytesStored, periodDurationMs, ...row }) => ({
    ...row,
    period: {
      backups: periodBackups,
      rows: periodRows,
      bytesRaw: periodBytesRaw,
      bytesStored: periodBytesStored,
      durationMs: periodDurationMs,
    },
  }));
}

interface Period {
  readonly periodBackups: number;
  readonly periodRows: number;
  readonly periodBytesRaw: number;
  readonly periodBytesStored: number;
  readonly periodDurationMs: number;
}

/** The same sums over everything, and over what is new. */
function sums(prefix: '' | 'period') {
  const named = (name: string) => sql.id(prefix === '' ? name : prefix + name.charAt(0).toUpperCase() + name.slice(1));
  const filter = prefix === '' ? sql`` : sql`FILTER (WHERE is_new)`;
  return sql.join(
    (
      [
        ['rows', 'rows'],
        ['bytes_raw', 'bytesRaw'],
        ['bytes_stored', 'bytesStored'],
        ['duration_ms', 'durationMs'],
      ] as const
    ).map(([column, name]) => sql`COALESCE(pg_catalog.sum(${sql.id(column)}) ${filter}, 0)::bigint AS ${named(name)}`),
    sql`, `,
  );
}

export interface DurationFigures {
  /** null: there was none. */
  readonly averageMs: number | null;
  readonly p95Ms: number | null;
}

/** How long the backups took that were made since the period began and completed. */
export async function readBackupDurations(catalogue: Catalogue, options: FiguresOptions): Promise<DurationFigures> {
  const { rows } = await sql<DurationFigures>`
    SELECT pg_catalog.round(pg_catalog.avg(ms))::bigint AS "averageMs",
      pg_catalog.round(pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::bigint AS "p95Ms"
    FROM (
      SELECT ${statistic('durationMs')} AS ms FROM public.module_backups AS b
      WHERE ${theseBackups(options)} AND b.status = 'completed' AND b.created_at >= ${options.since}
    ) AS each`.execute(catalogue);
  return rows[0] ?? { averageMs: null, p95Ms: null };
}
