import { CofreError } from '@cofre/contracts';
import { sqlStateOf } from '../session/errors.ts';
import { quoteIdentifier } from '../session/quote.ts';

/** The live rows are not as the plan saw them. The transaction is rolled back: nothing was changed. */
export function stale(table: string, what: string): CofreError {
  return new CofreError('plan/stale', `${table} changed since the plan was made: ${what}. Nothing was changed.`, {
    params: { table },
  });
}

/**
 * What a constraint refused while writing. The plan looked for clashes and missing parents, so a row that is in the way, or
 * a parent that is gone, came about after it; a check that refuses is one that the plan could not ask.
 */
export function explainRefusal(error: unknown, table: string): unknown {
  const state = sqlStateOf(error);
  const named = error instanceof Error && 'constraint' in error ? error.constraint : undefined;
  const constraint = typeof named === 'string' ? quoteIdentifier(named) : 'a constraint';
  switch (state) {
    case '23505':
    case '23P01':
      return withCause(stale(table, `a row that is in the way under ${constraint} was made`), error);
    case '23503':
    case '23001':
      return withCause(stale(table, `a row that ${constraint} needs is gone or still in use`), error);
    case '23514':
    case '23502':
    case '428C9':
      return new CofreError(
        'plan/conflicts',
        `${table} refuses a row of the backup (${constraint}). Nothing was changed.`,
        {
          params: { table },
          cause: error,
        },
      );
    default:
      return error;
  }
}

function withCause(error: CofreError, cause: unknown): CofreError {
  return new CofreError(error.code, error.message, { params: error.params, cause });
}
