/** Names and values written into SQL. Everything that Cofre puts into a statement goes through here or is a parameter. */

/** A table's name as PostgreSQL keeps it, unquoted. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

export function quoteIdentifier(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** Reads the same with standard_conforming_strings on or off: a backslash is only ever written in an `E''` string. */
export function quoteLiteral(value: string): string {
  const quoted = withoutNul(value).replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}

/** The table's name for people and for definitions: quoted only where SQL needs it. `parseTableName` reads it back. */
export function printTable(table: TableName): string {
  return `${printIdentifier(table.schema)}.${printIdentifier(table.name)}`;
}

const PLAIN_IDENTIFIER = /^[a-z_][a-z0-9_$]*$/;

function printIdentifier(name: string): string {
  return PLAIN_IDENTIFIER.test(name) ? name : quoteIdentifier(name);
}

const NAME_PART = /^(?:"((?:[^"\0]|"")+)"|([A-Za-z_\u{80}-\u{10FFFF}][\w$\u{80}-\u{10FFFF}]*))/u;

/**
 * Reads `schema.table` as SQL would: unquoted parts fold to lower case (ASCII letters only), quoted ones stand as they are.
 * A name without a schema is one of `public`. null: this is not the name of a table.
 */
export function parseTableName(text: string): TableName | null {
  const parts: string[] = [];
  let rest = text.trim();
  for (;;) {
    const match = NAME_PART.exec(rest);
    if (match === null) return null;
    parts.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    rest = rest.slice(match[0].length);
    if (rest === '') break;
    if (!rest.startsWith('.')) return null;
    rest = rest.slice(1);
  }
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) return null;
  return second === undefined ? { schema: 'public', name: first } : { schema: first, name: second };
}

/** PostgreSQL has no NUL in names or text, and a driver would cut the statement there. */
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new RangeError('PostgreSQL has no zero byte in names and text');
  return text;
}
