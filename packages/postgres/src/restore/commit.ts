import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { sqlStateOf } from '../session/errors.ts';
import type { Database } from '../session/types.ts';

export type CommitOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'rolled-back'; readonly cause: unknown }
  | { readonly kind: 'unknown'; readonly cause: unknown; readonly xid: string };

const LOOKS_MAX = 40;
const LOOK_AGAIN_MS = 250;

/**
 * Commits, and finds out how it ended where the connection breaks off before the server's answer: by asking for the fate of
 * the transaction over a new one. An error of the server itself is thrown: then nothing was committed.
 */
export async function commit(database: Database, client: pg.Client, xid: string): Promise<CommitOutcome> {
  try {
    const { command } = await client.query('COMMIT');
    // A transaction that had failed answers a COMMIT with ROLLBACK, and no error.
    return command === 'COMMIT' ? { kind: 'committed' } : { kind: 'rolled-back', cause: new Error(command) };
  } catch (cause) {
    const state = sqlStateOf(cause) ?? '';
    if (state !== '' && !state.startsWith('57P') && !state.startsWith('08')) throw cause;
    return xid === '' ? { kind: 'rolled-back', cause } : askOutcome(database, xid, cause);
  }
}

async function askOutcome(database: Database, xid: string, cause: unknown): Promise<CommitOutcome> {
  for (let look = 1; look <= LOOKS_MAX; look++) {
    const status = await statusOf(database, xid).catch(() => null);
    if (status === 'committed') return { kind: 'committed' };
    if (status === 'aborted') return { kind: 'rolled-back', cause };
    await sleep(LOOK_AGAIN_MS);
  }
  return { kind: 'unknown', cause, xid };
}

async function statusOf(database: Database, xid: string): Promise<string | null> {
  const client = await database.connect({ applicationName: 'cofre restore' });
  try {
    const { rows } = await client.query<{ status: string | null }>(
      'SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8) AS status',
      [xid],
    );
    return rows[0]?.status ?? null;
  } finally {
    await client.end();
  }
}
