import type { Definition, DefinitionTable } from '@cofre/contracts';

/** Comments of a printed definition, without the `#`; each is one paragraph. */
export interface DefinitionComments {
  readonly head: readonly string[];
  /** Above each entry of `tables`. */
  readonly tables: readonly (readonly string[])[];
  readonly references: readonly string[];
  readonly tail: readonly string[];
}

const WIDTH = 110;

/** Writes a definition as YAML with comments. `parseDefinition` reads the same definition back. */
export function printDefinition(definition: Definition, comments: DefinitionComments): string {
  const { root, references } = definition;
  const lines = [
    ...comments.head.flatMap((text) => comment(text, '')),
    `version: ${definition.version}`,
    `module: ${scalar(definition.module)}`,
    ...(root === undefined ? [] : [`root: { table: ${scalar(root.table)}, key: ${list(root.key)} }`]),
    'tables:',
    ...definition.tables.flatMap((table, index) => [
      ...(comments.tables[index] ?? []).flatMap((text) => comment(text, '  ')),
      `  - ${entry(table)}`,
    ]),
    ...comments.references.flatMap((text) => comment(text, '')),
    ...(references === undefined ? [] : [`references: ${list(references)}`]),
    ...comments.tail.flatMap((text) => comment(text, '')),
  ];
  return `${lines.join('\n')}\n`;
}

function entry(table: DefinitionTable): string {
  const { parent, columns } = table.scope;
  const pairs = Object.entries(columns).map(([own, other]) => `${scalar(own)}: ${scalar(other)}`);
  const scope = [...(parent === undefined ? [] : [`parent: ${scalar(parent)}`]), `columns: { ${pairs.join(', ')} }`];
  const fields = [`table: ${scalar(table.table)}`, `role: ${table.role}`, `scope: { ${scope.join(', ')} }`];
  if (table.omit !== undefined) fields.push(`omit: ${list(table.omit)}`);
  if (table.secret !== undefined) fields.push(`secret: ${list(table.secret)}`);
  return `{ ${fields.join(', ')} }`;
}

function list(values: readonly string[]): string {
  return `[${values.map(scalar).join(', ')}]`;
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_.$-]*$/;
/** Words that some reader of YAML takes for something else than text. */
const WORDS = /^(null|true|false|yes|no|on|off|y|n)$/i;

function scalar(value: string): string {
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}

/** Names may hold anything, also line ends, and must not end the comment. */
function comment(text: string, indent: string): string[] {
  const safe = text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => JSON.stringify(char).slice(1, -1));
  const lines: string[] = [];
  let line = '';
  for (const word of safe.replace(/[\u007f-\u009f\u2028\u2029]/g, '?').split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((part) => `${indent}# ${part}`);
}
