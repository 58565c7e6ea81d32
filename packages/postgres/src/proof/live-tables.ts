import type { ManifestTable } from '@cofre/engine';
import type pg from 'pg';
import { findTables, readTableFacts } from '../introspect/read-table-facts.ts';
import type { TableFacts } from '../introspect/table-facts.ts';
import { sqlStateOf } from '../session/errors.ts';
import { printTable } from '../session/quote.ts';

/** What a table of a backup is today. */
export interface LiveTable {
  readonly facts: TableFacts;
  /** Names of its check constraints. */
  readonly checks: readonly string[];
  /** oids of its indexes that call no function of the application: making one runs nothing that could look or write elsewhere. */
  readonly quietIndexes: ReadonlySet<number>;
}

const CHECKS_SQL = `
SELECT c.conrelid AS "tableOid", c.conname AS name FROM pg_catalog.pg_constraint c
WHERE c.conrelid = ANY ($1::pg_catalog.oid[]) AND c.contype = 'c' ORDER BY c.conrelid, c.conname`;

/** Functions of PostgreSQL's own leave no dependency. Those of extensions are not the application's. */
const QUIET_INDEXES_SQL = `
SELECT i.indexrelid AS oid FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
    AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend e
      WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
    )
)`;

/**
 * The live tables that have the names and columns of stored ones, by the stored table. Reads catalogues only, on a
 * connection without a transaction, so that nothing stays locked; what a migration keeps locked meanwhile counts as absent.
 */
export async function readLiveTables(
  client: pg.ClientBase,
  tables: readonly ManifestTable[],
): Promise<ReadonlyMap<ManifestTable, LiveTable>> {
  const oids = await findTables(client, tables);
  const known = oids.filter((oid) => oid !== null);
  const facts = await readTableFacts(client, known).catch((error: unknown) => {
    if (sqlStateOf(error) === '55P03') return new Map<number, TableFacts>();
    throw error;
  });
  const { rows: checks } = await client.query<{ tableOid: number; name: string }>(CHECKS_SQL, [known]);
  const { rows: quiet } = await client.query<{ oid: number }>(QUIET_INDEXES_SQL, [known]);
  const quietIndexes = new Set(quiet.map(({ oid }) => oid));
  return new Map(
    tables.flatMap((stored, index) => {
      const live = facts.get(oids[index] ?? 0);
      if (live === undefined || !fits(stored, live)) return [];
      const own = checks.filter(({ tableOid }) => tableOid === live.oid).map(({ name }) => name);
      return [[stored, { facts: live, checks: own, quietIndexes }] as const];
    }),
  );
}

/** Every stored column is still there, of the same type. */
function fits(stored: ManifestTable, live: TableFacts): boolean {
  if (live.kind === 'other') return false;
  return stored.columns.every(({ name, type }) => {
    const column = live.columns.find((candidate) => candidate.name === name);
    return column?.type === type && column.generated === null;
  });
}

/** Why there is none, for people. */
export function whyNoLive(stored: ManifestTable): string {
  return `no table of today is called ${printTable(stored)} and has its columns, so only what the backup itself says was used`;
}
