import type pg from 'pg';
import type { ForeignKeyFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier, quoteTable, type TableName } from '../session/quote.ts';

/** What a statement needs to know of a table that a foreign key names and that may lie outside the slice. */
export interface Relation extends TableName {
  readonly oid: number;
  /** What may stand behind FROM so that rows are those that a foreign key speaks of. */
  readonly fromSql: string;
  readonly collations: ReadonlyMap<string, string>;
}

export type Relations = ReadonlyMap<number, Relation>;

export async function readRelations(client: pg.ClientBase, oids: readonly number[]): Promise<Relations> {
  const { rows } = await client.query<
    TableName & { oid: number; kind: string; collations: Record<string, string> | null }
  >(
    `SELECT c.oid, s.nspname AS schema, c.relname AS name, c.relkind AS kind,
            (SELECT pg_catalog.json_object_agg(a.attname, pg_catalog.format('%I.%I', ls.nspname, l.collname))
               FROM pg_catalog.pg_attribute AS a
               JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
               JOIN pg_catalog.pg_namespace AS ls ON ls.oid = l.collnamespace
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS collations
       FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
      WHERE c.oid = ANY ($1::pg_catalog.oid[])`,
    [[...new Set(oids)]],
  );
  return new Map(
    rows.map(({ oid, schema, name, kind, collations }) => {
      const fromSql = `${kind === 'p' ? '' : 'ONLY '}${quoteTable({ schema, name })}`;
      return [oid, { oid, schema, name, fromSql, collations: new Map(Object.entries(collations ?? {})) }];
    }),
  );
}

/** A containment (PostgreSQL 18's PERIOD) asks of many rows together whether they cover one; that is left to the server. */
export function isPlainForeignKey(key: ForeignKeyFacts): boolean {
  return key.operators.every((operator) => operator.endsWith('.=)'));
}

/** `parent = child` over two aliases, compared as the foreign key itself compares: by the parent's collation. */
export function pointsAtSql(
  key: ForeignKeyFacts,
  relations: Relations,
  alias: { parent: string; child: string },
): string {
  const parent = relations.get(key.to.oid)?.collations;
  const child = relations.get(key.from.oid)?.collations;
  return key.to.columns
    .map((to, at) => {
      const from = key.from.columns[at] ?? '';
      const collation = parent?.get(to);
      const collate = collation !== undefined && collation !== child?.get(from) ? ` COLLATE ${collation}` : '';
      const parentValue = `${alias.parent}.${quoteIdentifier(to)}${collate}`;
      return `${parentValue} ${key.operators[at] ?? ''} ${alias.child}.${quoteIdentifier(from)}`;
    })
    .join(' AND ');
}

/** A row points at nothing where a column of the key is NULL. */
export function pointsSomewhereSql(key: ForeignKeyFacts, alias: string): string {
  return key.from.columns.map((column) => `${alias}.${quoteIdentifier(column)} IS NOT NULL`).join(' AND ');
}
