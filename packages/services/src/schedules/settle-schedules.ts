import { type BackupSettings, CofreError, implementationId, isCofreError, type RunFailure } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { implementationsUnder, type NamedImplementation, settingsOfAll } from '../settings/affected-implementations.ts';
import { GLOBAL_SUBJECT } from '../settings/settings-rows.ts';
import { CLOCK_TOLERANCE_MS, later } from './claims.ts';
import { neverComes } from './never-comes.ts';
import { notifyImpossible } from './notices.ts';
import { nextRun, type Schedule } from './schedule.ts';

export interface SettleTimes {
  readonly now: Date;
  /** What is due by then is about to be taken. */
  readonly dueBy: Date;
}

/**
 * Gives a next time to implementations that are to be backed up by a schedule and have none, because they are new, or
 * one that lies beyond what the schedule gives, because a clock was wrong. Where there is nothing to do, which is nearly
 * always, that takes one statement. Gives the implementations whose schedule turned out to be impossible.
 */
export async function settleSchedules(context: ServiceContext, times: SettleTimes): Promise<readonly RunFailure[]> {
  const groups = await readGroups(context.catalogue);
  if (groups.every((group) => isSettled(group, times))) return [];
  const named = await implementationsUnder(context.catalogue, {});
  const settings = await settingsOfAll(context.catalogue, named);
  const standing = await readStanding(context.catalogue);
  const settled: { id: string; next: Date }[] = [];
  const impossible: RunFailure[] = [];
  for (const implementation of named) {
    const own = settings.get(implementation.id);
    if (own === undefined || own.schedule === null) continue;
    const found = settle(standing.get(implementation.id) ?? NO_STANDING, own, times);
    if (found === 'settled') continue;
    if (found instanceof Date) settled.push({ id: implementation.id, next: found });
    else if (await tellOnce(context, { implementation, error: found }))
      impossible.push(failureOf(implementation, found));
  }
  await write(context.catalogue, settled, times.now);
  return impossible;
}

/** The implementations of one schedule. */
interface ScheduleGroup extends Schedule {
  readonly unsettled: number;
  readonly furthest: Date | null;
}

/** Any JSON may stand there: what is no text, or null, is inherited. */
function inForce(name: 'schedule' | 'timeZone') {
  const own = (alias: string) => {
    const value = sql`${sql.ref(alias)}.settings -> ${sql.lit(name)}`;
    return sql`CASE WHEN pg_catalog.jsonb_typeof(${value}) IN ('string', 'null') THEN ${value} END`;
  };
  return sql`COALESCE(${own('own')}, ${own('module')}, ${own('everywhere')}) #>> '{}'`;
}

async function readGroups(catalogue: Catalogue): Promise<readonly ScheduleGroup[]> {
  const { rows } = await sql<ScheduleGroup>`
    SELECT schedule, COALESCE(zone, 'UTC') AS "timeZone", pg_catalog.count(*) FILTER (WHERE next_backup_at IS NULL) AS unsettled,
      pg_catalog.max(next_backup_at) AS furthest
    FROM (
      SELECT s.next_backup_at, ${inForce('schedule')} AS schedule, ${inForce('timeZone')} AS zone
      FROM cofre.v_module_implementations AS i
      LEFT JOIN cofre.implementation_settings AS s ON s.implementation_id = i.id
      LEFT JOIN cofre.backup_settings AS own ON own.scope = 'implementation' AND own.subject_id = i.id
      LEFT JOIN cofre.backup_settings AS module ON module.scope = 'module' AND module.subject_id = i.module_id
      LEFT JOIN cofre.backup_settings AS everywhere ON everywhere.scope = 'global' AND everywhere.subject_id = ${GLOBAL_SUBJECT}
    ) AS implementation
    WHERE schedule IS NOT NULL
    GROUP BY 1, 2`.execute(catalogue);
  return rows;
}

function isSettled({ unsettled, furthest, ...schedule }: ScheduleGroup, times: SettleTimes): boolean {
  if (unsettled > 0) return false;
  const latest = latestOf(schedule, times);
  // An impossible one is met when it is due.
  return furthest === null || latest instanceof CofreError || furthest <= latest;
}

/** The furthest that a next time may lie ahead; why the schedule gives none. */
function latestOf(schedule: Schedule, { now, dueBy }: SettleTimes): Date | CofreError {
  return nextOf(schedule, new Date(later(now, dueBy).getTime() + CLOCK_TOLERANCE_MS));
}

function nextOf({ schedule, timeZone }: Schedule, after: Date): Date | CofreError {
  try {
    return nextRun({ schedule, timeZone }, after) ?? neverComes({ schedule, timeZone });
  } catch (error) {
    if (isCofreError(error, 'settings/invalid-schedule')) return error;
    throw error;
  }
}

interface Standing {
  readonly next: Date | null;
  readonly isClaimed: boolean;
}
const NO_STANDING: Standing = { next: null, isClaimed: false };

async function readStanding(catalogue: Catalogue): Promise<ReadonlyMap<string, Standing>> {
  const rows = await catalogue
    .selectFrom('cofre.implementation_settings')
    .select(['implementation_id', 'next_backup_at', 'claimed_by'])
    .execute();
  return new Map(
    rows.map((row) => [row.implementation_id, { next: row.next_backup_at, isClaimed: row.claimed_by !== null }]),
  );
}

function settle(
  { next, isClaimed }: Standing,
  { schedule, timeZone }: BackupSettings,
  times: SettleTimes,
): Date | CofreError | 'settled' {
  const own = { schedule: schedule ?? '', timeZone };
  if (isClaimed) return 'settled';
  if (next === null) return nextOf(own, times.now);
  const latest = latestOf(own, times);
  return latest instanceof CofreError || next <= latest ? 'settled' : nextOf(own, later(times.now, times.dueBy));
}

/** Another runner may be doing the same: both write what the schedule gives. */
async function write(
  catalogue: Catalogue,
  settled: readonly { readonly id: string; readonly next: Date }[],
  now: Date,
): Promise<void> {
  if (settled.length === 0) return;
  await sql`
    INSERT INTO cofre.implementation_settings AS s (implementation_id, next_backup_at, created_at, updated_at)
    SELECT found.id, found.next, ${now}, ${now}
    FROM ROWS FROM (
      pg_catalog.unnest(${settled.map(({ id }) => id)}::pg_catalog.uuid[]),
      pg_catalog.unnest(${settled.map(({ next }) => next)}::pg_catalog.timestamptz[])
    ) AS found (id, next)
    ON CONFLICT (implementation_id) DO UPDATE
    SET next_backup_at = excluded.next_backup_at, failures = 0, retry_at = NULL, last_error = NULL, updated_at = excluded.updated_at
    WHERE s.claimed_by IS NULL`.execute(catalogue);
}

/** Told once for each schedule that is impossible; false: it was told before. */
async function tellOnce(
  context: ServiceContext,
  { implementation, error }: { readonly implementation: NamedImplementation; readonly error: CofreError },
): Promise<boolean> {
  const { catalogue, clock } = context;
  const now = clock.now();
  const document = JSON.stringify(toErrorDocument(error));
  const { rows } = await sql`
    INSERT INTO cofre.implementation_settings AS s (implementation_id, last_error, failures, created_at, updated_at)
    VALUES (${implementation.id}, ${document}::pg_catalog.jsonb, 1, ${now}, ${now})
    ON CONFLICT (implementation_id) DO UPDATE SET last_error = excluded.last_error, failures = s.failures + 1
    WHERE s.last_error -> 'code' IS DISTINCT FROM excluded.last_error -> 'code'
      OR s.last_error -> 'params' IS DISTINCT FROM excluded.last_error -> 'params'
    RETURNING s.implementation_id`.execute(catalogue);
  if (rows.length === 0) return false;
  const { module, key } = implementation;
  await notifyImpossible(context, { id: implementationId.parse(implementation.id), module, key }, error);
  return true;
}

function failureOf({ module, key }: NamedImplementation, { code }: CofreError): RunFailure {
  return { implementation: `${module}/${key}`, code };
}
