import { z } from 'zod';

/** A column or root key part, as PostgreSQL spells it (not quoted). */
const columnName = z.string().min(1).max(63);

/** `schema.table`, each part quoted as in SQL where it is not plain lower case: `public."Ünit 📦"`. */
const tableName = z.string().min(1).max(270);

export const tableRole = z.enum(['config', 'data']);
export type TableRole = z.infer<typeof tableRole>;

/** Which rows of a table belong to an implementation: by the root key itself, or through rows of a parent table. */
export const tableScope = z.strictObject({
  parent: tableName.optional(),
  /** Own column → root key part, or → column of the parent. */
  columns: z.record(columnName, columnName).refine((columns) => Object.keys(columns).length > 0, 'names no column'),
});
export type TableScope = z.infer<typeof tableScope>;

export const definitionTable = z.strictObject({
  table: tableName,
  role: tableRole,
  scope: tableScope,
  /** Columns that are not backed up. */
  omit: z.array(columnName).optional(),
  /** Columns that are backed up but never shown. */
  secret: z.array(columnName).optional(),
});
export type DefinitionTable = z.infer<typeof definitionTable>;

/** Which tables and rows belong to a module, and in what role (`surface.md`, *Definition*). */
export const definition = z.strictObject({
  version: z.literal(1),
  module: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be a slug: a-z, 0-9, - and _'),
  /** What one implementation stands for; default: `public.module_implementations` by `id`. */
  root: z.strictObject({ table: tableName, key: z.array(columnName).min(1) }).optional(),
  tables: z.array(definitionTable).min(1),
  /** Pointed at, not owned: checked before a restore. */
  references: z.array(tableName).optional(),
  /** What "restore one tenant" means. */
  tenant: z.strictObject({ table: tableName, column: columnName }).optional(),
});
export type Definition = z.infer<typeof definition>;

/** A root key: part → value. For the default root it is `{ id: <implementation id> }`. */
export const rootKey = z.record(columnName, z.union([z.string(), z.number(), z.boolean()]));
export type RootKey = z.infer<typeof rootKey>;
