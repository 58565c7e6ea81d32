import { describe, expect, it } from 'vitest';
import { nextRun, nextRuns, requireSchedule } from './schedule.ts';

const runs = (schedule: string, timeZone: string, from: { readonly after: string; readonly count: number }) =>
  nextRuns({ schedule, timeZone }, { after: new Date(from.after), count: from.count }).map((run) =>
    run.toISOString().slice(0, 16),
  );

describe('schedules', () => {
  it('are read in their time zone', () => {
    expect(runs('0 3 * * *', 'America/Sao_Paulo', { after: '2025-02-01T00:00:00Z', count: 2 })).toEqual([
      '2025-02-01T06:00',
      '2025-02-02T06:00',
    ]);
    expect(runs('@weekly', 'UTC', { after: '2025-02-01T00:00:00Z', count: 1 })).toEqual(['2025-02-02T00:00']);
  });

  it('a time that the clock skips is not lost: it fires when the clock goes on', () => {
    // New York skips 02:00 to 03:00 (07:00 UTC) on March 9th.
    expect(runs('30 2 * * *', 'America/New_York', { after: '2025-03-08T12:00:00Z', count: 2 })).toEqual([
      '2025-03-09T07:00',
      '2025-03-10T06:30',
    ]);
  });

  it('a time that comes twice fires once', () => {
    expect(runs('30 1 * * *', 'America/New_York', { after: '2025-11-01T12:00:00Z', count: 2 })).toEqual([
      '2025-11-02T05:30',
      '2025-11-03T06:30',
    ]);
  });

  it.each([
    ['spring', '2025-03-09T05:00:00Z'],
    ['autumn', '2025-11-02T04:00:00Z'],
  ])('what fires every hour does so through a change of the clock in %s', (_when, after) => {
    const hours = nextRuns(
      { schedule: '0 * * * *', timeZone: 'America/New_York' },
      { after: new Date(after), count: 6 },
    );
    const gaps = hours.slice(1).map((run, index) => run.getTime() - (hours[index]?.getTime() ?? 0));
    expect(gaps).toEqual([3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000]);
  });

  it.each(['America/New_York', 'Europe/Lisbon', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Kathmandu'])(
    'a daily time fires once on every day of a year in %s, whatever the hour',
    (timeZone) => {
      const day = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' });
      for (const hour of [0, 1, 2, 3, 23]) {
        const fired = nextRuns(
          { schedule: `30 ${hour} * * *`, timeZone },
          { after: new Date('2025-01-01T00:00:00Z'), count: 366 },
        );
        expect(new Set(fired.map((run) => day.format(run))).size, `${hour}:30`).toBe(366);
      }
    },
  );

  it('the next run is after the moment that is given, also when that is one', () => {
    const schedule = { schedule: '0 3 * * *', timeZone: 'UTC' };
    expect(nextRun(schedule, new Date('2025-02-01T03:00:00Z'))?.toISOString()).toBe('2025-02-02T03:00:00.000Z');
  });

  it('an impossible one is refused by a code of its own', () => {
    const now = new Date('2025-02-01T00:00:00Z');
    for (const [schedule, timeZone] of [
      ['', 'UTC'],
      ['* * * *', 'UTC'],
      ['0 0 0 1 1 * 2020', 'UTC'],
      ['0 0 31 4 *', 'UTC'],
      ['0 3 * * *', 'Mars/Olympus'],
    ] as const) {
      expect(() => requireSchedule({ schedule, timeZone }, now), schedule).toThrow(
        expect.objectContaining({ code: 'settings/invalid-schedule' }),
      );
    }
  });
});
