import type pg from 'pg';
import { translatePgError } from './errors.ts';

/**
 * What would let a role's or a database's own settings change how values are written and read, or stop long work. As
 * pg_dump's `setup_connection` has it. Settings that the server's version does not have are passed over.
 */
const VALUES: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  xmlbinary: 'base64',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  client_min_messages: 'warning',
};

/**
 * The role's own search path, behind PostgreSQL's own names: what functions of the application rely on is found, and no
 * operator or function of a schema can stand in for one that our statements mean.
 */
const applicationPathSql = (scope: 'session' | 'transaction') =>
  `SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', CASE WHEN s.reset_val OPERATOR(pg_catalog.<>) '' THEN s.reset_val END),
    ${scope === 'transaction'}) FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'search_path'`;

/** For sessions that read slices. `row_security = off` makes a policy that would hide rows an error. */
const PINNED: Readonly<Record<string, string>> = {
  ...VALUES,
  search_path: '',
  row_security: 'off',
  synchronize_seqscans: 'off',
  // Left from a role's settings this would silently return fewer rows.
  gin_fuzzy_search_limit: '0',
  // Statements here are run once; compiling them costs more than it saves.
  jit: 'off',
  // A kept session may have watched a capture before; statements on the application's rows are planned for their values.
  plan_cache_mode: 'auto',
};

const PIN_SQL = `SELECT pg_catalog.set_config(s.key, s.value, false)
  FROM pg_catalog.jsonb_each_text($1::pg_catalog.jsonb) AS s
  WHERE pg_catalog.current_setting(s.key, true) IS NOT NULL`;

/** Fixes for the rest of the session how values are written and read (design §3). One round trip. */
export function pinSession(client: pg.ClientBase): Promise<void> {
  return pin(client, PINNED);
}

/**
 * Fixes how values are written and read, and leaves the rest to the role: for the catalogue, whose tables have policies, and
 * may have triggers of the application's.
 */
export async function pinValues(client: pg.ClientBase): Promise<void> {
  await pin(client, VALUES);
  await client.query(applicationPathSql('session'));
}

/** To the end of the transaction: for checks, generated columns, index expressions and triggers of the application. */
export async function useApplicationPath(client: pg.ClientBase): Promise<void> {
  await client.query(applicationPathSql('transaction'));
}

async function pin(client: pg.ClientBase, settings: Readonly<Record<string, string>>): Promise<void> {
  try {
    await client.query(PIN_SQL, [JSON.stringify(settings)]);
  } catch (error) {
    throw translatePgError(error, { doing: 'preparing the session' });
  }
}
