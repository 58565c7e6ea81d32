import { z } from 'zod';
import type { ManifestTable } from './manifest.ts';

const columns = z.array(z.string());

const storedFacts = z.object({
  uniques: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['primary', 'unique', 'exclusion']),
      /** False: rows may have clashed all the same. */
      usable: z.boolean(),
      /** For people, and to find the same index again: never run as they stand. */
      expressions: z.array(z.string()),
      /** null: an expression is among them. */
      columns: columns.nullable(),
      predicate: z.string().nullable(),
      nullsNotDistinct: z.boolean(),
    }),
  ),
  foreignKeys: z.array(
    z.object({
      name: z.string(),
      columns,
      references: z.object({ schema: z.string(), name: z.string(), columns }),
    }),
  ),
  generated: z.array(z.object({ name: z.string() })),
});

/** What a manifest says of a table besides its columns and key. */
export type StoredFacts = z.infer<typeof storedFacts>;

/** null: the manifest does not say it, or not in a way that is known here. */
export function readStoredFacts(table: ManifestTable): StoredFacts | null {
  const result = storedFacts.safeParse(table.facts);
  return result.success ? result.data : null;
}
