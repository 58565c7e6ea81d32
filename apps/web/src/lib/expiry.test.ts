import { expect, it } from 'vitest';
import { expiryState } from './expiry.ts';

const now = new Date('2025-01-21T12:00:00Z');

it.each([
  ['2025-01-21T12:00:00Z', 'expired'],
  ['2025-01-21T12:00:01Z', 'soon'],
  ['2025-01-28T12:00:00Z', 'soon'],
  ['2025-01-28T12:00:01Z', 'later'],
])('what ends at %s is %s', (expiresAt, state) => {
  expect(expiryState(expiresAt, now)).toBe(state);
});
