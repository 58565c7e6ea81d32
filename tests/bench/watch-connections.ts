import type { Database } from '@cofre/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

export interface Connections {
  /** Most that were open at the same time, looked at every so often. */
  readonly peak: number;
  /** Opened in all, as the server counted. */
  readonly opened: number;
}

const EVERY_MS = 50;
/** Sessions that ended have been counted by then. */
const SETTLE_MS = 1500;

/** Counts the connections that `work` makes to the database, from a connection of its own. */
export async function watchConnections<T>(
  database: Database,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly connections: Connections }> {
  const client = await database.connect({ applicationName: 'bench watch' });
  const done = new AbortController();
  try {
    const before = await openedSoFar(client);
    const watching = watch(client, done.signal);
    const result = await work().finally(() => done.abort());
    const peak = await watching;
    await sleep(SETTLE_MS);
    return { result, connections: { peak, opened: (await openedSoFar(client)) - before } };
  } finally {
    done.abort();
    await client.end();
  }
}

async function watch(client: pg.Client, signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    const { rows } = await client.query<{ open: number }>(
      `SELECT count(*)::int AS open FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND application_name NOT LIKE 'bench%'`,
    );
    peak = Math.max(peak, rows[0]?.open ?? 0);
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return peak;
}

async function openedSoFar(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ sessions: string }>(
    'SELECT pg_stat_clear_snapshot(), sessions FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(rows[0]?.sessions);
}
