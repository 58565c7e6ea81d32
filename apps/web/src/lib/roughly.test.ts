import { expect, it } from 'vitest';
import { roughly } from './roughly.ts';

it('an estimate claims no more than two digits, and a small count is what it is', () => {
  expect([0, 7, 42, 137, 2149, 999_999].map(roughly)).toEqual([0, 7, 42, 140, 2100, 1_000_000]);
});
