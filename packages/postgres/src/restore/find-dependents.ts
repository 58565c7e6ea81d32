import type pg from 'pg';
import { isKeptOfImplementations } from '../definition/platform-tables.ts';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { isPlainForeignKey, pointsAtSql, type Relations } from './relations.ts';
import { type Conflict, sameRowSql } from './restore-table.ts';
import { setsTouching, type StagedTable } from './stage-operations.ts';

/** Rows that point at values which the plan takes away. */
export interface Dependents {
  readonly key: ForeignKeyFacts;
  /** Rows that would be left pointing at nothing, or be changed by the key's own action. */
  readonly outside: number;
  /** Rows that the plan itself deletes or points elsewhere. */
  readonly inside: number;
}

export interface DependentSearch {
  readonly client: pg.ClientBase;
  readonly relations: Relations;
  readonly written: ReadonlyMap<number, { readonly staged: StagedTable }>;
}

/** Foreign keys towards a table whose values its deletes or updates may take away. */
export async function findDependents(search: DependentSearch, staged: StagedTable): Promise<Dependents[]> {
  const { counts, table } = staged;
  const found: Dependents[] = [];
  if (counts.updates + counts.deletes === 0) return found;
  for (const key of table.live.facts.referencedBy) {
    const changes = staged.changedSets.some((set) => set.some((name) => key.to.columns.includes(name)));
    if ((counts.deletes === 0 && !changes) || !isPlainForeignKey(key)) continue;
    // It is made to let go before anything is written (`beforeWriting`).
    if (isKeptOfImplementations(key.from)) continue;
    const counted = await countDependents(search, staged, key);
    if (counted.inside + counted.outside > 0) found.push({ key, ...counted });
  }
  return found;
}

async function countDependents(
  search: DependentSearch,
  staged: StagedTable,
  key: ForeignKeyFacts,
): Promise<{ outside: number; inside: number }> {
  const child = search.relations.get(key.from.oid);
  if (child === undefined) return { outside: 0, inside: 0 };
  const pointsAt = pointsAtSql(key, search.relations, { parent: 'p', child: 'c' });
  const { rows } = await search.client.query<{ inside: boolean; count: string }>(
    `SELECT ${followsSql(search, key)} AS inside, count(*) AS count
       FROM ${child.fromSql} AS c JOIN (${goneSql(staged, key)}) AS p ON ${pointsAt} GROUP BY 1`,
  );
  const count = (inside: boolean) => Number(rows.find((row) => row.inside === inside)?.count ?? 0);
  const deleted = Math.min(count(false), await countDeletedWithoutKey(search, staged, key));
  return { outside: count(false) - deleted, inside: count(true) + deleted };
}

/** Rows with no key cannot be told apart, but as many of them as the plan deletes will be gone. */
async function countDeletedWithoutKey(
  search: DependentSearch,
  staged: StagedTable,
  key: ForeignKeyFacts,
): Promise<number> {
  const child = search.written.get(key.from.oid)?.staged;
  if (child === undefined || child.table.identity !== null || child.counts.deletes === 0) return 0;
  const pointsAt = pointsAtSql(key, search.relations, { parent: 'p', child: 'c' });
  const { rows } = await search.client.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${child.before} AS c JOIN (${goneSql(staged, key)}) AS p ON ${pointsAt}`,
  );
  return Number(rows[0]?.count ?? 0);
}

/** Values that rows of the table hold now and that none holds afterwards. */
function goneSql(staged: StagedTable, key: ForeignKeyFacts): string {
  const { meta, before, after, table } = staged;
  const columns = key.to.columns.map((name) => `b.${quoteIdentifier(name)}`).join(', ');
  const sets = setsTouching(staged, new Set(key.to.columns));
  return (
    `SELECT DISTINCT ${columns} FROM ${before} AS b WHERE (b.${meta.op} = 'd' OR b.${meta.set} = ANY (${sets})) ` +
    `AND NOT EXISTS (SELECT FROM ${after} AS a WHERE ${sameValuesSql(table.live.facts, key)})`
  );
}

/** Compared as the unique index does that every foreign key points at. */
function sameValuesSql(facts: TableFacts, key: ForeignKeyFacts): string {
  const unique = facts.uniques.find(
    ({ columns }) =>
      columns?.length === key.to.columns.length && key.to.columns.every((name) => columns.includes(name)),
  );
  const same = key.to.columns.map((name) => {
    const operator = unique?.operators[unique.columns?.indexOf(name) ?? -1] ?? 'OPERATOR(pg_catalog.=)';
    return `a.${quoteIdentifier(name)} ${operator} b.${quoteIdentifier(name)}`;
  });
  return same.join(' AND ');
}

/** A child row `c` that the plan deletes, or of which it changes where it points. */
function followsSql(search: DependentSearch, key: ForeignKeyFacts): string {
  const staged = search.written.get(key.from.oid)?.staged;
  const identity = staged?.table.identity ?? null;
  if (staged === undefined || identity === null) return 'false';
  const { op, set } = staged.meta;
  const moves = `b.${op} = 'd' OR b.${set} = ANY (${setsTouching(staged, new Set(key.from.columns))})`;
  return `EXISTS (SELECT FROM ${staged.before} AS b WHERE ${sameRowSql(identity, 'b', 'c')} AND (${moves}))`;
}

export function dependentConflict({ key, outside }: Dependents): Conflict | null {
  if (outside === 0) return null;
  const detail = `${outside === 1 ? 'a row' : `${outside} rows`} of ${printTable(key.from)} point${outside === 1 ? 's' : ''} at what would be taken away (${key.name})`;
  return { kind: 'parent-missing', count: outside, detail };
}
