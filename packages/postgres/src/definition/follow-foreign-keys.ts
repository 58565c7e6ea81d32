import type pg from 'pg';
import { readTableFacts } from '../introspect/read-table-facts.ts';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { PLATFORM_TABLES, refusal } from './platform-tables.ts';

/** Everything that foreign keys lead to when they are followed from a table downwards, that is against their direction. */
export interface Reach {
  readonly root: TableFacts;
  /** By oid, the root first, in the order in which they were found. */
  readonly owned: ReadonlyMap<number, TableFacts>;
  /** Fewest foreign keys from the root. */
  readonly hops: ReadonlyMap<number, number>;
  /** What was found and cannot be listed, with the reason. */
  readonly leftOut: readonly { readonly facts: TableFacts; readonly reason: string }[];
}

/** Why a table belongs to the root. */
export type Ownership =
  | { readonly kind: 'root' }
  /** As the table that it inherits from. */
  | { readonly kind: 'inherited'; readonly from: TableFacts }
  /** The first is the one that was chosen; the others lead to the root too. */
  | { readonly kind: 'foreign-key'; readonly chosen: ForeignKeyFacts; readonly others: readonly ForeignKeyFacts[] };

export async function followForeignKeys(client: pg.ClientBase, root: TableFacts): Promise<Reach> {
  const owned = new Map([[root.oid, root]]);
  const hops = new Map([[root.oid, 0]]);
  const leftOut = new Map<number, { facts: TableFacts; reason: string }>();
  let edge: TableFacts[] = [root];
  for (let hop = 1; edge.length > 0; hop++) {
    const next = [...new Set(edge.flatMap(belowOf))].filter((oid) => !owned.has(oid) && !leftOut.has(oid));
    const facts = await readTableFacts(client, next);
    edge = [];
    for (const table of [...facts.values()].sort(byName)) {
      if (refusal(table) !== null || isPlatform(table, root)) continue;
      const reason = reasonToLeaveOut(table, root);
      if (reason !== null) {
        leftOut.set(table.oid, { facts: table, reason });
        continue;
      }
      owned.set(table.oid, table);
      hops.set(table.oid, hop);
      edge.push(table);
    }
  }
  return { root, owned, hops, leftOut: [...leftOut.values()] };
}

function belowOf(table: TableFacts): number[] {
  const children = table.kind === 'inheritance-parent' ? table.children.map(({ oid }) => oid) : [];
  return [...table.referencedBy.map(({ from }) => from.oid), ...children];
}

export function byName(a: TableFacts, b: TableFacts): number {
  const [left, right] = [`${a.schema}\0${a.name}`, `${b.schema}\0${b.name}`];
  return left < right ? -1 : Number(left > right);
}

/** The platform's own tables are in every slice as it is; listing them here would put others' rows into this one. */
function isPlatform(table: TableFacts, root: TableFacts): boolean {
  const names = PLATFORM_TABLES.map(({ schema, name }) => `${schema}.${name}`);
  return names.includes(`${table.schema}.${table.name}`) && !names.includes(`${root.schema}.${root.name}`);
}

function reasonToLeaveOut(table: TableFacts, root: TableFacts): string | null {
  if (table.kind === 'other') return `it is ${table.kindDetail}`;
  if (table.kind === 'partition' && !table.ancestors.includes(root.oid)) {
    return 'it is a partition with a foreign key of its own; rows of the whole table have no such key';
  }
  return table.kind === 'partition' ? 'it is a partition of the root and read with it' : null;
}

/** For each owned table why it is owned. Following the choices never goes in a circle and always ends at the root. */
export function chooseOwners(reach: Reach): Map<number, Ownership> {
  const above = aboveOf(reach);
  const owners = new Map<number, Ownership>();
  for (const table of reach.owned.values()) {
    const top = topOf(table, reach);
    const [chosen, ...others] = rankedKeys(table, reach, above);
    if (table.oid === reach.root.oid) owners.set(table.oid, { kind: 'root' });
    else if (top !== null) owners.set(table.oid, { kind: 'inherited', from: top });
    else if (chosen !== undefined) owners.set(table.oid, { kind: 'foreign-key', chosen, others });
  }
  return owners;
}

/** The owned table from which this one inherits its place; null where none was found as near to the root. */
function topOf(table: TableFacts, reach: Reach): TableFacts | null {
  const ancestors = table.ancestors.flatMap((oid) => reach.owned.get(oid) ?? []);
  const top = ancestors.find((ancestor) => !ancestor.ancestors.some((oid) => reach.owned.has(oid)));
  return top !== undefined && hopsTo(reach, top.oid) <= hopsTo(reach, table.oid) ? top : null;
}

function hopsTo(reach: Reach, oid: number): number {
  return reach.hops.get(oid) ?? Number.POSITIVE_INFINITY;
}

/** For each owned table, all owned tables that lie above it: what its keys point at, what it inherits from, and so on. */
function aboveOf(reach: Reach): Map<number, Set<number>> {
  const above = new Map<number, Set<number>>();
  for (const start of reach.owned.keys()) {
    const seen = new Set<number>();
    const open = [start];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      // Keys of the root lead out of the slice, or round in a circle.
      const table = oid === reach.root.oid ? undefined : reach.owned.get(oid);
      for (const up of [...(table?.foreignKeys.map(({ to }) => to.oid) ?? []), ...(table?.ancestors ?? [])]) {
        if (!reach.owned.has(up) || seen.has(up)) continue;
        seen.add(up);
        open.push(up);
      }
    }
    above.set(start, seen);
  }
  return above;
}

export function isNullable(table: TableFacts, key: ForeignKeyFacts): boolean {
  return key.from.columns.some(
    (name) => table.columns.find((column) => column.name === name)?.notNullValidated !== true,
  );
}

/**
 * Foreign keys by which the table may be owned, the best first: one that is never NULL; one to the root itself; one that
 * says so (ON DELETE CASCADE, or part of the primary key); one to the table that is nearest in meaning, that is which
 * itself points at the others (a payment belongs to its rental before its customer); then the shortest way; then the
 * parent that the fewest tables point at, for the others are more likely to be shared.
 */
function rankedKeys(table: TableFacts, reach: Reach, above: ReadonlyMap<number, Set<number>>): ForeignKeyFacts[] {
  const candidates = table.foreignKeys.filter(({ from, to }) => {
    if (from.oid !== table.oid || to.oid === table.oid || !reach.owned.has(to.oid)) return false;
    // In a circle only the way towards the root is taken, so that no choice leads back here.
    return above.get(to.oid)?.has(table.oid) !== true || hopsTo(reach, to.oid) < hopsTo(reach, table.oid);
  });
  const rank = (key: ForeignKeyFacts): number[] => [
    Number(isNullable(table, key)),
    Number(key.to.oid !== reach.root.oid),
    Number(!saysThatItOwns(table, key)),
    -candidates.filter(({ to }) => to.oid !== key.to.oid && above.get(key.to.oid)?.has(to.oid)).length,
    hopsTo(reach, key.to.oid),
    new Set(reach.owned.get(key.to.oid)?.referencedBy.map(({ from }) => from.oid)).size,
  ];
  return candidates
    .map((key) => ({ key, rank: rank(key) }))
    .sort((a, b) => {
      const difference = a.rank.map((value, index) => value - (b.rank[index] ?? 0)).find((sign) => sign !== 0);
      return difference ?? (a.key.name < b.key.name ? -1 : 1);
    })
    .map(({ key }) => key);
}

function saysThatItOwns(table: TableFacts, key: ForeignKeyFacts): boolean {
  return key.onDelete === 'cascade' || key.from.columns.every((name) => table.primaryKey.includes(name));
}
