import { CofreError, type ErrorCode, type ErrorParams, isCofreError } from '@cofre/contracts';
import pg from 'pg';

export interface PgErrorContext {
  /** What was being done, as it reads after "while": `reading public.rental`. Never holds values of rows. */
  readonly doing: string;
  /** When it has fired, a cancelled statement or an ended connection is our own doing: `backup/interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** `schema.name`, where one table is concerned and the server may not name it. */
  readonly table?: string;
  /** A sentence that says what the failure leaves behind: `Nothing was changed.` */
  readonly outcome?: string;
}

/**
 * The error of the world that a failure of `pg` stands for. What is a `CofreError` already is returned as it is.
 * Messages repeat the server's words only where these hold no values of rows; detail and context stay in `cause`.
 */
export function translatePgError(error: unknown, context: PgErrorContext): CofreError {
  if (isCofreError(error)) return error;
  const code = codeOf(error);
  if (context.signal?.aborted && (code === 'database/connection-lost' || sqlStateOf(error) === '57014')) {
    return new CofreError('backup/interrupted', `Interrupted while ${context.doing}.`, { cause: error });
  }
  const outcome = context.outcome === undefined ? '' : ` ${context.outcome}`;
  return new CofreError(code, `${headline(code)} while ${context.doing}: ${wordsOf(error)}.${outcome}`, {
    params: paramsOf(error, context),
    cause: error,
  });
}

/** What failed before there was a session: wherever the reason lies, the database cannot be reached as it was asked for. */
export function translateConnectError(error: unknown, label: string): CofreError {
  if (isCofreError(error)) return error;
  const params = { label, ...(sqlStateOf(error) === null ? {} : { sqlState: sqlStateOf(error) ?? '' }) };
  const reason = wordsOf(error);
  return new CofreError('database/unreachable', `No connection to ${label}: ${reason}. Nothing was changed.`, {
    params,
    cause: error,
  });
}

/** The five characters of a server's error; null where the failure is not the server's. */
export function sqlStateOf(error: unknown): string | null {
  if (isCofreError(error)) return sqlStateOf(error.cause);
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}

function headline(code: ErrorCode): string {
  switch (code) {
    case 'database/connection-lost':
      return 'The connection to the database broke off';
    case 'database/row-security':
      return 'Row-level security would hide rows';
    case 'database/not-permitted':
      return 'The database refused permission';
    case 'database/lock-timeout':
      return 'A lock could not be had';
    default:
      return 'The database answered with an error';
  }
}

function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof pg.DatabaseError))
    return isConnectionLoss(error) ? 'database/connection-lost' : 'database/failed';
  const state = error.code ?? '';
  // The routine is named alike in every language of the server, its message is not.
  if (state === '42501' && error.routine === 'check_enable_rls') return 'database/row-security';
  if (state === '42501') return 'database/not-permitted';
  // A deadlock and a conflict with recovery, too, are another session in the way, and trying again may do.
  if (state === '55P03' || state === '40P01' || state === '40001') return 'database/lock-timeout';
  // 57P01 to 57P05: the server ended the session, or is shutting down or starting.
  if (state.startsWith('08') || state.startsWith('57P')) return 'database/connection-lost';
  return 'database/failed';
}

const SOCKET_ERRORS = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTCONN',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && SOCKET_ERRORS.has(error.code)) return true;
  // `pg` gives these no code of their own.
  return /^Connection terminated|not queryable|^Client was closed/.test(error.message);
}

/** Classes of which the primary message repeats what was in a row: data exceptions, and XML or JSON that does not parse. */
const STATES_WITH_VALUES = /^22/;

function wordsOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) {
    const state = error.code ?? '';
    if (STATES_WITH_VALUES.test(state)) return `a value does not fit its type (SQLSTATE ${state})`;
    return `${error.message} (SQLSTATE ${state})`;
  }
  if (error instanceof AggregateError && error.errors.length > 0) return wordsOf(error.errors[0]);
  if (error instanceof Error && error.message !== '') return error.message;
  return String(error);
}

function paramsOf(error: unknown, context: PgErrorContext): ErrorParams {
  const params: Record<string, string> = {};
  if (context.table !== undefined) params['table'] = context.table;
  if (!(error instanceof pg.DatabaseError)) return params;
  if (error.code !== undefined) params['sqlState'] = error.code;
  if (error.table !== undefined) {
    params['table'] = error.schema === undefined ? error.table : `${error.schema}.${error.table}`;
  }
  if (error.column !== undefined) params['column'] = error.column;
  if (error.constraint !== undefined) params['constraint'] = error.constraint;
  return params;
}
