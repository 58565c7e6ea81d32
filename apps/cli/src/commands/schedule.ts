import { notYet } from './not-yet.ts';

export const scheduleRun = notYet('schedule run');
