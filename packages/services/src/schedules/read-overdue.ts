import type { ImplementationRef } from '@cofre/contracts';
import { implementationId } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { settingsOfAll } from '../settings/affected-implementations.ts';

const MINUTE_MS = 60_000;

/** How it stands with the scheduled backups of an implementation. */
export interface ScheduleStanding {
  /** null: by no schedule. */
  readonly nextBackupAt: Date | null;
  readonly overdue: boolean;
  /** In a row. */
  readonly failures: number;
  readonly lastErrorCode: string | null;
}

export const UNSCHEDULED: ScheduleStanding = { nextBackupAt: null, overdue: false, failures: 0, lastErrorCode: null };

type Wanted = readonly { readonly id: string; readonly moduleId: string }[];

/** Computed here, from the time and the grace, and written by nobody: so that it shows where nothing runs any more. */
export async function readStandings(
  catalogue: Catalogue,
  implementations: Wanted,
  now: Date,
): Promise<ReadonlyMap<string, ScheduleStanding>> {
  const rows = await catalogue
    .selectFrom('cofre.implementation_settings')
    .select(['implementation_id as id', 'next_backup_at as nextBackupAt', 'failures', errorCode.as('lastErrorCode')])
    .execute();
  const late = new Set(rows.filter(({ nextBackupAt }) => isLate(nextBackupAt, now)).map(({ id }) => id));
  const graces = await gracesOf(
    catalogue,
    implementations.filter(({ id }) => late.has(id)),
  );
  return new Map(
    rows.map(({ id, ...standing }) => [
      id,
      { ...standing, overdue: isOverdue(standing.nextBackupAt, graces.get(id), now) },
    ]),
  );
}

export interface OverdueImplementation {
  readonly ref: ImplementationRef;
  /** When its backup was due. */
  readonly dueAt: Date;
  readonly failures: number;
  readonly lastErrorCode: string | null;
}

/** Implementations whose scheduled backup did not happen, the longest overdue first. Reads no more than what is late. */
export async function readOverdue(catalogue: Catalogue, now: Date): Promise<readonly OverdueImplementation[]> {
  const rows = await catalogue
    .selectFrom('cofre.implementation_settings as s')
    .innerJoin('cofre.v_module_implementations as i', 'i.id', 's.implementation_id')
    .innerJoin('cofre.v_base_modules as m', 'm.id', 'i.module_id')
    .select(['i.id', 'i.key', 'm.id as moduleId', 'm.slug as module', 's.next_backup_at as dueAt', 's.failures'])
    .select(sql<string | null>`s.last_error ->> 'code'`.as('lastErrorCode'))
    .where('s.next_backup_at', '<', new Date(now.getTime() - MINUTE_MS))
    .orderBy('s.next_backup_at')
    .orderBy('i.id')
    .execute();
  const graces = await gracesOf(catalogue, rows);
  return rows.flatMap(({ id, key, module, dueAt, failures, lastErrorCode }) =>
    dueAt !== null && isOverdue(dueAt, graces.get(id), now)
      ? [{ ref: { id: implementationId.parse(id), module, key }, dueAt, failures, lastErrorCode }]
      : [],
  );
}

const errorCode = sql<string | null>`last_error ->> 'code'`;

/** No grace is shorter than a minute. */
function isLate(nextBackupAt: Date | null, now: Date): boolean {
  return nextBackupAt !== null && now.getTime() - nextBackupAt.getTime() > MINUTE_MS;
}

function isOverdue(nextBackupAt: Date | null, graceMinutes: number | undefined, now: Date): boolean {
  if (nextBackupAt === null || graceMinutes === undefined) return false;
  return now.getTime() - nextBackupAt.getTime() > graceMinutes * MINUTE_MS;
}

async function gracesOf(catalogue: Catalogue, implementations: Wanted): Promise<ReadonlyMap<string, number>> {
  if (implementations.length === 0) return new Map();
  const settings = await settingsOfAll(catalogue, implementations);
  return new Map([...settings].map(([id, { overdueGraceMinutes }]) => [id, overdueGraceMinutes]));
}
