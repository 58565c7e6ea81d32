import { describe, expect, it } from 'vitest';
import { changeHeights, outcomeOf } from './day-outcome.ts';

const day = { date: '2025-01-31', completed: 0, failed: 0, rowsChanged: 0, bytesStored: 0, overdue: false };

it.each([
  [{}, 'none'],
  [{ completed: 2 }, 'ok'],
  [{ completed: 1, failed: 1 }, 'warning'],
  [{ failed: 1 }, 'failed'],
  [{ failed: 1, overdue: true }, 'failed'],
  [{ overdue: true }, 'overdue'],
  [{ completed: 1, overdue: true }, 'ok'],
])('a day with %o is drawn as %s', (facts, outcome) => {
  expect(outcomeOf({ ...day, ...facts })).toBe(outcome);
});

describe('the height of a change', () => {
  it('stands out where it is large, is seen where it is small, and is none where nothing was stored', () => {
    const [none = 1, small = 0, large = 0] = changeHeights(
      [0, 1, 1_000_000].map((bytesStored) => ({ ...day, bytesStored })),
    );
    expect([none, large]).toEqual([0, 1]);
    expect(small).toBeGreaterThan(0.05);
    expect(small).toBeLessThan(0.2);
  });

  it('of days without any backup is none', () => {
    expect(changeHeights([day, day])).toEqual([0, 0]);
  });
});
