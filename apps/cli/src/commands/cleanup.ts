import { notYet } from './not-yet.ts';

export const cleanupRun = notYet('cleanup run');
