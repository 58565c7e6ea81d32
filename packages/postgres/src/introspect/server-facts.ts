import { assert, CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { prepared } from '../session/prepared.ts';

export interface ServerFacts {
  readonly versionNum: number;
  readonly encoding: string;
}

const SERVER_SQL = `
SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS "versionNum",
       pg_catalog.current_setting('server_encoding') AS encoding,
       pg_catalog.current_setting('search_path') AS "searchPath"`;

const OLDEST_VERSION_NUM = 140000;

/**
 * Also asserts that the session is pinned: with a search path, the server would print names of types and expressions
 * in a way that means something else elsewhere.
 */
export async function readServerFacts(client: pg.ClientBase): Promise<ServerFacts> {
  const { rows } = await client.query<ServerFacts & { searchPath: string }>(prepared(SERVER_SQL, []));
  const [server] = rows;
  assert(server !== undefined, 'the server answers a SELECT of constants with a row');
  assert(['', '""'].includes(server.searchPath), 'the session is pinned: its search_path is empty');
  if (server.versionNum < OLDEST_VERSION_NUM || server.encoding === 'SQL_ASCII') {
    const { versionNum, encoding } = server;
    throw new CofreError(
      'database/unsupported',
      `the server has version ${Math.floor(versionNum / 10000)} and encoding ${encoding}; Cofre needs PostgreSQL 14 or newer and an encoding that says what text means. Nothing was changed`,
      { params: { versionNum, encoding } },
    );
  }
  return { versionNum: server.versionNum, encoding: server.encoding };
}
