import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import type { Slice } from '../definition/slice.ts';
import { sqlStateOf, translatePgError } from '../session/errors.ts';
import { printTable, quoteTable } from '../session/quote.ts';

/** A table to be locked, and with it (unless `sql` says ONLY) every partition that it has at that moment. */
export interface LockTarget {
  readonly oid: number;
  readonly name: string;
  /** What stands behind LOCK TABLE. */
  readonly sql: string;
}

/** The lock was refused because the table is no longer what the slice was resolved to. */
export const SCHEMA_STATES: ReadonlySet<string> = new Set(['42P01', '42809', '3F000']);

/**
 * Every table that the slice's rows depend on. Partitions are left to the table above them where that is listed too:
 * a role may read a partitioned table without any privilege on its partitions. null: one of them is gone.
 */
export async function lockTargets(client: pg.ClientBase, slice: Slice): Promise<readonly LockTarget[] | null> {
  const oids = [...new Set(slice.tables.flatMap((table) => [table.facts.oid, ...table.pathOids]))];
  const result = await client.query<{ oid: number; schema: string; name: string; kind: string; covered: boolean }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
            c.relispartition AND EXISTS (
              SELECT FROM pg_partition_ancestors(c.oid) AS a WHERE a.relid <> c.oid AND a.relid = ANY ($1::oid[])
            ) AS covered
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[])
      ORDER BY c.oid`,
    [oids],
  );
  if (result.rows.length < oids.length) return null;
  return result.rows
    .filter((row) => !row.covered)
    .map((row) => ({
      oid: row.oid,
      name: printTable(row),
      sql: `${row.kind === 'p' ? '' : 'ONLY '}${quoteTable(row)}`,
    }));
}

export function lockTableSql(target: LockTarget, wait: 'wait' | 'nowait'): string {
  return `LOCK TABLE ${target.sql} IN ACCESS SHARE MODE${wait === 'nowait' ? ' NOWAIT' : ''}`;
}

/** One statement each, so that a lock that cannot be had names its table. None of them takes the transaction's snapshot. */
export async function lockTables(client: pg.ClientBase, targets: readonly LockTarget[]): Promise<void> {
  for (const target of targets) {
    try {
      await client.query(lockTableSql(target, 'wait'));
    } catch (error) {
      throw translatePgError(error, {
        doing: `locking ${target.name}`,
        table: target.name,
        outcome: 'No backup was written.',
      });
    }
  }
}

/**
 * Adds to a lock timeout who is in the way, as far as the server tells this role. Waits for no table itself: the
 * functions that list partitions do.
 */
export async function nameBlockers(client: pg.ClientBase, error: CofreError): Promise<CofreError> {
  const table = error.params['table'];
  if (sqlStateOf(error) !== '55P03' || typeof table !== 'string') return error;
  const blockers = await client.query<{ who: string }>(BLOCKERS_SQL, [table]).catch(() => ({ rows: [] }));
  const who = blockers.rows.map((row) => row.who);
  if (who.length === 0) return error;
  return new CofreError(
    'database/lock-timeout',
    `${table} could not be locked in time: held or awaited by ${who.join(', ')}. No backup was written.`,
    { params: { ...error.params, blockers: who }, cause: error },
  );
}

const BLOCKERS_SQL = `
WITH RECURSIVE family (oid) AS (
  SELECT to_regclass($1)::oid
  UNION ALL
  SELECT i.inhrelid FROM family JOIN pg_inherits AS i ON i.inhparent = family.oid
)
SELECT DISTINCT 'process ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '') AS who
  FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid IS NOT NULL
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.relation IN (SELECT oid FROM family)`;
