import type { JobDocument } from '@cofre/contracts';

/** The id of what a job made: a plan, a restore. */
export function resultId({ result }: JobDocument): string | null {
  const isNamed = typeof result === 'object' && result !== null && 'id' in result;
  return isNamed && typeof result.id === 'string' ? result.id : null;
}
