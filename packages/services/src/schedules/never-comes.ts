import { CofreError } from '@cofre/contracts';
import type { Schedule } from './schedule.ts';

/** Of a schedule that can be read, and names a 31st of April. */
export function neverComes({ schedule, timeZone }: Schedule): CofreError {
  return new CofreError(
    'settings/invalid-schedule',
    `"${schedule}" names a time that never comes. Nothing was started.`,
    { params: { schedule, timeZone } },
  );
}
