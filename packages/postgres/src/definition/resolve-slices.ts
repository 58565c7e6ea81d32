import { assert, CofreError, type Definition, type RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { readFingerprints } from '../introspect/fingerprint.ts';
import { readServerFacts } from '../introspect/server-facts.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { type BoundDefinition, bindDefinition, IMPLEMENTATION_ID, type RootPart } from './bind-definition.ts';
import { FaultList } from './faults.ts';
import { type BoundMember, bindRoot, sliceTable, translated } from './resolve-slice.ts';
import { fromSql, joinedScopeSql, type PartSql } from './scope-sql.ts';
import type { Slice } from './slice.ts';

/** One of several implementations that share a definition. */
export interface SliceMember {
  readonly implementationId: string;
  readonly rootKey: RootKey;
}

export interface ResolvedSlices {
  /** For each member, in their order: its slice, or why it has none. */
  readonly slices: readonly (Slice | CofreError)[];
  /**
   * COPY of the rows of one table (its place in the slices) that belong to some members, in one pass: the member's index
   * as a first column, then what `sliceTableSql` gives of it, in the order of the members.
   */
  readonly togetherSql: (table: number, members: readonly number[]) => string;
}

/**
 * What `resolveSlice` does, for all members at once: the schema is looked at once. Throws `definition/invalid` where the
 * definition itself has faults; what is wrong with a single root key is that member's own.
 */
export async function resolveSlices(
  client: pg.ClientBase,
  definition: Definition,
  members: readonly SliceMember[],
): Promise<ResolvedSlices> {
  return translated(async () => {
    const server = await readServerFacts(client);
    const faults = new FaultList();
    const bound = await bindDefinition(client, definition, faults);
    faults.throwIfAny();
    assert(bound !== null, 'a definition without faults was bound');
    const roots: (BoundMember | CofreError)[] = [];
    for (const member of members) roots.push(await rootOf(client, bound, member));
    const tablesOf = ({ partSql }: BoundMember) => bound.tables.map((table) => sliceTable(table, server, partSql));
    const [some] = roots.flatMap((root) => (root instanceof CofreError ? [] : [root]));
    const fingerprintOf = await readFingerprints(client, some === undefined ? [] : tablesOf(some));
    return {
      slices: roots.map((root) => {
        if (root instanceof CofreError) return root;
        const tables = tablesOf(root).map((table) => ({ ...table, fingerprint: fingerprintOf(table) }));
        return { definition, rootKey: root.rootKey, tables, references: bound.references };
      }),
      togetherSql: (table, chosen) => {
        const own = some === undefined ? undefined : tablesOf(some)[table];
        const boundTable = bound.tables[table];
        assert(own !== undefined && boundTable !== undefined, 'the slices have the table');
        const rows = chosen.map((index) => {
          const root = roots[index];
          assert(root !== undefined && !(root instanceof CofreError), 'a member without a root has no rows');
          return `(${[index, ...partsOf(bound).map(root.partSql)].join(', ')})`;
        });
        const columns = own.columns.map(({ name }) => `t.${quoteIdentifier(name)}`);
        const order = ['r.n', ...(own.orderSql('t') === '' ? [] : [own.orderSql('t')])];
        return (
          `COPY (SELECT ${['r.n', ...columns].join(', ')} FROM (VALUES ${rows.join(', ')}) AS r (${rootColumns(bound)}), ` +
          `${fromSql(boundTable.facts)} AS t WHERE ${joinedScopeSql(boundTable.scope, columnSql(bound))('t')} ` +
          `ORDER BY ${order.join(', ')}) TO STDOUT`
        );
      },
    };
  });
}

/** A scope that the catalogue holds may be of another definition by now; that ends nobody else's backup. */
async function rootOf(
  client: pg.ClientBase,
  bound: BoundDefinition,
  { implementationId, rootKey }: SliceMember,
): Promise<BoundMember | CofreError> {
  try {
    const id = implementationId.toLowerCase();
    return await bindRoot(client, bound, { rootKey, implementationId: id, faults: new FaultList() });
  } catch (error) {
    if (error instanceof CofreError) return error;
    throw error;
  }
}

/** What a root is made of in SQL: the implementation's id, then the parts of the root key. */
function partsOf({ root }: BoundDefinition): readonly RootPart[] {
  return [IMPLEMENTATION_ID, ...root.parts.filter((part) => part !== IMPLEMENTATION_ID)];
}

function rootColumns(bound: BoundDefinition): string {
  return ['n', ...partsOf(bound).map((_, index) => `k${index}`)].join(', ');
}

function columnSql(bound: BoundDefinition): PartSql {
  const parts = partsOf(bound);
  return (part) => `r.k${parts.indexOf(part)}`;
}
