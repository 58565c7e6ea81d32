import { notYet } from './not-yet.ts';

export const stats = notYet('stats');
