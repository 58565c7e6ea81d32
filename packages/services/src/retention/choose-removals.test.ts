import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../settings/default-settings.ts';
import { chooseRemovals, type RetainedBackup, type RetentionInput } from './choose-removals.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2025-06-01T00:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS);

function backup(id: string, ageDays: number, more: Partial<RetainedBackup> = {}): RetainedBackup {
  return {
    id,
    createdAt: daysAgo(ageDays),
    expiresAt: null,
    expirySource: 'policy',
    status: 'completed',
    safety: false,
    held: false,
    ...more,
  };
}

const judge = (backups: readonly RetainedBackup[], more: Partial<RetentionInput> = {}) =>
  Object.fromEntries(
    chooseRemovals({
      settings: DEFAULT_SETTINGS,
      now: NOW,
      implementation: { held: false, goneSince: null },
      backups,
      ...more,
    }).map(({ id, verdict, reason }) => [id, `${verdict} ${reason}`]),
  );
const over = { expiresAt: daysAgo(1) };

describe('what clean-up removes', () => {
  it('a backup that is not in the repository takes the place of none that is', () => {
    const backups = [backup('gone', 1, { missing: true }), backup('there', 2, over), backup('older', 3, over)];
    const settings = { ...DEFAULT_SETTINGS, minimumKept: 1 };
    expect(judge(backups, { settings })).toMatchObject({ there: 'keep minimum', older: 'remove expired' });
  });

  it('by age: what has expired, and the newest stay as the minimum', () => {
    expect(judge([backup('a', 1, over), backup('b', 2, over), backup('c', 3, { expiresAt: daysAgo(-1) })])).toEqual({
      a: 'keep minimum',
      b: 'remove expired',
      c: 'keep not-expired',
    });
  });

  it('by number: the newest stay however old, and where age has no say the others go', () => {
    const settings = { ...DEFAULT_SETTINGS, keepLast: 2 };
    expect(judge([backup('a', 1), backup('b', 2), backup('c', 3)], { settings })).toEqual({
      a: 'keep minimum',
      b: 'keep keep-last',
      c: 'remove beyond-keep-last',
    });
    const both = { ...settings, retentionDays: 30 };
    expect(judge([backup('a', 50, over), backup('b', 51, over), backup('c', 52, over)], { settings: both })).toEqual({
      a: 'keep minimum',
      b: 'keep keep-last',
      c: 'remove expired',
    });
  });

  it('nothing, with no rule', () => {
    expect(judge([backup('a', 1), backup('b', 9999)])).toEqual({ a: 'keep minimum', b: 'keep no-rule' });
  });

  it('what somebody gave an end: at that end, whatever the rules; what was to stay for ever stays', () => {
    const settings = { ...DEFAULT_SETTINGS, keepLast: 1 };
    const explicit = { expirySource: 'explicit' } as const;
    expect(
      judge([backup('a', 1), backup('b', 2, { ...explicit, ...over }), backup('c', 3, explicit)], { settings }),
    ).toEqual({ a: 'keep minimum', b: 'remove expired', c: 'keep not-expired' });
  });

  it('failed ones and safety backups by their age alone: they are counted by no rule', () => {
    const settings = { ...DEFAULT_SETTINGS, keepLast: 1, retentionDays: 5 };
    expect(
      judge(
        [
          backup('safety', 1, { safety: true, ...over }),
          backup('failed', 2, { status: 'failed', ...over }),
          backup('newest', 9, over),
          backup('older', 10, over),
        ],
        { settings },
      ),
    ).toEqual({
      safety: 'remove safety-expired',
      failed: 'remove expired',
      newest: 'keep minimum',
      older: 'remove expired',
    });
  });

  it('of an implementation that is gone: all stays through the grace, then all but holds goes', () => {
    const gone = (days: number) => ({ implementation: { held: false, goneSince: daysAgo(days) } });
    const backups = [backup('a', 90, over), backup('b', 91), backup('c', 92, { held: true, ...over })];
    expect(judge(backups, gone(29))).toEqual({ a: 'keep orphan-grace', b: 'keep orphan-grace', c: 'keep held' });
    expect(judge(backups, gone(31))).toEqual({
      a: 'remove orphan-expired',
      b: 'remove orphan-expired',
      c: 'keep held',
    });
    const later = backup('d', 1, { expiresAt: daysAgo(-300), expirySource: 'explicit' });
    expect(judge([later], gone(31))).toEqual({ d: 'keep not-expired' });
  });

  const anyBackups = fc.uniqueArray(
    fc.record({
      id: fc.uuid(),
      ageDays: fc.integer({ min: 0, max: 400 }),
      expiresInDays: fc.option(fc.integer({ min: -400, max: 400 })),
      expirySource: fc.constantFrom('explicit' as const, 'policy' as const),
      status: fc.constantFrom('completed' as const, 'completed' as const, 'failed' as const),
      safety: fc.boolean(),
      held: fc.boolean(),
    }),
    { selector: ({ id }) => id, maxLength: 30 },
  );
  const anySettings = fc.record({
    retentionDays: fc.option(fc.integer({ min: 1, max: 400 })),
    keepLast: fc.option(fc.integer({ min: 1, max: 10 })),
    minimumKept: fc.integer({ min: 0, max: 5 }),
    orphanGraceDays: fc.integer({ min: 1, max: 60 }),
  });

  it('never a held one, never below the minimum, never one that lives; and later it removes no less', () => {
    fc.assert(
      fc.property(anyBackups, anySettings, fc.option(fc.integer({ min: 0, max: 90 })), (drawn, set, goneDays) => {
        const backups = drawn.map(({ ageDays, expiresInDays, ...rest }) => ({
          ...rest,
          createdAt: daysAgo(ageDays),
          expiresAt: expiresInDays === null ? null : daysAgo(-expiresInDays),
        }));
        const settings = { ...DEFAULT_SETTINGS, ...set };
        const goneSince = goneDays === null ? null : daysAgo(goneDays);
        const at = (now: Date) =>
          new Map(
            chooseRemovals({ settings, now, backups, implementation: { held: false, goneSince } }).map((it) => [
              it.id,
              it.verdict,
            ]),
          );
        const verdicts = at(NOW);
        const removed = backups.filter(({ id }) => verdicts.get(id) === 'remove');
        expect(removed.filter(({ held }) => held)).toEqual([]);
        const counted = backups.filter(({ status, safety }) => status === 'completed' && !safety);
        const left = counted.filter(({ id }) => verdicts.get(id) === 'keep');
        if (goneSince === null)
          expect(left.length).toBeGreaterThanOrEqual(Math.min(settings.minimumKept, counted.length));
        expect(removed.filter(({ expiresAt }) => expiresAt !== null && expiresAt > NOW)).toEqual([]);
        // Time alone brings nothing back.
        const later = at(new Date(NOW.getTime() + 7 * DAY_MS));
        for (const { id } of removed) expect(later.get(id)).toBe('remove');
        expect(chooseRemovals({ settings, now: NOW, backups, implementation: { held: true, goneSince } })).toSatisfy(
          (all: readonly { readonly verdict: string }[]) => all.every(({ verdict }) => verdict === 'keep'),
        );
      }),
    );
  });
});
