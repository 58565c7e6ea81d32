import type pg from 'pg';
import type { ForeignKeyFacts } from '../introspect/table-facts.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { isPlainForeignKey, pointsAtSql, pointsSomewhereSql, type Relations } from './relations.ts';
import { setsTouching, type StagedTable } from './stage-operations.ts';
import { stale } from './stale.ts';

export interface HoldInput {
  readonly client: pg.ClientBase;
  readonly relations: Relations;
  readonly staged: StagedTable;
  /** Rows of whole ranges were inserted, which are not staged. */
  readonly hasWholeRanges: boolean;
}

/**
 * What foreign keys do, for a table that was written without them: every parent that a written row points at is locked as a
 * foreign key locks it, until the commit. One that is gone makes the plan stale.
 */
export async function holdParents(input: HoldInput): Promise<void> {
  for (const key of input.staged.table.live.facts.foreignKeys) {
    if (isPlainForeignKey(key)) await holdParentsOf(input, key);
  }
}

async function holdParentsOf(input: HoldInput, key: ForeignKeyFacts): Promise<void> {
  const { client, relations, staged } = input;
  const parent = relations.get(key.to.oid);
  if (parent === undefined) return;
  const pointsAt = pointsAtSql(key, relations, { parent: 'p', child: 'c' });
  const key0 = key.to.columns.map((name) => `p.${quoteIdentifier(name)}`).join(', ');
  const pointsAtHeld = pointsAtSql(key, relations, { parent: 'h', child: 'c' });
  // One statement: what is not among the locked is missing, and what is locked stays.
  const { rows } = await client.query<{ held: string; missing: string }>(
    `WITH c AS MATERIALIZED (${writtenSql(input, key)}),
          h AS MATERIALIZED (SELECT ${key0} FROM ${parent.fromSql} AS p
                              WHERE EXISTS (SELECT FROM c WHERE ${pointsAt}) FOR KEY SHARE OF p)
     SELECT (SELECT count(*) FROM h) AS held,
            (SELECT count(*) FROM c WHERE NOT EXISTS (SELECT FROM h WHERE ${pointsAtHeld})) AS missing`,
  );
  if (Number(rows[0]?.missing ?? 0) > 0)
    throw stale(staged.table.name, `rows of ${printTable(key.to)} that it points at are gone`);
}

/** Distinct values of the key in the rows that were written; with whole ranges, in all rows of the slice. */
function writtenSql({ staged, hasWholeRanges }: HoldInput, key: ForeignKeyFacts): string {
  const { table, after, meta } = staged;
  const { live } = table;
  const columns = key.from.columns.map(quoteIdentifier).join(', ');
  const somewhere = pointsSomewhereSql(key, 't');
  const sets = setsTouching(staged, new Set(key.from.columns));
  const ofPages = `SELECT ${columns} FROM ${after} AS t WHERE ${somewhere} AND (t.${meta.set} IS NULL OR t.${meta.set} = ANY (${sets}))`;
  if (!hasWholeRanges) return `SELECT DISTINCT ${columns} FROM (${ofPages}) AS w`;
  const ofSlice = `SELECT ${columns} FROM ${live.fromSql} AS t WHERE ${somewhere} AND ${live.scopeSql('t')}`;
  return `SELECT DISTINCT ${columns} FROM (${ofPages} UNION ALL ${ofSlice}) AS w`;
}
