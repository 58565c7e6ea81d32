import { CofreError, isCofreError } from '@cofre/contracts';
import { Cron } from 'croner';

export interface Schedule {
  /** Cron with five fields, or a name like `@daily`. */
  readonly schedule: string;
  /** IANA. */
  readonly timeZone: string;
}

/**
 * The time after `after` at which the schedule fires; null: never again. Daylight saving as Vixie cron has it: a time of
 * day that is skipped fires when the clock goes on, one that comes twice fires once, and what fires each hour goes on so.
 * Throws `settings/invalid-schedule`.
 */
export function nextRun(schedule: Schedule, after: Date): Date | null {
  return cronOf(schedule).nextRun(after);
}

export function nextRuns(
  schedule: Schedule,
  { after, count }: { readonly after: Date; readonly count: number },
): readonly Date[] {
  return cronOf(schedule).nextRuns(count, after);
}

/** The same; none of a schedule that is impossible, which only somebody past the product can have written. */
export function runsIfAny(
  schedule: Schedule,
  which: { readonly after: Date; readonly count: number },
): readonly Date[] {
  try {
    return nextRuns(schedule, which);
  } catch (error) {
    if (isCofreError(error, 'settings/invalid-schedule')) return [];
    throw error;
  }
}

/** Throws `settings/invalid-schedule` for one that cannot be read, or that names a time that never comes. */
export function requireSchedule(schedule: Schedule, now: Date): void {
  if (nextRun(schedule, now) === null) throw impossible(schedule, 'it names a time that never comes');
}

/** Thousands of implementations have a handful of schedules, and to read one takes longer than to ask it. */
const READ_MAX = 256;
const read = new Map<string, Cron>();

function cronOf(schedule: Schedule): Cron {
  const key = JSON.stringify([schedule.schedule, schedule.timeZone]);
  const known = read.get(key);
  if (known !== undefined) return known;
  const cron = readCron(schedule);
  if (read.size >= READ_MAX) read.clear();
  read.set(key, cron);
  return cron;
}

function readCron({ schedule, timeZone }: Schedule): Cron {
  requireTimeZone(schedule, timeZone);
  try {
    return new Cron(schedule, { timezone: timeZone, mode: '5-part', paused: true });
  } catch (error) {
    throw impossible({ schedule, timeZone }, 'it is not five fields of cron', error);
  }
}

function requireTimeZone(schedule: string, timeZone: string): void {
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch (error) {
    throw impossible({ schedule, timeZone }, `the time zone ${timeZone} is not known`, error);
  }
}

function impossible({ schedule, timeZone }: Schedule, why: string, cause?: unknown): CofreError {
  return new CofreError('settings/invalid-schedule', `"${schedule}" is no schedule: ${why}. Nothing was changed.`, {
    params: { schedule, timeZone },
    cause,
  });
}
