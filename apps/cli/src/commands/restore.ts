import { notYet } from './not-yet.ts';

export const restorePlan = notYet('restore plan');
export const restoreApply = notYet('restore apply');
export const restoreUndo = notYet('restore undo');
export const restoreList = notYet('restore list');
