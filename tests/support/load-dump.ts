import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

export type DumpPart =
  | { readonly kind: 'statement'; readonly sql: string }
  /** `data` is what follows `COPY … FROM stdin;` up to the line `\.`, its newlines included. */
  | { readonly kind: 'copy'; readonly sql: string; readonly data: string };

/** Statements of old dumps that today's servers refuse. They set what has been the only behaviour since PostgreSQL 12. */
const OUTDATED = [/^SET default_with_oids = false$/];

/** Runs a script of `pg_dump` as psql would, without psql. */
export async function loadDump(client: pg.ClientBase, script: string): Promise<void> {
  for (const part of splitDump(script)) {
    if (part.kind === 'copy') {
      await pipeline(Readable.from([Buffer.from(part.data)]), client.query(copyFrom(part.sql)));
    } else if (!OUTDATED.some((pattern) => pattern.test(part.sql))) {
      await client.query(part.sql);
    }
  }
}

// One token that may hold a semicolon, or one character. Old dumps run with standard_conforming_strings off, where a
// backslash escapes in every string; with it on, a dump never ends a string in a backslash without E'…'.
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|''|\\[\s\S])*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[^'"$\-/;]+|[\s\S]/gy;

/** Splits a script at the semicolons that end statements. psql's own commands (`\restrict`, `\connect`) are not understood. */
export function* splitDump(script: string): Generator<DumpPart> {
  let sql = '';
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(script); match !== null; match = TOKEN.exec(script)) {
    const token = match[0];
    if (token.startsWith('--') || token.startsWith('/*')) continue;
    if (token !== ';') {
      sql += token;
      continue;
    }
    const statement = sql.trim();
    sql = '';
    if (!/^COPY\s[\s\S]*\sFROM\s+stdin$/i.test(statement)) {
      if (statement !== '') yield { kind: 'statement', sql: statement };
      continue;
    }
    const begin = script.indexOf('\n', TOKEN.lastIndex) + 1;
    // A block with no rows has its end mark right at its beginning.
    const end = script.startsWith('\\.\n', begin) ? begin : script.indexOf('\n\\.\n', begin) + 1;
    if (begin === 0 || (end === 0 && begin !== end)) throw new Error(`COPY without end: ${statement}`);
    yield { kind: 'copy', sql: statement, data: script.slice(begin, end) };
    TOKEN.lastIndex = end + '\\.\n'.length;
  }
  if (sql.trim() !== '') yield { kind: 'statement', sql: sql.trim() };
}
