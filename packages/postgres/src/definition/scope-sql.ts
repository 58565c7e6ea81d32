import { assert } from '@cofre/contracts';
import type { Equality } from '../introspect/equality.ts';
import type { ColumnFacts, TableFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier, quoteTable } from '../session/quote.ts';
import type { BoundScope, BoundTable, ParentPair, RootPart } from './bind-definition.ts';
import type { SliceScope, XidTest } from './slice.ts';

/** What stands for a part of the root key in SQL: a quoted, typed literal. */
export type PartSql = (part: RootPart) => string;

/** Rows of a partitioned table come through its root; a plain table's children are tables of their own. */
export function fromSql(facts: TableFacts): string {
  const readsPartitions = facts.kind === 'partitioned' || (facts.kind === 'partition' && facts.children.length > 0);
  return readsPartitions ? quoteTable(facts) : `ONLY ${quoteTable(facts)}`;
}

/**
 * The scope over an alias. Parents are asked for by EXISTS, which gives no row twice however many parents it has. Two
 * aliases are enough at any depth: a condition names its own table and the one just outside.
 */
export function scopeSql(scope: BoundScope, partSql: PartSql): (alias: string) => string {
  return (alias) => {
    if (scope.kind === 'root') {
      return scope.pairs
        .map(({ column, part, equality }) => compareSql(equality, columnSql(alias, column), partSql(part)))
        .join(' AND ');
    }
    const inner = alias === 'p' ? 'q' : 'p';
    const conditions = [joinSql(scope.pairs, inner, alias), scopeSql(scope.parent.scope, partSql)(inner)];
    return `EXISTS (SELECT FROM ${fromSql(scope.parent.facts)} AS ${inner} WHERE ${conditions.join(' AND ')})`;
  };
}

/**
 * The same over an alias for roots that stand in the query as rows: `partSql` names their columns. All parents are joined
 * in one EXISTS, because the planner can then begin at the roots; it does not look into one EXISTS within another.
 */
export function joinedScopeSql(scope: BoundScope, partSql: PartSql): (alias: string) => string {
  return (alias) => {
    const tables: string[] = [];
    const conditions: string[] = [];
    let [at, own] = [scope, alias];
    for (; at.kind === 'parent'; at = at.parent.scope) {
      const above = `p${tables.length}`;
      tables.push(`${fromSql(at.parent.facts)} AS ${above}`);
      conditions.push(joinSql(at.pairs, above, own));
      own = above;
    }
    conditions.push(scopeSql(at, partSql)(own));
    const all = conditions.join(' AND ');
    return tables.length === 0 ? all : `EXISTS (SELECT FROM ${tables.join(', ')} WHERE ${all})`;
  };
}

/**
 * Whether a row may have come into the scope, or changed, since a moment: it or a row that its place in the scope rests on
 * was written by a transaction of which `isSinceSql` says that it is not older. True too often where other parents of the
 * row were touched; that costs a little work.
 */
export function touchedSql(scope: BoundScope): (alias: string, isSinceSql: XidTest) => string {
  return (alias, isSinceSql) => {
    const own = isSinceSql(`${alias}.xmin`);
    if (scope.kind === 'root') return own;
    const inner = alias === 'p' ? 'q' : 'p';
    const { facts, scope: above } = scope.parent;
    const parents = `SELECT FROM ${fromSql(facts)} AS ${inner} WHERE ${joinSql(scope.pairs, inner, alias)} AND ${touchedSql(above)(inner, isSinceSql)}`;
    return `(${own} OR EXISTS (${parents}))`;
  };
}

/** Parent = child, over the aliases of both. */
export function joinSql(pairs: readonly ParentPair[], parentAlias: string, childAlias: string): string {
  return pairs
    .map(({ column, target, equality }) => {
      // Two columns of different collations are compared, as foreign keys do it, by that of the parent.
      const collate =
        target.collation !== null && target.collation !== column.collation ? ` COLLATE ${target.collation}` : '';
      return compareSql(equality, `${columnSql(parentAlias, target)}${collate}`, columnSql(childAlias, column));
    })
    .join(' AND ');
}

function columnSql(alias: string, column: ColumnFacts): string {
  return `${alias}.${quoteIdentifier(column.name)}`;
}

/** One equality, with the casts that it needs. */
export function compareSql(equality: Equality, left: string, right: string): string {
  const cast = (value: string, type: string | null) => (type === null ? value : `CAST(${value} AS ${type})`);
  return `${cast(left, equality.castLeft)} ${equality.operator} ${cast(right, equality.castRight)}`;
}

/** Tables whose rows decide what the slice holds of a table, itself first, partitions included. */
export function pathOids(table: BoundTable): number[] {
  const own = [
    table.facts.oid,
    ...(table.facts.kind === 'inheritance-parent' ? [] : table.facts.children.map(({ oid }) => oid)),
  ];
  return table.scope.kind === 'root' ? own : [...new Set([...own, ...pathOids(table.scope.parent)])];
}

export function sliceScope(scope: BoundScope): SliceScope {
  if (scope.kind === 'root') {
    return { kind: 'root', columns: scope.pairs.map(({ column }) => column.name), fixed: [...fixedColumns(scope)] };
  }
  const columns = scope.pairs.map(({ column, target }) => ({ own: column.name, parent: target.name }));
  return { kind: 'parent', parentOid: scope.parent.facts.oid, columns };
}

/** Columns that hold the same value in every row of the scope. */
export function fixedColumns(scope: BoundScope): Set<string> {
  if (scope.kind === 'parent') return new Set();
  assert(scope.pairs.length > 0, 'a scope names a column');
  return new Set(scope.pairs.filter(({ equality }) => equality.castLeft === null).map(({ column }) => column.name));
}
