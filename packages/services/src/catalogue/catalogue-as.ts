import { quoteLiteral } from '@cofre/postgres';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Claims } from '../actor.ts';
import { type Catalogue, overPool, poolOf } from './open-catalogue.ts';

/** Whom statements are run as. */
export type CatalogueRole =
  | { readonly role: 'service_role' }
  | { readonly role: 'authenticated'; readonly userId: string; readonly claims: Claims };

/**
 * The same catalogue, every statement run as that role with these claims, so that grants and policies decide: each in a
 * transaction of its own, or in the one that the caller opens. Connections are the given catalogue's, which ends them.
 */
export function catalogueAs(catalogue: Catalogue, as: CatalogueRole): Catalogue {
  const pool = poolOf(catalogue);
  return overPool(assuming(pool, assumeSql(as)), pool);
}

/** `true`: for the transaction. Both spellings of the claims that Supabase's `auth.uid()` knows are set, so that none is left over. */
function assumeSql(as: CatalogueRole): string {
  const isPerson = as.role === 'authenticated';
  const claims = isPerson ? { ...as.claims, sub: as.userId, role: as.role } : { role: as.role };
  const settings: [string, string][] = [
    ['row_security', 'on'],
    ['request.jwt.claims', JSON.stringify(claims)],
    ['request.jwt.claim.sub', isPerson ? as.userId : ''],
    ['request.jwt.claim.role', as.role],
    ['role', as.role],
  ];
  const calls = settings.map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  return `SELECT ${calls.join(', ')}`;
}

function assuming(pool: PostgresPool, assume: string): PostgresPool {
  return {
    options: pool.options,
    connect: async () => assumingClient(await pool.connect(), assume),
    end: () => Promise.resolve(),
  };
}

type Query = (sql: string, parameters: readonly unknown[]) => Promise<unknown>;

function assumingClient(client: PostgresPoolClient, assume: string): PostgresPoolClient {
  const send = client.query as unknown as Query; // kysely calls it in this way alone
  let isInTransaction = false;
  const query: Query = async (sql, parameters) => {
    if (/^(begin|start transaction)\b/i.test(sql)) {
      const begun = await send(sql, parameters);
      await send(assume, []);
      isInTransaction = true;
      return begun;
    }
    if (/^(commit|rollback)$/i.test(sql)) isInTransaction = false;
    else if (!isInTransaction) return alone(sql, parameters);
    return send(sql, parameters);
  };
  const alone: Query = async (sql, parameters) => {
    try {
      await send(`BEGIN; ${assume}`, []);
      const result = await send(sql, parameters);
      await send('COMMIT', []);
      return result;
    } catch (error) {
      // A broken connection has rolled back by itself; the first error is the one to report.
      await send('ROLLBACK', []).catch(() => undefined);
      throw error;
    }
  };
  return {
    query: query as unknown as PostgresPoolClient['query'], // as above
    release: (destroy) => client.release(destroy),
  };
}
