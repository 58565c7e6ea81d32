import { assert, type Definition, type RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { fingerprintTables } from '../introspect/fingerprint.ts';
import { wholeRowOrderSql } from '../introspect/row-order.ts';
import { readServerFacts, type ServerFacts } from '../introspect/server-facts.ts';
import { translatePgError } from '../session/errors.ts';
import { type BoundDefinition, type BoundTable, bindDefinition, IMPLEMENTATION_ID } from './bind-definition.ts';
import { FaultList, type FaultPlacer } from './faults.ts';
import { implementationIdSql, readRootValues } from './root-values.ts';
import { fixedColumns, fromSql, type PartSql, pathOids, scopeSql, sliceScope, touchedSql } from './scope-sql.ts';
import type { Slice, SliceTable } from './slice.ts';

export interface ValidateOptions {
  /** From `parseDefinition`, where the text is at hand: faults then have a line and column. */
  readonly faultAt?: FaultPlacer | undefined;
}

export interface ResolveOptions extends ValidateOptions {
  readonly implementationId: string;
}

/**
 * Checks a definition against the live schema. Every fault is thrown at once, as `definition/invalid` (`params.faults`).
 * Reads catalogues only, waits for no table, changes nothing; the session must be pinned.
 */
export async function validateDefinition(
  client: pg.ClientBase,
  definition: Definition,
  options: ValidateOptions = {},
): Promise<void> {
  await translated(async () => {
    const faults = new FaultList(options.faultAt);
    await bindDefinition(client, definition, faults);
    faults.throwIfAny();
  });
}

/**
 * Makes a definition concrete for one implementation, with all that `validateDefinition` checks. `rootKey` is the
 * implementation's scope; where the definition has no root of its own it may be empty: the root key is the id then.
 */
// oxlint-disable-next-line max-params
export async function resolveSlice(
  client: pg.ClientBase,
  definition: Definition,
  rootKey: RootKey,
  options: ResolveOptions,
): Promise<Slice> {
  return translated(async () => {
    const server = await readServerFacts(client);
    const faults = new FaultList(options.faultAt);
    const bound = await bindDefinition(client, definition, faults);
    faults.throwIfAny();
    assert(bound !== null, 'a definition without faults was bound');
    const id = options.implementationId.toLowerCase();
    const member = await bindRoot(client, bound, { rootKey, implementationId: id, faults });
    const tables = bound.tables.map((table) => sliceTable(table, server, member.partSql));
    const fingerprints = await fingerprintTables(client, tables);
    return {
      definition,
      rootKey: member.rootKey,
      tables: tables.map((table, index) => ({ ...table, fingerprint: fingerprints[index] ?? '' })),
      references: bound.references,
    };
  });
}

/** An implementation's root key, as the server has it. */
export interface BoundMember {
  readonly rootKey: RootKey;
  readonly partSql: PartSql;
}

/** Throws every fault of the root key at once. */
export async function bindRoot(
  client: pg.ClientBase,
  bound: BoundDefinition,
  {
    rootKey,
    implementationId,
    faults,
  }: { readonly rootKey: RootKey; readonly implementationId: string; readonly faults: FaultList },
): Promise<BoundMember> {
  const isDefaultRoot = bound.root.table === null;
  const ownKey: RootKey = isDefaultRoot ? { id: implementationId, ...rootKey } : rootKey;
  // The server need not be asked whether an id is one.
  const isOwnId = isDefaultRoot && Object.keys(ownKey).length === 1 && ownKey['id'] === implementationId;
  const values = isOwnId
    ? []
    : await readRootValues(client, bound.root, { rootKey: ownKey, equalities: bound.equalities, faults });
  if (isDefaultRoot && values.some(({ text }) => text !== implementationId))
    faults.addToScope('id', `is not the implementation's id, ${implementationId}`);
  faults.throwIfAny();
  const sqlOf = new Map([
    ...values.map(({ part, sql }) => [part, sql] as const),
    [IMPLEMENTATION_ID, implementationIdSql(implementationId)],
  ]);
  const partSql: PartSql = (part) => {
    const sql = sqlOf.get(part);
    assert(sql !== undefined, `the root key's ${part.name} has a value`);
    return sql;
  };
  return { rootKey: ownKey, partSql };
}

/** A table of the slice that `partSql` says the root of. */
export function sliceTable(table: BoundTable, server: ServerFacts, partSql: PartSql): Omit<SliceTable, 'fingerprint'> {
  const { facts, scope } = table;
  const key = sliceKey(table);
  const stored = facts.columns.filter((column) => column.generated === null && !table.omit.has(column.name));
  const position = (name: string) => key.findIndex((column) => column.name === name);
  const keyColumns = key.flatMap(({ name }) => stored.find((column) => column.name === name) ?? []);
  assert(keyColumns.length === key.length, 'every column of the key is stored');
  const columns = [...keyColumns, ...stored.filter((column) => position(column.name) === -1)];
  return {
    facts,
    role: table.role,
    columns,
    secret: table.secret,
    layout: { columns: columns.map(({ name }) => name), key: key.map(({ name, order }) => ({ name, order })) },
    fromSql: fromSql(facts),
    scopeSql: scopeSql(scope, partSql),
    touchedSql: touchedSql(scope),
    keyBounds: key.map(({ bound }) => bound),
    scope: sliceScope(scope),
    orderSql:
      key.length === 0
        ? wholeRowOrderSql(columns, server.encoding)
        : (alias) => key.map((column) => column.orderSql(alias)).join(', '),
    pathOids: pathOids(table),
  };
}

/** What the scope fixes to a constant drops out of the key (design §3); where nothing else is left, one column stays. */
function sliceKey({ facts, scope }: BoundTable) {
  if ('none' in facts.key) return [];
  const fixed = fixedColumns(scope);
  const free = facts.key.columns.filter((column) => !fixed.has(column.name));
  return free.length > 0 ? free : facts.key.columns.slice(0, 1);
}

/** @internal for resolveSlices */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translatePgError(error, { doing: 'reading the structure of the tables' });
  }
}
