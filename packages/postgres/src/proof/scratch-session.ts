import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { sqlStateOf, translatePgError } from '../session/errors.ts';
import { useApplicationPath } from '../session/pin-session.ts';
import { quoteIdentifier } from '../session/quote.ts';
import type { Database } from '../session/types.ts';

/**
 * Begins the transaction in which a proof runs. Nothing in it is ever committed: whatever ends it, the server takes the
 * scratch schema away with it.
 */
export async function beginProof(
  client: pg.ClientBase,
  options: { readonly schema: string; readonly lockTimeoutMs: number },
): Promise<void> {
  await client.query(
    `BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SET LOCAL lock_timeout = ${Math.ceil(options.lockTimeoutMs)}`,
  );
  // Event triggers of the application would fire for our tables. Who may not switch them off lets them; what they do is rolled back.
  await trySet(client, 'SET LOCAL session_replication_role = replica');
  // A server that builds an index would else notice only at its end that we were killed.
  await trySet(client, "SET LOCAL client_connection_check_interval = '2s'");
  await client.query('SET LOCAL default_table_access_method = heap');
  try {
    await client.query(`CREATE SCHEMA ${quoteIdentifier(options.schema)}`);
  } catch (error) {
    throw sqlStateOf(error) === '42501' ? notPermitted(error) : error;
  }
}

/** Throws `database/not-permitted` where the role may not make a schema: asked before hours are spent. */
export async function requireScratchRight(database: Database): Promise<void> {
  const client = await database.connect({ applicationName: 'cofre proof' });
  try {
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may`,
    );
    if (rows[0]?.may !== true) throw notPermitted();
  } catch (error) {
    throw translatePgError(error, { doing: 'asking what the role may do' });
  } finally {
    await client.end();
  }
}

function notPermitted(cause?: unknown): CofreError {
  return new CofreError(
    'database/not-permitted',
    'A proof needs a schema of its own, and the role in DATABASE_URL may not make one. Nothing was changed.',
    { hint: 'Let it: `GRANT CREATE ON DATABASE … TO …`. The schema is rolled back and never seen by others.', cause },
  );
}

/** Settings that a role may not change, or a platform does not have, are left as they are. */
async function trySet(client: pg.ClientBase, sql: string): Promise<void> {
  await attempt(client, async () => void (await client.query(sql)), {
    refused: (error) => {
      if (['42501', '22023', '0A000'].includes(sqlStateOf(error) ?? '')) return;
      throw error;
    },
  });
}

/**
 * Does a part of the work that the server may refuse. When it throws, what it did is taken back and `refused` says what
 * that means; it throws what is no answer (a lost connection, a cancelled statement).
 */
export async function attempt<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
  options: { readonly refused: (error: unknown) => T },
): Promise<T> {
  await client.query('SAVEPOINT cofre_attempt');
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // First whether it is an answer at all: on a connection that is gone there is nothing to take back.
    const meaning = options.refused(error);
    await client.query('ROLLBACK TO SAVEPOINT cofre_attempt; RELEASE SAVEPOINT cofre_attempt');
    return meaning;
  }
  await client.query('RELEASE SAVEPOINT cofre_attempt');
  return result;
}

/** Checks of domains find what they name as they do for the application; a failure takes the path back with its savepoint. */
export async function withApplicationPath<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await useApplicationPath(client);
  const result = await work();
  await client.query("SET LOCAL search_path TO ''");
  return result;
}
