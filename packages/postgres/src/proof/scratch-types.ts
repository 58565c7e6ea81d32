import type { KeyOrder, ManifestTable } from '@cofre/engine';
import type pg from 'pg';

/** What the type of a stored column is in the database of today. */
export interface ResolvedType {
  /** There is such a type. */
  readonly known: boolean;
  /** What stands under a domain, where that is one of PostgreSQL's own types; null: it is no such domain. */
  readonly plain: string | null;
}

/**
 * A type as `format_type` prints it with an empty search path: names, dots, brackets, a modifier in parentheses. What a
 * manifest holds is put into a statement only where it is nothing else, because whoever can write to a repository that is
 * not encrypted could have written the manifest.
 */
const TOKEN = /[a-z_][a-z0-9_]*|"(?:[^"\0]|"")+"|[. ]|\[\]|\((?:[\w, ]|-\d|"[^"\0]*")*\)/uy;

export function isTypeText(text: string): boolean {
  // Token by token: one expression for all of them could be made to try for ever.
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    if (!TOKEN.test(text)) return false;
  }
  return text !== '';
}

const RESOLVE_SQL = `
WITH RECURSIVE layer(wanted, oid, typmod, depth) AS (
  SELECT wanted, pg_catalog.to_regtype(wanted)::pg_catalog.oid, -1, 0 FROM pg_catalog.unnest($1::pg_catalog.text[]) AS wanted
  UNION ALL
  SELECT layer.wanted, t.typbasetype, t.typtypmod, layer.depth + 1
  FROM layer JOIN pg_catalog.pg_type t ON t.oid = layer.oid WHERE t.typtype = 'd'
)
SELECT DISTINCT ON (layer.wanted) layer.wanted, layer.oid IS NOT NULL AS known,
       CASE WHEN layer.depth > 0 AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
         THEN pg_catalog.format_type(layer.oid, layer.typmod) END AS plain
FROM layer LEFT JOIN pg_catalog.pg_type t ON t.oid = layer.oid
ORDER BY layer.wanted, layer.depth DESC`;

/** Each type by its text; `known` is false for what is no type here, or not written like one. */
export async function resolveTypes(
  client: pg.ClientBase,
  tables: readonly ManifestTable[],
): Promise<ReadonlyMap<string, ResolvedType>> {
  const texts = new Set(tables.flatMap(({ columns }) => columns.map(({ type }) => type)));
  const { rows } = await client.query<ResolvedType & { wanted: string }>(RESOLVE_SQL, [[...texts].filter(isTypeText)]);
  return new Map(rows.map(({ wanted, ...resolved }) => [wanted, resolved]));
}

const NAMES_OBJECTS = /^(?:reg[a-z]+|aclitem)(?:\[\])*$/;

/** True where the values that a type takes depend on what is in the database: labels, checks, names of objects. */
export function restsOnDatabase(type: string): boolean {
  // With an empty search path only types that are not PostgreSQL's own are printed with a schema.
  return type.includes('.') || NAMES_OBJECTS.test(type);
}

/** A type of PostgreSQL's own that takes every value of the column, prints it alike, and sorts it as the key's order asks. */
export function relaxedType(resolved: ResolvedType | undefined, order: KeyOrder | undefined): string {
  if (resolved?.plain != null) return resolved.plain;
  if (order === 'integer') return 'bigint';
  return order === 'numeric' ? 'numeric' : 'text';
}
