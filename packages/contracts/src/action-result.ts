import { ERROR_CODES } from './error-codes.ts';
import type { ErrorDocument } from './documents.ts';

/** What a server action answers: never a thrown error, never a stack trace. */
export type ActionResult<T> =
  | { readonly success: true; readonly data: T }
  | {
      readonly success: false;
      readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
    };

export function succeeded<T>(data: T): ActionResult<T> {
  return { success: true, data };
}

export function failed({ code, message, hint }: Pick<ErrorDocument, 'code' | 'message' | 'hint'>): ActionResult<never> {
  return { success: false, error: { code, message, hint } };
}

/** The HTTP status that stands for a code, in one table for every edge that speaks HTTP. */
export function httpStatusOf(code: string): number {
  if (!Object.hasOwn(ERROR_CODES, code)) return 500;
  if (code === 'access/not-signed-in') return 401;
  if (code === 'access/denied' || code.endsWith('/not-permitted')) return 403;
  if (code.endsWith('/not-found')) return 404;
  switch (ERROR_CODES[code as keyof typeof ERROR_CODES].exit) {
    case 2:
      return 400;
    case 11:
    case 13:
    case 14:
      return 409;
    default:
      return 500;
  }
}
