import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { translatePgError } from './errors.ts';
import { giveBack } from './keep-sessions.ts';
import { pinSession } from './pin-session.ts';
import type { Database } from './types.ts';

/** A pinned connection of which the server's process is known, so that it can be stopped from outside. */
export interface Session {
  readonly client: pg.Client;
  /** Process id and start time: a process id alone may have been given to somebody else meanwhile. */
  readonly identity: string;
}

export interface SessionGroup {
  open(applicationName: string): Promise<Session>;
  /** Cancels what runs on every session and ends them all. What waits on one of them fails at once. */
  stop(): void;
}

const IDENTITY_SQL = `a.pid::text || ' ' || extract(epoch FROM a.backend_start)::text`;

/** Between two looks at whether the server has let a session go, and how often to look before ending it the hard way. */
const LOOK_AGAIN_MS = 25;
const LOOKS_MAX = 200;

/**
 * Runs `work` with sessions that are gone from the server when the promise settles, whichever way it does; a database
 * that keeps connections is given back those of work that succeeded. An aborted signal stops them all; the error is then
 * `backup/interrupted`.
 */
export async function withSessions<T>(
  options: { readonly database: Database; readonly signal?: AbortSignal | undefined },
  work: (group: SessionGroup) => Promise<T>,
): Promise<T> {
  const { database, signal } = options;
  const sessions: Session[] = [];
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= stopSessions(database, sessions);
  };
  const open = async (applicationName: string) => {
    const session = await openSession(database, applicationName);
    sessions.push(session);
    if (stopped === null) return session;
    await stopSessions(database, [session]);
    throw new CofreError('backup/interrupted', 'Interrupted while connecting.');
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    if (signal?.aborted) throw new CofreError('backup/interrupted', 'Interrupted before anything was read.');
    return await work({ open, stop });
  } catch (error) {
    stop();
    if (!signal?.aborted) throw error;
    throw new CofreError('backup/interrupted', 'Interrupted; nothing was changed in the database.', { cause: error });
  } finally {
    signal?.removeEventListener('abort', stop);
    await (stopped ?? Promise.all(sessions.map((session) => giveBack(database, session.client))));
  }
}

/** Of connections that are kept: it never changes. */
const identities = new WeakMap<pg.Client, string>();

async function openSession(database: Database, applicationName: string): Promise<Session> {
  const client = await database.connect({ applicationName });
  try {
    await pinSession(client);
    const identity = identities.get(client) ?? (await readIdentity(client));
    identities.set(client, identity);
    return { client, identity };
  } catch (error) {
    await client.end();
    throw translatePgError(error, { doing: 'preparing the session' });
  }
}

async function readIdentity(client: pg.Client): Promise<string> {
  const result = await client.query<{ identity: string }>(
    `SELECT ${IDENTITY_SQL} AS identity FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = pg_catalog.pg_backend_pid()`,
  );
  return result.rows[0]?.identity ?? '';
}

/**
 * Ending our side is not enough: a server process that sorts or waits for a lock does not look at its socket.
 * A cancellation can miss a statement that has only just arrived, so it is repeated until the process is gone.
 */
async function stopSessions(database: Database, sessions: readonly Session[]): Promise<void> {
  const identities = sessions.map((session) => session.identity);
  const ended = Promise.all(sessions.map((session) => session.client.end()));
  if (sessions.length > 0) {
    // Where the server cannot be reached any more, it finds out by itself when it writes to the closed sockets.
    await database.connect({ applicationName: 'cofre cancel' }).then(
      (canceller) => cancelUntilGone(canceller, identities),
      () => undefined,
    );
  }
  await ended;
}

async function cancelUntilGone(canceller: pg.Client, identities: readonly string[]): Promise<void> {
  try {
    for (let look = 0; look <= LOOKS_MAX; look += 1) {
      const end = look === LOOKS_MAX ? 'pg_terminate_backend' : 'pg_cancel_backend';
      const left = await canceller.query(
        `SELECT pg_catalog.${end}(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE ${IDENTITY_SQL} = ANY ($1)`,
        [identities],
      );
      if (left.rowCount === 0) return;
      await sleep(LOOK_AGAIN_MS);
    }
  } catch {
    // Losing this connection too means that the server is going down, and its sessions with it.
  } finally {
    await canceller.end();
  }
}
