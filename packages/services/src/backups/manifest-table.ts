import type { ManifestTable, WrittenTable } from '@cofre/engine';
import type { SliceTable, TableFacts } from '@cofre/postgres';

/** What a manifest says of a table that was read. */
export function toManifestTable(table: SliceTable, written: WrittenTable, read: ManifestTable['read']): ManifestTable {
  const { facts, role, layout, fingerprint } = table;
  return {
    schema: facts.schema,
    name: facts.name,
    role,
    columns: table.columns.map(({ name, type, notNull, defaultExpression, identity }) => ({
      name,
      type,
      notNull,
      defaultExpression,
      identity,
      secret: table.secret.has(name),
    })),
    key: layout.key.map(({ name, order }) => ({ name, order })),
    fingerprint,
    facts: factsAsData(facts),
    rows: written.rows,
    bytes: written.bytes,
    ranges: written.ranges,
    read,
  };
}

/** Enough to recreate the table, as data: never SQL to be run as it stands. */
function factsAsData(facts: TableFacts): Readonly<Record<string, unknown>> {
  return {
    kind: facts.kind,
    primaryKey: facts.primaryKey,
    uniques: facts.uniques.map(({ indexOid: _, ...unique }) => unique),
    foreignKeys: facts.foreignKeys.map(({ name, from, to, onDelete, onUpdate, match, deferrable }) => ({
      name,
      columns: from.columns,
      references: { schema: to.schema, name: to.name, columns: to.columns },
      onDelete,
      onUpdate,
      match,
      deferrable,
    })),
    generated: facts.columns.flatMap(({ name, type, generated, defaultExpression }) =>
      generated === null ? [] : [{ name, type, generated, expression: defaultExpression }],
    ),
    sequences: facts.sequences,
    types: facts.types,
    nullsLeft: facts.columns.flatMap(({ name, notNull, notNullValidated }) =>
      notNull && !notNullValidated ? [name] : [],
    ),
    keyless: 'none' in facts.key ? facts.key.none : null,
  };
}

/** Whether rows of both lie in the same way: the same columns in the same order, the same key. */
export function liesAlike(before: ManifestTable, now: SliceTable): boolean {
  const shape = (columns: readonly { name: string; type: string }[], key: readonly { name: string; order: string }[]) =>
    JSON.stringify([columns.map(({ name, type }) => [name, type]), key.map(({ name, order }) => [name, order])]);
  return shape(before.columns, before.key) === shape(now.columns, now.layout.key);
}
