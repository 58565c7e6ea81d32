import type { Manifest } from '@cofre/engine';
import type { Slice, SliceTable } from '@cofre/postgres';
import type pg from 'pg';

/** Only a figure for a progress bar: it must not wait behind a migration. */
const LOCK_TIMEOUT_MS = 100;

/** About how many rows a slice has: as an earlier backup counted them, else as the planner guesses; null: no idea. */
export async function estimateRows(
  client: pg.ClientBase,
  slice: Slice,
  earlier: readonly Manifest[],
): Promise<number | null> {
  const known = slice.tables.map(({ facts }) => countedRows(earlier, facts));
  if (known.every((rows) => rows !== null)) return known.reduce((sum, rows) => sum + rows, 0);
  try {
    await client.query(`BEGIN READ ONLY; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    let sum = 0;
    for (const [index, table] of slice.tables.entries()) sum += known[index] ?? (await plannedSize(client, table)).rows;
    await client.query('COMMIT');
    return sum;
  } catch {
    // Whatever is wrong here, the backup itself meets it next and says it better.
    await client.query('ROLLBACK').catch(() => undefined);
    return null;
  }
}

function countedRows(earlier: readonly Manifest[], facts: { readonly schema: string; readonly name: string }) {
  for (const manifest of earlier) {
    const table = manifest.tables.find(({ schema, name }) => schema === facts.schema && name === facts.name);
    if (table !== undefined) return table.rows;
  }
  return null;
}

interface ExplainedRow {
  readonly 'QUERY PLAN'?: readonly {
    readonly Plan?: { readonly 'Plan Rows'?: number; readonly 'Plan Width'?: number };
  }[];
}

/** What the planner expects to read of a table. Waits behind whoever locks the table, unless the session has a timeout. */
export async function plannedSize(
  client: pg.ClientBase,
  table: SliceTable,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const result = await client.query<ExplainedRow>(
    `EXPLAIN (FORMAT JSON) SELECT t.* FROM ${table.fromSql} AS t WHERE ${table.scopeSql('t')}`,
  );
  const plan = result.rows[0]?.['QUERY PLAN']?.[0]?.Plan;
  const rows = Math.round(plan?.['Plan Rows'] ?? 0);
  return { rows, bytes: rows * (plan?.['Plan Width'] ?? 0) };
}
