import type { PlanId } from './ids.ts';

/**
 * How a backup is described that a restore, or the undo of one, made before it wrote. It stands in the repository in these
 * words; an edge that speaks another language knows it by them.
 */
export function safetyDescription(purpose: 'restore' | 'undo', plan: PlanId): string {
  return `Before ${purpose === 'undo' ? 'undoing a restore' : 'restoring'} (plan ${plan})`;
}
