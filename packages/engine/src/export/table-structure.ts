import { z } from 'zod';
import type { ManifestTable } from '../format/manifest.ts';
import { parseTableName, type TableName } from '../sql/quote.ts';

const name = z.string().refine((text) => !text.includes('\0'));
const names = z.array(name);
const action = z.enum(['no-action', 'restrict', 'cascade', 'set-null', 'set-default']);
const qualified = { schema: name, name };

const storedType = z.discriminatedUnion('kind', [
  z.object({ ...qualified, kind: z.literal('enum'), labels: names }),
  z.object({ ...qualified, kind: z.literal('domain'), base: z.string() }),
  z.object({ ...qualified, kind: z.literal('composite'), attributes: z.array(z.object({ name, type: z.string() })) }),
  z.object({
    ...qualified,
    kind: z.literal('range'),
    subtype: z.string(),
    /** Of PostgreSQL's own; null: the type's own. */
    collation: name.nullable(),
    multirange: z.object(qualified),
  }),
  /** Made by an extension, or in a way that is not described here. */
  z.object({ ...qualified, kind: z.literal('other'), extension: name.nullable() }),
]);

/** A type of the application's, enough to make it again: labels, what stands under it, its parts. */
export type StoredType = z.infer<typeof storedType>;

const unique = z.object({
  name,
  kind: z.enum(['primary', 'unique', 'exclusion']),
  usable: z.boolean(),
  columns: names.nullable(),
  operators: z.array(z.string()).default([]),
  predicate: z.string().nullable(),
  deferrable: z.boolean().default(false),
  nullsNotDistinct: z.boolean(),
});

const foreignKey = z.object({
  name,
  columns: names,
  references: z.object({ ...qualified, columns: names }),
  onDelete: action,
  onUpdate: action,
  match: z.enum(['simple', 'full', 'partial']),
  deferrable: z.boolean(),
});

const sequence = z.object({
  ...qualified,
  column: name,
  increment: z.string().regex(/^-?[1-9]\d{0,18}$/),
  owned: z.boolean(),
});

const structure = z.object({
  uniques: z.array(unique),
  foreignKeys: z.array(foreignKey),
  generated: z.array(z.object({ name })),
  sequences: z.array(sequence),
  types: z.array(storedType),
  /** Columns that must not be NULL from now on, and may be in old rows. */
  nullsLeft: names,
});

export type TableStructure = z.infer<typeof structure>;

/** What a manifest says of a table besides its columns; what it does not say, or not in a way known here, is empty. */
export function readStructure({ facts }: ManifestTable): TableStructure {
  const part = <Name extends keyof TableStructure>(key: Name): TableStructure[Name] => {
    const result = structure.shape[key].safeParse(facts[key]);
    // The schema of a part gives that part.
    return (result.success ? result.data : []) as TableStructure[Name];
  };
  return {
    uniques: part('uniques'),
    foreignKeys: part('foreignKeys'),
    generated: part('generated'),
    sequences: part('sequences'),
    types: part('types'),
    nullsLeft: part('nullsLeft'),
  };
}

/** PostgreSQL itself forbids domains that lead back to themselves; a manifest may say anything. */
const LAYERS_MAX = 32;

/** What stands under a domain, under all of them; the type itself where it is none. */
export function typeUnder(type: string, types: readonly StoredType[]): string {
  let under = type;
  for (let layer = 0; layer < LAYERS_MAX; layer++) {
    const domain = types.find((it) => it.kind === 'domain' && isTypeName(under, it));
    if (domain?.kind !== 'domain') break;
    under = domain.base;
  }
  return under;
}

/** Whether a type as `format_type` prints it with an empty search path is this one, and no array of it. */
export function isTypeName(text: string, type: TableName): boolean {
  // PostgreSQL's own types are printed without a schema.
  const parsed = text.includes('.') ? parseTableName(text) : null;
  return parsed !== null && parsed.schema === type.schema && parsed.name === type.name;
}
