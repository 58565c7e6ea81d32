import { type CofreError, ERROR_CODES, EXIT_PARTLY_DONE } from '@cofre/contracts';

/** Exit codes (`surface.md`); those of errors stand beside their code in the contracts. */
export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_DAMAGE = 4;
export { EXIT_PARTLY_DONE };

export function exitCodeOf(error: CofreError): number {
  return ERROR_CODES[error.code].exit;
}
