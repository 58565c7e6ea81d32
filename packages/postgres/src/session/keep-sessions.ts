import type pg from 'pg';
import type { Database } from './types.ts';

/** A database whose connections are used again by those who connect under the same name, until `end`. */
export interface KeptSessions extends Database {
  giveBack(client: pg.Client): Promise<void>;
  end(): Promise<void>;
}

/** Whatever was left open: nothing of it is to be found by who comes next. What is set is left to the name, see below. */
const CLEAN_SQL = 'DISCARD TEMP; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all()';

/**
 * For work of the same kind many times over: to connect, and to have the server read its catalogues anew each time, costs
 * more than a small backup. Sessions of one name are set up alike by all who use it, so settings stay as they are.
 */
export function keepSessions(database: Database): KeptSessions {
  const idle = new Map<string, pg.Client[]>();
  const names = new WeakMap<pg.Client, string>();
  let hasEnded = false;

  const forget = (client: pg.Client) => {
    const kept = idle.get(names.get(client) ?? '') ?? [];
    const index = kept.indexOf(client);
    if (index >= 0) kept.splice(index, 1);
  };
  return {
    label: database.label,
    async connect(options = {}) {
      const name = options.applicationName ?? '';
      const kept = idle.get(name)?.pop();
      if (kept !== undefined) return kept;
      const client = await database.connect(options);
      names.set(client, name);
      client.once('end', () => forget(client));
      return client;
    },
    async giveBack(client) {
      const name = names.get(client);
      if (name === undefined || hasEnded || !(await clean(client))) return client.end();
      idle.set(name, [...(idle.get(name) ?? []), client]);
    },
    async end() {
      hasEnded = true;
      const clients = [...idle.values()].flat();
      idle.clear();
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

/** False: nobody can use it any more. */
async function clean(client: pg.Client): Promise<boolean> {
  const rollback = client.getTransactionStatus() === 'I' ? '' : 'ROLLBACK; ';
  try {
    await client.query(`${rollback}${CLEAN_SQL}`);
    return client.getTransactionStatus() === 'I';
  } catch {
    return false;
  }
}

/** Lets go of a connection that is in order: whoever keeps connections has it for the next one, else it is ended. */
export function giveBack(database: Database, client: pg.Client): Promise<void> {
  return database.giveBack?.(client) ?? client.end();
}
