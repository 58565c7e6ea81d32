import type { ActionResult } from '@cofre/contracts';

/** The error of an action, thrown where a library wants errors to be thrown: queries. */
export class ActionFailure extends Error {
  override readonly name = 'ActionFailure';
  readonly code: string;
  readonly hint: string | undefined;

  constructor({ code, message, hint }: Extract<ActionResult<never>, { success: false }>['error']) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** What the action gave; throws an `ActionFailure`. */
export function dataOf<Data>(result: ActionResult<Data>): Data {
  if (result.success) return result.data;
  throw new ActionFailure(result.error);
}
