import {
  type BackupDaysDocument,
  backupId,
  CofreError,
  parseInput,
  type ShowBackupDaysInput,
  showBackupDaysInput,
} from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { findImplementation } from '../modules/find-implementation.ts';
import { readStandings, UNSCHEDULED } from '../schedules/read-overdue.ts';
import type { ServiceContext } from '../service-context.ts';

type Day = BackupDaysDocument['days'][number];

/**
 * What became of an implementation's backups on each of the last days, today included, in the reader's time zone. Safety
 * backups are left out: restores make them, and they say nothing of how well the implementation is looked after.
 */
export async function showBackupDays(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: ShowBackupDaysInput,
): Promise<BackupDaysDocument> {
  const { implementation, days, timeZone } = parseInput(showBackupDaysInput, input);
  const context = await authorize(caller, 'showBackupDays', { name: implementation });
  requireTimeZone(timeZone);
  const now = context.clock.now();
  // The platform's tables may have policies of the application's own: names are looked up with the service's rights.
  const names = caller.catalogue;
  const { ref, moduleId } = await findImplementation(names, implementation);
  const standings = await readStandings(names, [{ id: ref.id, moduleId }], now);
  const { overdue, nextBackupAt } = standings.get(ref.id) ?? UNSCHEDULED;
  const dueSince = overdue ? nextBackupAt : null;
  return {
    timeZone,
    days: await readDays(context.catalogue, { id: ref.id, days, timeZone, now, dueSince }),
    last: await readLast(context.catalogue, ref.id),
  };
}

function requireTimeZone(timeZone: string): void {
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch (error) {
    throw new CofreError('usage/invalid', `"${timeZone}" is no time zone. Nothing was started.`, { cause: error });
  }
}

interface DaysOptions {
  readonly id: string;
  readonly days: number;
  readonly timeZone: string;
  readonly now: Date;
  /** null: nothing is overdue. */
  readonly dueSince: Date | null;
}

async function readDays(catalogue: Catalogue, options: DaysOptions): Promise<Day[]> {
  const { id, days, timeZone, now, dueSince } = options;
  const dayOf = (moment: ReturnType<typeof sql>) => sql`(${moment} AT TIME ZONE ${timeZone})::date`;
  const today = dayOf(sql`${now}::timestamptz`);
  const { rows } = await sql<Day>`
    WITH made AS (
      SELECT ${dayOf(sql`b.created_at`)} AS day, b.status, b.size_bytes, b.stats
      FROM public.module_backups AS b
      WHERE b.source_implementation_id = ${id}::uuid AND b.module_slug IS NOT NULL AND b.deleted_at IS NULL
        AND NOT b.safety AND b.status IN ('completed', 'failed')
        AND b.created_at >= (${today} - ${days - 1}::int)::timestamp AT TIME ZONE ${timeZone}
    )
    SELECT pg_catalog.to_char(d.day, 'YYYY-MM-DD') AS date,
      pg_catalog.count(*) FILTER (WHERE m.status = 'completed')::int AS completed,
      pg_catalog.count(*) FILTER (WHERE m.status = 'failed')::int AS failed,
      COALESCE(pg_catalog.sum((m.stats ->> 'rowsChanged')::bigint) FILTER (WHERE m.status = 'completed'), 0)::bigint
        AS "rowsChanged",
      COALESCE(pg_catalog.sum(m.size_bytes) FILTER (WHERE m.status = 'completed'), 0)::bigint AS "bytesStored",
      COALESCE(d.day >= ${dayOf(sql`${dueSince}::timestamptz`)}, false) AS overdue
    FROM (
      SELECT ${today} - ${days - 1}::int + n AS day FROM pg_catalog.generate_series(0, ${days - 1}::int) AS n
    ) AS d
    LEFT JOIN made AS m USING (day)
    GROUP BY d.day ORDER BY d.day`.execute(catalogue);
  return rows;
}

async function readLast(catalogue: Catalogue, id: string): Promise<BackupDaysDocument['last']> {
  const { rows } = await sql<{ id: string; status: 'completed' | 'failed'; ended_at: Date; code: string | null }>`
    SELECT b.id, b.status, COALESCE(b.completed_at, b.created_at) AS ended_at,
      (SELECT p.error ->> 'code' FROM cofre.v_backup_private AS p WHERE p.id = b.id) AS code
    FROM public.module_backups AS b
    WHERE b.source_implementation_id = ${id}::uuid AND b.module_slug IS NOT NULL AND b.deleted_at IS NULL
      AND NOT b.safety AND b.status IN ('completed', 'failed')
    ORDER BY b.created_at DESC, b.id DESC LIMIT 1`.execute(catalogue);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    backupId: backupId.parse(row.id),
    status: row.status,
    endedAt: row.ended_at.toISOString(),
    errorCode: row.code,
  };
}
