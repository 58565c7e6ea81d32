import { notYet } from './not-yet.ts';

export const worker = notYet('worker');
