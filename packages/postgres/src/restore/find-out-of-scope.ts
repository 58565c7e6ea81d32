import type pg from 'pg';

/**
 * Rows to be written whose scope goes through a parent that this plan does not write, and that belongs to somebody else now:
 * they would be put into another slice. Counts the rows of `relation`.
 */
export async function countOutOfScope(
  client: pg.ClientBase,
  relation: string,
  scopeSql: (alias: string) => string,
): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${relation} AS a WHERE (${scopeSql('a')}) IS NOT TRUE`,
  );
  return Number(rows[0]?.count ?? 0);
}
