import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

export type ErrorParams = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface CofreErrorOptions {
  /** Values that the message speaks of, for edges that word it themselves. Never secrets. */
  readonly params?: ErrorParams;
  /** What to do next; default: the code's remedy. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error of the world, not of the program: it has a stable code, says what happened, and what to do next. */
export class CofreError extends Error {
  override readonly name = 'CofreError';
  readonly code: ErrorCode;
  readonly params: ErrorParams;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: CofreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const facts: { remedy: string; retryable?: true } = ERROR_CODES[code];
    this.code = code;
    this.params = options.params ?? {};
    this.hint = options.hint ?? facts.remedy;
    this.retryable = facts.retryable ?? false;
  }
}

export function isCofreError(error: unknown, code?: ErrorCode): error is CofreError {
  return error instanceof CofreError && (code === undefined || error.code === code);
}

/** Guards what only a bug of ours can break. Failing stops the work before anything is written. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new CofreError('internal/bug', `assertion failed: ${message}`);
}

/** Makes a switch exhaustive: the compiler refuses a case that is left out. */
export function unreachable(value: never): never {
  throw new CofreError('internal/bug', `unexpected value: ${String(value)}`);
}
