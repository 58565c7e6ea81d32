import type { KeyColumn, ManifestColumn, ManifestTable, RowLayout } from '@cofre/engine';
import type { SliceTable } from '../definition/slice.ts';
import { keyOrder, keyOrderSql, wholeRowOrderSql } from '../introspect/row-order.ts';
import type { ColumnFacts } from '../introspect/table-facts.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import type { Conflict, Drift, IdentityColumn, RestoreTable, RowShape } from './restore-table.ts';

export interface MatchInput {
  readonly index: number;
  readonly stored: ManifestTable;
  readonly live: SliceTable;
  /** The server's encoding. */
  readonly encoding: string;
}

export interface Matched {
  /** null: its rows cannot be compared; a conflict says why. */
  readonly table: RestoreTable | null;
  readonly drift: readonly Drift[];
  readonly conflicts: readonly Conflict[];
}

/**
 * Lays a table of a backup over what it is today. A new column takes its default, a dropped one is left out, values of a
 * changed type are cast; a key that no longer tells rows apart is a conflict.
 */
export function matchTable(input: MatchInput): Matched {
  const { stored, live, index } = input;
  const name = printTable(stored);
  const columns = matchColumns(stored, live);
  const drift = columns.drift.map((entry) => ({ table: name, ...entry }));
  const key = matchKey(input, columns);
  const layout: RowLayout = { columns: columns.kept.map((column) => column.name), key: stored.key };
  const conflicts = key.fault === null ? [] : [{ kind: 'drift' as const, count: 1, detail: key.fault }];
  if (key.fault !== null || columns.kept.length === 0) return { table: null, drift, conflicts };
  const { identity, orderSql } = key;
  const table = { index, name, stored, live, columns: columns.kept, layout, identity, orderSql, shape: columns.shape };
  return { table, drift, conflicts };
}

interface MatchedColumns {
  readonly kept: readonly ColumnFacts[];
  readonly shape: RowShape;
  readonly drift: readonly Omit<Drift, 'table'>[];
}

function matchColumns(stored: ManifestTable, live: SliceTable): MatchedColumns {
  const drift: Omit<Drift, 'table'>[] = [];
  const kept: ColumnFacts[] = [];
  const keep: number[] = [];
  let cast = false;
  stored.columns.forEach((column, at) => {
    const now = live.facts.columns.find((candidate) => candidate.name === column.name);
    const gone = whyGone(now, column);
    if (gone !== null || now === undefined) {
      drift.push({ column: column.name, kind: 'dropped', detail: `${gone}; its values are left out` });
      return;
    }
    if (now.type !== column.type) {
      drift.push({ column: column.name, kind: 'type', detail: `${column.type} became ${now.type}; values are cast` });
      cast = true;
    } else if (isOwnType(column.type) && stored.fingerprint !== live.fingerprint) {
      // An enum may have lost a label, a domain may have a new check: the name of the type does not tell.
      cast = true;
    }
    keep.push(at);
    kept.push(now);
  });
  drift.push(...newColumns(stored, live));
  const isWhole = kept.length === stored.columns.length;
  return { kept, shape: { keep: isWhole ? null : keep, cast }, drift };
}

function whyGone(now: ColumnFacts | undefined, column: ManifestColumn): string | null {
  if (now === undefined) return `${column.name} no longer exists`;
  return now.generated === null ? null : `${column.name} is generated now`;
}

/** Not one of PostgreSQL's own: with an empty search path only these are printed with a schema. */
function isOwnType(type: string): boolean {
  return type.includes('.');
}

function newColumns(stored: ManifestTable, live: SliceTable): Omit<Drift, 'table'>[] {
  const known = new Set(stored.columns.map((column) => column.name));
  return live.columns
    .filter((column) => !known.has(column.name))
    .map((column) => {
      const value = hasDefault(column) ? 'its default' : 'NULL';
      return {
        column: column.name,
        kind: 'new',
        detail: `made after the backup; rows that are put back take ${value}`,
      };
    });
}

/** What `COPY` can leave out and still have a value. */
export function hasDefault(column: ColumnFacts): boolean {
  return column.defaultExpression !== null || column.identity !== null || column.generated !== null;
}

type MatchedKey =
  | { readonly fault: string }
  | {
      readonly fault: null;
      readonly identity: readonly IdentityColumn[] | null;
      readonly orderSql: (alias: string) => string;
    };

function matchKey({ stored, live, encoding }: MatchInput, { kept, shape }: MatchedColumns): MatchedKey {
  const isSameKey = JSON.stringify(live.layout.key) === JSON.stringify(stored.key);
  if (stored.key.length === 0) {
    if (shape.keep !== null || shape.cast)
      return { fault: 'it has no key and its columns changed, so its rows cannot be told apart' };
    return { fault: null, identity: null, orderSql: wholeRowOrderSql(kept, encoding) };
  }
  const columns = stored.key.map((part) => kept.find((column) => column.name === part.name));
  const fault = stored.key.map((part, at) => keyColumnFault(part, columns[at])).find((found) => found !== null);
  if (fault !== undefined) return { fault };
  const identity = isSameKey ? liveIdentity(live) : otherIdentity(stored, live);
  const isKept = (name: string) => kept.some((column) => column.name === name);
  if (identity === null || !identity.every((column) => isKept(column.name)))
    return {
      fault: `the key of the backup (${printKey(stored.key)}) no longer tells rows apart: no unique index has it`,
    };
  const orderSql = (alias: string) =>
    columns.flatMap((column) => (column === undefined ? [] : keyOrderSql(column, encoding)(alias))).join(', ');
  return { fault: null, identity, orderSql };
}

function keyColumnFault(part: KeyColumn, column: ColumnFacts | undefined): string | null {
  const name = quoteIdentifier(part.name);
  if (column === undefined) return `${name}, which is part of the key, no longer exists`;
  if (keyOrder(column) !== part.order)
    return `${name}, which is part of the key, is of another kind of type now: ${column.type}`;
  return column.notNullValidated ? null : `${name}, which is part of the key, may be NULL now`;
}

function printKey(key: readonly KeyColumn[]): string {
  return key.map((part) => quoteIdentifier(part.name)).join(', ');
}

function liveIdentity(live: SliceTable): readonly IdentityColumn[] | null {
  return 'none' in live.facts.key ? null : live.facts.key.columns;
}

/** A unique index that the key of the backup (with what the scope fixes) still has in it. */
function otherIdentity(stored: ManifestTable, live: SliceTable): readonly IdentityColumn[] | null {
  const known = new Set(stored.key.map((part) => part.name));
  if (live.scope.kind === 'root') for (const column of live.scope.fixed) known.add(column);
  const isStored = (name: string) => stored.columns.some((column) => column.name === name);
  const found = live.facts.uniques.find(
    ({ kind, usable, predicate, deferrable, columns }) =>
      kind !== 'exclusion' &&
      usable &&
      predicate === null &&
      !deferrable &&
      columns?.every((name) => known.has(name) && isStored(name)) === true,
  );
  if (found?.columns == null) return null;
  return found.columns.map((name, at) => ({ name, equalsSql: found.operators[at] ?? '' }));
}
