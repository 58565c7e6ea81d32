import { type Database, printTable, quoteTable, type TableName } from '@cofre/postgres';
import type pg from 'pg';

/** Rows and checksum of one part of a table. */
export interface TableChecksum {
  readonly table: string;
  readonly rows: number;
  /** Hex SHA-256 over the SHA-256 of each row's text, in order. */
  readonly sha256: string;
}

export interface DatabaseChecksums {
  readonly slice: readonly TableChecksum[];
  /** Every other row of every table of the database; Cofre's own notes aside. */
  readonly others: readonly TableChecksum[];
}

/** SQL over alias `t`, by table: which rows are the slice's. `$1` is the implementation. */
export type SliceRows = Readonly<Record<string, string>>;

const BY_TENANT = `t.tenant_id IN (
  SELECT a.tenant_id FROM public.tenant_module_assignments a WHERE a.implementation_id = $1)`;

/** Written by hand from what the tables mean, not from the definition: a proof must not rest on what it proves. */
export const INVENTORY_SLICE: SliceRows = {
  'public.module_implementations': 't.id = $1',
  'public.tenant_module_assignments': 't.implementation_id = $1',
  'public.inventory_settings': BY_TENANT,
  'public.warehouses': BY_TENANT,
  'public.product_categories': BY_TENANT,
  'public.products': BY_TENANT,
  'public.stock_levels': BY_TENANT,
  'public.stock_movements': BY_TENANT,
};

/** Checksums of the whole database in one snapshot, made by the server itself. */
export async function checksumDatabase(
  database: Database,
  sliceRows: SliceRows,
  implementationId: string,
): Promise<DatabaseChecksums> {
  const client = await database.connect({ applicationName: 'cofre demo' });
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(`SET LOCAL timezone = 'UTC'`);
    const slice: TableChecksum[] = [];
    const others: TableChecksum[] = [];
    for (const table of await userTables(client)) {
      const condition = sliceRows[printTable(table)];
      if (condition !== undefined) slice.push(await checksum(client, { table, where: condition, implementationId }));
      const where = condition === undefined ? 'true' : `(${condition}) IS NOT TRUE`;
      others.push(await checksum(client, { table, where, implementationId }));
    }
    return { slice, others };
  } finally {
    await client.end();
  }
}

/** Where Cofre writes down what it did, outside of its own schema. */
const OWN_NOTES = ['module_backups', 'audit_logs', 'notifications'];

async function userTables(client: pg.ClientBase): Promise<readonly TableName[]> {
  const { rows } = await client.query<TableName>(
    `SELECT n.nspname AS schema, c.relname AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cofre', 'cofre_queue')
       AND n.nspname NOT LIKE 'pg\\_%' AND NOT EXISTS (
         SELECT FROM pg_catalog.unnest($1::text[]) AS name WHERE cofre.platform_table(name) = c.oid
       )
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    [OWN_NOTES],
  );
  return rows;
}

async function checksum(
  client: pg.ClientBase,
  { table, where, implementationId }: { table: TableName; where: string; implementationId: string },
): Promise<TableChecksum> {
  // The parameter is named in every statement, so that its type is known also where the condition does not use it.
  const { rows } = await client.query<{ rows: string; sha256: string }>(
    `SELECT pg_catalog.count(*) AS rows, pg_catalog.encode(pg_catalog.sha256(
       COALESCE(pg_catalog.string_agg(row_sha256, ''::bytea ORDER BY row_sha256), '')), 'hex') AS sha256
     FROM (
       SELECT pg_catalog.sha256(pg_catalog.convert_to(t::text, 'UTF8')) AS row_sha256
       FROM ONLY ${quoteTable(table)} AS t WHERE $1::uuid IS NOT NULL AND (${where})
     ) AS hashed`,
    [implementationId],
  );
  return { table: printTable(table), rows: Number(rows[0]?.rows ?? 0), sha256: rows[0]?.sha256 ?? '' };
}

/** Tables whose rows or checksums differ. */
export function differences(before: readonly TableChecksum[], after: readonly TableChecksum[]): readonly string[] {
  const key = ({ rows, sha256 }: TableChecksum) => `${rows} ${sha256}`;
  const earlier = new Map(before.map((it) => [it.table, key(it)]));
  const changed = after.filter((it) => earlier.get(it.table) !== key(it)).map(({ table }) => table);
  const gone = before.filter(({ table }) => !after.some((it) => it.table === table)).map(({ table }) => table);
  return [...changed, ...gone];
}
