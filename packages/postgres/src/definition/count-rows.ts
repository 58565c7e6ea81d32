import type { Definition, RootKey } from '@cofre/contracts';
import type pg from 'pg';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { resolveSlice, validateDefinition } from './resolve-slice.ts';
import { fromSql } from './scope-sql.ts';
import type { Slice, SliceTable } from './slice.ts';

export interface CountedRows {
  /** Whose rows were counted. */
  readonly explanation: string;
  /** `2270 of 4581 rows.` */
  readonly textOf: (facts: TableFacts) => string;
  /** Rows of the example that point by this key at rows which are not the example's; null: not counted. */
  readonly strays: (key: ForeignKeyFacts) => number | null;
}

/** Tables that the planner takes for larger are not counted: a proposal should not take minutes. */
const COUNTED_ROWS_MAX = 1_000_000;

const NO_IMPLEMENTATION = '00000000-0000-4000-8000-000000000000';

/**
 * Counts a proposed definition's rows, in all and for the first root row as an example, and for foreign keys within it
 * how many leave the example. Also proves that the definition is valid.
 */
export async function countRows(
  client: pg.ClientBase,
  definition: Definition,
  { root, keys }: { readonly root: TableFacts; readonly keys: readonly ForeignKeyFacts[] },
): Promise<CountedRows> {
  const key = definition.root?.key ?? ['id'];
  const example = await firstRootKey(client, root, key);
  const texts = new Map<number, string>();
  if (example === null) {
    await validateDefinition(client, definition);
    return {
      explanation: 'The root has no row yet, so none were counted.',
      textOf: () => 'Not counted.',
      strays: () => null,
    };
  }
  const slice = await resolveSlice(client, definition, example, {
    implementationId: definition.root === undefined ? String(example['id']) : NO_IMPLEMENTATION,
  });
  for (const table of slice.tables) texts.set(table.facts.oid, await countTable(client, table));
  const strays = new Map<number, number | null>();
  for (const key of keys) strays.set(key.oid, await countStrays(client, slice, key));
  const values = Object.entries(example).map(([name, value]) => `${name} = ${String(value)}`);
  return {
    explanation: `The example is ${values.join(', ')}.`,
    textOf: (facts) => texts.get(facts.oid) ?? '',
    strays: (key) => strays.get(key.oid) ?? null,
  };
}

async function firstRootKey(client: pg.ClientBase, root: TableFacts, key: readonly string[]): Promise<RootKey | null> {
  const columns = key.map((name) => `t.${quoteIdentifier(name)}`);
  const values = columns.map((column, index) => `pg_catalog.concat(${column}) AS k${index}`);
  const { rows } = await client.query<Record<string, string>>(
    `SELECT ${values.join(', ')} FROM ${fromSql(root)} AS t ORDER BY ${columns.join(', ')} LIMIT 1`,
  );
  const row = rows[0];
  return row === undefined ? null : Object.fromEntries(key.map((name, index) => [name, row[`k${index}`] ?? '']));
}

async function countTable(client: pg.ClientBase, table: SliceTable): Promise<string> {
  const { facts, fromSql: from } = table;
  if (facts.rowsEstimate > COUNTED_ROWS_MAX) return `About ${facts.rowsEstimate} rows in all.`;
  const { rows } = await client.query<{ own: string; all: string }>(
    `SELECT pg_catalog.count(*) FILTER (WHERE ${table.scopeSql('t')}) AS own, pg_catalog.count(*) AS all FROM ${from} AS t`,
  );
  const [row] = rows;
  return `${row?.own ?? 0} of ${row?.all ?? 0} ${row?.all === '1' ? 'row' : 'rows'}.`;
}

async function countStrays(client: pg.ClientBase, slice: Slice, key: ForeignKeyFacts): Promise<number | null> {
  const from = slice.tables.find(({ facts }) => facts.oid === key.from.oid);
  const to = slice.tables.find(({ facts }) => facts.oid === key.to.oid);
  if (from === undefined || to === undefined) return null;
  if (Math.max(from.facts.rowsEstimate, to.facts.rowsEstimate) > COUNTED_ROWS_MAX) return null;
  const join = key.from.columns.map(
    (own, index) =>
      `t.${quoteIdentifier(key.to.columns[index] ?? '')} ${key.operators[index] ?? ''} f.${quoteIdentifier(own)}`,
  );
  const { rows } = await client.query<{ strays: string }>(
    `SELECT pg_catalog.count(*) AS strays FROM ${from.fromSql} AS f WHERE (${from.scopeSql('f')})
       AND EXISTS (SELECT FROM ${to.fromSql} AS t WHERE ${join.join(' AND ')} AND NOT COALESCE(${to.scopeSql('t')}, false))`,
  );
  return Number(rows[0]?.strays ?? 0);
}
