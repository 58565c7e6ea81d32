import { planId, safetyDescription } from '@cofre/contracts';
import { expect, it } from 'vitest';
import { readSafetyDescription } from './safety-description.ts';

const PLAN = planId.parse('0f52cbb1-35a5-4f9e-a41f-7c06f4a5c1de');

it.each(['restore', 'undo'] as const)('what a backup before a %s is described by is known again', (purpose) => {
  expect(readSafetyDescription(safetyDescription(purpose, PLAN))).toEqual({ purpose, plan: '0f52cbb1' });
});

it.each(['', 'Before restoring', `Before restoring (plan ${PLAN}) again`, `Not before restoring (plan ${PLAN})`])(
  'what somebody wrote stays as it is: %j',
  (description) => {
    expect(readSafetyDescription(description)).toBeNull();
  },
);
