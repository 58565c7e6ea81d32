import { expect, it } from 'vitest';
import { protectionOf } from './protection.ts';

it.each([
  [{ backups: 3, failures: 0, overdue: false }, 'protected'],
  [{ backups: 0, failures: 0, overdue: false }, 'never'],
  [{ backups: 3, failures: 0, overdue: true }, 'overdue'],
  [{ backups: 0, failures: 0, overdue: true }, 'overdue'],
  [{ backups: 3, failures: 2, overdue: true }, 'failing'],
])('%o is %s: the worst is said first', (facts, state) => {
  expect(protectionOf(facts)).toBe(state);
});
