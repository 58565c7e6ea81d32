import { CofreError } from '@cofre/contracts';
import pg from 'pg';
import { translateConnectError, translatePgError } from './errors.ts';
import { pinValues } from './pin-session.ts';
import { createSocket } from './socket.ts';
import type { Database } from './types.ts';

/** A server that does not answer is reported after this long, not after the operating system's two minutes. */
const CONNECT_TIMEOUT_MS = 15_000;

/** 14 is the oldest version that has `pg_current_xact_id()` and `idle_session_timeout`, and is still maintained. */
const OLDEST_SERVER_VERSION_NUM = 140_000;

/**
 * The database that a URL names: `postgres://user@host:5432/name?sslmode=verify-full`, or over a unix socket
 * `postgres:///name?host=/var/run/postgresql`. Everything that `pg` reads from a URL is understood.
 * Throws `usage/invalid` for what is no URL; `connect` throws `database/unreachable` or `database/unsupported`.
 */
export function databaseFromUrl(url: string): Database {
  const { label, encrypted } = parseUrl(url);
  return {
    label,
    async connect(options = {}) {
      const client = await openClient({ url, label, encrypted, applicationName: options.applicationName ?? 'cofre' });
      try {
        await refuseUnsupported(client, label);
        await pinValues(client);
        return client;
      } catch (error) {
        await client.end();
        throw error;
      }
    },
  };
}

async function openClient(input: {
  readonly url: string;
  readonly label: string;
  readonly encrypted: boolean;
  readonly applicationName: string;
}): Promise<pg.Client> {
  try {
    const client = new pg.Client({
      connectionString: input.url,
      application_name: input.applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      // TLS takes over a socket's handle, so it gets an ordinary one.
      ...(input.encrypted ? {} : { stream: createSocket }),
    });
    // A connection that breaks while nobody waits on it must not end the process: the next query on it reports the loss.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  } catch (error) {
    throw translateConnectError(error, input.label);
  }
}

async function refuseUnsupported(client: pg.Client, label: string): Promise<void> {
  let facts: { version: number; name: string; encoding: string } | undefined;
  try {
    const result = await client.query<{ version: number; name: string; encoding: string }>(
      `SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version,
              pg_catalog.current_setting('server_version') AS name,
              pg_catalog.current_setting('server_encoding') AS encoding`,
    );
    facts = result.rows[0];
  } catch (error) {
    throw translatePgError(error, { doing: `connecting to ${label}` });
  }
  if (facts === undefined || facts.version < OLDEST_SERVER_VERSION_NUM) {
    throw new CofreError(
      'database/unsupported',
      `The server at ${label} is PostgreSQL ${facts?.name ?? 'of an unknown version'}; the oldest that is supported is 14. Nothing was changed.`,
      { params: { version: facts?.name ?? '' } },
    );
  }
  if (facts.encoding === 'SQL_ASCII') {
    throw new CofreError(
      'database/unsupported',
      `The database at ${label} has the encoding SQL_ASCII, so its text cannot be read without doubt. Nothing was changed.`,
      { params: { encoding: facts.encoding } },
    );
  }
}

/** The label is host, port and name, for messages. The URL itself is never shown: it may hold a password. */
function parseUrl(url: string): { readonly label: string; readonly encrypted: boolean } {
  let client: pg.Client;
  try {
    if (!/^(postgres(ql)?|socket):/i.test(url)) throw new Error('unknown scheme');
    client = new pg.Client({ connectionString: url });
  } catch {
    throw new CofreError(
      'usage/invalid',
      'The database address is not a URL like postgres://user@host:5432/name. Nothing was started.',
    );
  }
  const host = client.host.startsWith('/') ? client.host : `${client.host}:${client.port}`;
  return { label: `${host}/${client.database ?? ''}`, encrypted: client.ssl };
}
