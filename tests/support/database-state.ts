import type { TestDatabase } from './database.ts';

/** A checksum of every table that is there, by name, but for those left out: two of them are equal where nothing changed. */
export async function databaseState(
  db: TestDatabase,
  leftOut: ReadonlySet<string>,
): Promise<Readonly<Record<string, string>>> {
  const tables = await db.query(
    `SELECT pg_catalog.format('%I.%I', schemaname, tablename) AS name FROM pg_catalog.pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const names = (tables.rows as { name: string }[]).map(({ name }) => name).filter((name) => !leftOut.has(name));
  const sums = names.map(
    (name) => `SELECT '${name}' AS name, count(*) || ' rows, ' ||
      coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")), '') AS sum FROM ${name} AS t`,
  );
  const { rows } = await db.query(sums.join(' UNION ALL '));
  return Object.fromEntries((rows as { name: string; sum: string }[]).map(({ name, sum }) => [name, sum]));
}
