import { isDeepStrictEqual } from 'node:util';
import { CofreError, type ErrorDocument, implementationId, isCofreError, type RunFailure } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { AllSettings } from '../settings/settings-rows.ts';
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
 * always, it looks at groups alone. Gives the implementations whose schedule turned out to be impossible.
 */
export async function settleSchedules(context: ServiceContext, times: SettleTimes): Promise<readonly RunFailure[]> {
  const { catalogue } = context;
  const groups = await readGroups(catalogue, new TimesOf(times));
  const unsettled = new Map(groups.filter((group) => !isSettled(group)).map((group) => [group.id, group]));
  if (unsettled.size === 0) return [];
  const settled: { id: string; next: Date }[] = [];
  const impossible: RunFailure[] = [];
  for (const implementation of await readUnclaimed(catalogue)) {
    const group = unsettled.get(implementation.group);
    if (group === undefined || isInOrder(implementation, group)) continue;
    const next = implementation.next === null ? group.first : group.next;
    if (next instanceof Date) settled.push({ id: implementation.id, next });
    else if (!isTold(implementation, next) && (await tell(context, implementation, next)))
      impossible.push(failureOf(implementation, next));
  }
  await write(catalogue, settled, times.now);
  return impossible;
}

/** What a schedule gives; why it gives nothing. */
type Given = Date | CofreError;

interface ScheduleTimes {
  /** For one that has no time yet. */
  readonly first: Given;
  /** For one whose time is wrong: after what is due by now was taken. */
  readonly next: Given;
  /** No time lies further ahead. */
  readonly latest: Given;
}

/** Implementations to which the same settings apply. */
interface Group extends ScheduleTimes {
  readonly id: string;
  /** So many have no time. */
  readonly timeless: number;
  readonly furthest: Date | null;
}

function isSettled({ timeless, furthest, latest }: Group): boolean {
  // An impossible schedule is met when it is due.
  return timeless === 0 && (furthest === null || latest instanceof CofreError || furthest <= latest);
}

function isInOrder({ next }: Unclaimed, { latest }: Group): boolean {
  return next !== null && (latest instanceof CofreError || next <= latest);
}

/** Those of a module that have settings of their own are groups by themselves. Groups without a schedule are left out. */
async function readGroups(catalogue: Catalogue, timesOf: TimesOf): Promise<readonly Group[]> {
  const { rows } = await sql<{ moduleId: string; own: string | null; timeless: number; furthest: Date | null }>`
    SELECT i.module_id AS "moduleId", own.subject_id AS own,
      pg_catalog.count(*) FILTER (WHERE s.next_backup_at IS NULL) AS timeless, pg_catalog.max(s.next_backup_at) AS furthest
    FROM cofre.v_module_implementations AS i
    LEFT JOIN cofre.implementation_settings AS s ON s.implementation_id = i.id
    LEFT JOIN cofre.backup_settings AS own ON own.scope = 'implementation' AND own.subject_id = i.id
    GROUP BY 1, 2`.execute(catalogue);
  const all = await AllSettings.read(catalogue);
  return rows.flatMap(({ moduleId, own, timeless, furthest }) => {
    const { schedule, timeZone } = mergeSettings(all.layers({ implementationId: own ?? '', moduleId })).settings;
    if (schedule === null) return [];
    return [{ id: own ?? moduleId, timeless, furthest, ...timesOf.schedule({ schedule, timeZone }) }];
  });
}

/** Many groups have the same schedule: each is read once. */
class TimesOf {
  readonly #times: SettleTimes;
  readonly #known = new Map<string, ScheduleTimes>();

  constructor(times: SettleTimes) {
    this.#times = times;
  }

  schedule(schedule: Schedule): ScheduleTimes {
    const key = JSON.stringify([schedule.schedule, schedule.timeZone]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { now, dueBy } = this.#times;
    const after = later(now, dueBy);
    const latest = nextOf(schedule, new Date(after.getTime() + CLOCK_TOLERANCE_MS));
    const found = { first: nextOf(schedule, now), next: nextOf(schedule, after), latest };
    this.#known.set(key, found);
    return found;
  }
}

function nextOf(schedule: Schedule, after: Date): Given {
  try {
    return nextRun(schedule, after) ?? neverComes(schedule);
  } catch (error) {
    if (isCofreError(error, 'settings/invalid-schedule')) return error;
    throw error;
  }
}

interface Unclaimed {
  readonly id: string;
  readonly module: string;
  readonly key: string;
  readonly group: string;
  readonly next: Date | null;
  readonly lastError: ErrorDocument | null;
}

/** What a runner has at this moment, it settles itself. */
async function readUnclaimed(catalogue: Catalogue): Promise<readonly Unclaimed[]> {
  const { rows } = await sql<Unclaimed>`
    SELECT i.id, m.slug AS module, i.key, COALESCE(own.subject_id, i.module_id) AS group, s.next_backup_at AS next,
      s.last_error AS "lastError"
    FROM cofre.v_module_implementations AS i
    JOIN cofre.v_base_modules AS m ON m.id = i.module_id
    LEFT JOIN cofre.implementation_settings AS s ON s.implementation_id = i.id
    LEFT JOIN cofre.backup_settings AS own ON own.scope = 'implementation' AND own.subject_id = i.id
    WHERE s.claimed_by IS NULL`.execute(catalogue);
  return rows;
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

/** Once for each schedule that is impossible, and not whenever somebody runs it. */
function isTold({ lastError }: Unclaimed, { code, params }: CofreError): boolean {
  return lastError?.code === code && isDeepStrictEqual(lastError.params, params);
}

/** False: another runner just did. */
async function tell(context: ServiceContext, implementation: Unclaimed, error: CofreError): Promise<boolean> {
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
  const { id, module, key } = implementation;
  await notifyImpossible(context, { id: implementationId.parse(id), module, key }, error);
  return true;
}

function failureOf({ module, key }: Unclaimed, { code }: CofreError): RunFailure {
  return { implementation: `${module}/${key}`, code };
}
