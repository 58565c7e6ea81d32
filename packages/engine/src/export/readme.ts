import { printTable } from '../sql/quote.ts';
import type { ExportedTable, ExportOutline } from './export-files.ts';

const FORMATS = {
  sql: '',
  csv: `One file per table: RFC 4180, UTF-8, a header. NULL is nothing between its commas, an empty text is \`""\`. Values are
PostgreSQL's own text: \`t\` and \`f\`, times in UTC, \`\\x…\` for bytes, \`{…}\` for arrays. PostgreSQL reads a file back with
\`COPY … FROM … (FORMAT csv, HEADER true)\`. A text that begins with \`=\` stands as it is: a spreadsheet takes it for a formula.`,
  jsonl: `One file per table, one JSON object a line, UTF-8. A number is one where double precision holds it exactly, else a
string of its digits; \`json\` and \`jsonb\` are what they hold; everything else (times in UTC, \`\\x…\` for bytes, \`{…}\` for
arrays, ranges, composites) is a string of PostgreSQL's own text. NULL is \`null\`.`,
} as const;

/** For people who find the folder in a year. */
export function readmeOf(outline: ExportOutline): string {
  const { manifest, options, tables } = outline;
  const { module, key } = manifest.implementation;
  const parts = [
    `# ${inCode(`${module}/${key}`)} as of ${manifest.snapshot.takenAt}`,
    `Exported by Cofre from the backup ${manifest.backupId} (${manifest.type}).`,
    ...incomplete(outline),
    FORMATS[options.format],
    ['| table | file | rows | left out |', '| --- | --- | ---: | --- |', ...tables.map(rowOf)].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function incomplete({ manifest, tables }: ExportOutline): string[] {
  const notes: string[] = [];
  if (tables.length < manifest.tables.length)
    notes.push(`**Not complete**: ${tables.length} of the ${manifest.tables.length} tables of the backup.`);
  if (tables.some(({ leftOut }) => leftOut.some(({ why }) => why === 'secret')))
    notes.push('**Not complete**: columns that are secret are left out.');
  return notes;
}

function rowOf({ table, file, leftOut }: ExportedTable): string {
  const columns = leftOut.map(({ name, why }) => `${inCode(name)} (${why})`).join(', ');
  return `| ${inCode(printTable(table))} | ${file} | ${table.rows} | ${columns} |`;
}

/** Names may hold anything; in a table of Markdown neither a line break nor a bar. */
function inCode(text: string): string {
  const plain = text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}`|]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return `\`${plain}\``;
}
