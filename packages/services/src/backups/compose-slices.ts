import { assert, CofreError, isCofreError } from '@cofre/contracts';
import { resolveSlices, type Slice, type SliceTable } from '@cofre/postgres';
import type pg from 'pg';
import type { SliceInputs } from '../modules/find-implementation.ts';

/** Whose slice it is, and what of it is read, and how. */
export interface SliceOwner {
  readonly slice: SliceInputs;
  reads(table: SliceTable): boolean;
  /** True: by a query of its own. */
  readsAlone(table: SliceTable): boolean;
}

/** What one query of a capture reads: a table of one owner, or the rows that several have in one table. */
export type ReadPart<Owner> =
  | { readonly kind: 'own'; readonly owner: Owner }
  | {
      readonly kind: 'together';
      readonly sql: string;
      /** By the number that stands in front of the rows. */
      readonly tables: ReadonlyMap<number, { readonly owner: Owner; readonly table: SliceTable }>;
    };

/** The slices of several owners as one capture reads them. Those that have no slice now are not among them. */
export interface ComposedSlices<Owner> {
  /** What is captured: a table for each query. */
  readonly slice: Slice;
  readonly parts: ReadonlyMap<SliceTable, ReadPart<Owner>>;
  /** What each owner's backup holds. */
  readonly slices: ReadonlyMap<Owner, Slice>;
}

/** Tables of owners that share a definition are read in one pass, but for those that are read alone. */
export async function composeSlices<Owner extends SliceOwner>(
  client: pg.ClientBase,
  owners: readonly Owner[],
): Promise<ComposedSlices<Owner>> {
  const parts = new Map<SliceTable, ReadPart<Owner>>();
  const slices = new Map<Owner, Slice>();
  const sharing = Map.groupBy(owners, ({ slice }) => `${slice.ref.module} ${JSON.stringify(slice.definition)}`);
  for (const group of sharing.values()) {
    const composed = await composeGroup(client, group);
    for (const [table, part] of composed.parts) parts.set(table, part);
    for (const [owner, slice] of composed.slices) slices.set(owner, slice);
  }
  const [first] = slices.values();
  if (first === undefined) throw new CofreError('definition/invalid', 'None of them has a slice. Nothing was written.');
  return { slice: { ...first, tables: [...parts.keys()], references: [] }, parts, slices };
}

async function composeGroup<Owner extends SliceOwner>(
  client: pg.ClientBase,
  owners: readonly Owner[],
): Promise<Omit<ComposedSlices<Owner>, 'slice'>> {
  const parts = new Map<SliceTable, ReadPart<Owner>>();
  const slices = new Map<Owner, Slice>();
  const [first] = owners;
  assert(first !== undefined, 'a group has an owner');
  const members = owners.map(({ slice }) => ({ implementationId: slice.ref.id, rootKey: slice.rootKey }));
  const resolved = await resolveSlices(client, first.slice.definition, members).catch((error: unknown) => {
    if (isCofreError(error, 'definition/invalid') || isCofreError(error, 'backup/unsupported-table')) return null;
    throw error;
  });
  if (resolved === null) return { parts, slices };
  const found = owners.flatMap((owner, index) => {
    const slice = resolved.slices[index];
    return slice === undefined || slice instanceof CofreError ? [] : [{ owner, index, slice }];
  });
  for (const { owner, slice } of found)
    slices.set(owner, { ...slice, tables: slice.tables.filter((table) => owner.reads(table)) });
  const count = found[0]?.slice.tables.length ?? 0;
  for (let at = 0; at < count; at++) {
    const readers = found.flatMap(({ owner, index, slice }) => {
      const table = slice.tables[at];
      return table !== undefined && owner.reads(table) ? [{ owner, index, table }] : [];
    });
    const isAlone =
      readers.length === 1 ? () => true : (one: (typeof readers)[number]) => one.owner.readsAlone(one.table);
    const together = readers.filter((one) => !isAlone(one));
    for (const { owner, table } of readers.filter(isAlone)) parts.set(table, { kind: 'own', owner });
    const [some] = together;
    if (some === undefined) continue;
    const sql = resolved.togetherSql(
      at,
      together.map(({ index }) => index),
    );
    const tables = new Map(together.map(({ index, owner, table }) => [index, { owner, table }]));
    parts.set(some.table, { kind: 'together', sql, tables });
  }
  return { parts, slices };
}
