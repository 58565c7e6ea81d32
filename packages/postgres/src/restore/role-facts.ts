import type pg from 'pg';
import { sqlStateOf } from '../session/errors.ts';

/** What the role of this session may do. */
export interface RoleFacts {
  /** It may set session_replication_role, so that triggers and rules do not fire. */
  readonly canReplica: boolean;
  /** Changes are counted, or this role may switch it on: without that nobody can tell what else was changed. */
  readonly canCount: boolean;
}

/** Asks by trying, which is true on every version and with every provider's own rules. Must run within a transaction. */
export async function readRoleFacts(client: pg.ClientBase): Promise<RoleFacts> {
  return {
    canReplica: await maySet(client, 'SET LOCAL session_replication_role = replica'),
    canCount: (await isCounting(client)) || (await maySet(client, 'SET LOCAL track_counts = on')),
  };
}

export async function isCounting(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ counting: boolean }>(
    `SELECT pg_catalog.current_setting('track_counts')::pg_catalog.bool AS counting`,
  );
  return rows[0]?.counting === true;
}

async function maySet(client: pg.ClientBase, sql: string): Promise<boolean> {
  await client.query('SAVEPOINT cofre_try');
  try {
    await client.query(sql);
    return true;
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    return false;
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT cofre_try; RELEASE SAVEPOINT cofre_try');
  }
}

export interface TableNeed {
  readonly oid: number;
  readonly privileges: readonly ('SELECT' | 'INSERT' | 'UPDATE' | 'DELETE')[];
}

/** Privileges that are missing, by table. */
export async function missingPrivileges(
  client: pg.ClientBase,
  needs: readonly TableNeed[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const pairs = needs.flatMap(({ oid, privileges }) => privileges.map((privilege) => ({ oid, privilege })));
  const { rows } = await client.query<{ oid: number; privilege: string }>(
    `SELECT n.oid, n.privilege
       FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) AS n (oid, privilege)
      WHERE NOT pg_catalog.has_table_privilege(n.oid, n.privilege)`,
    [pairs.map(({ oid }) => oid), pairs.map(({ privilege }) => privilege)],
  );
  const missing = new Map<number, string[]>();
  for (const { oid, privilege } of rows) missing.set(oid, [...(missing.get(oid) ?? []), privilege]);
  return missing;
}

/** Tables of which policies would hide rows from this role, or refuse it to write. */
export async function guardedTables(client: pg.ClientBase, oids: readonly number[]): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ oid: number }>(
    'SELECT o.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o (oid) WHERE pg_catalog.row_security_active(o.oid)',
    [oids],
  );
  return new Set(rows.map((row) => row.oid));
}
