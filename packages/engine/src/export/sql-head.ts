import { printTable } from '../sql/quote.ts';
import type { ExportOutline } from './export-files.ts';

/** What stands at the top of an SQL file: where it is from, how it is loaded, and what is not in it. Comments alone. */
export function describeSql(outline: ExportOutline, notMade: Iterable<string>): string {
  const { manifest, options, tables, name } = outline;
  const { module, key } = manifest.implementation;
  const withheld = tables.flatMap(({ table, leftOut }) =>
    leftOut.filter(({ why }) => why === 'secret').map((column) => `${printTable(table)}.${column.name}`),
  );
  const lines = [
    `Backup ${manifest.backupId} (${manifest.type}) of ${module}/${key}, as the database was at ${manifest.snapshot.takenAt}.`,
    options.content === 'rows'
      ? 'Rows alone, for tables that are there. To load them, all or nothing:'
      : 'Makes its tables and fills them. To load it into an empty database of PostgreSQL 15 or newer, all or nothing:',
    `  psql -X -v ON_ERROR_STOP=1 -f ${name}.sql DATABASE`,
  ];
  if (tables.length < manifest.tables.length)
    lines.push('', `NOT COMPLETE: ${tables.length} of the ${manifest.tables.length} tables of the backup.`);
  if (withheld.length > 0)
    lines.push('', 'NOT COMPLETE: the values of these secret columns are left out.', ...withheld.map(indented));
  const left = [...notMade];
  if (options.content === 'structure-and-rows') {
    lines.push(
      '',
      'Not made again: triggers, rules, policies, privileges, checks (of domains, too), collations, indexes that are not',
      'unique, partitions (a partitioned table is a plain one here). Foreign keys are NOT VALID: a row may point at one that',
      'is not in the backup.',
    );
  }
  if (left.length > 0) lines.push('Nor, of these tables:', ...left.map(indented));
  return `${lines.map((line) => `-- ${inOneLine(line)}`.trimEnd()).join('\n')}\n`;
}

function indented(text: string): string {
  return `  ${text}`;
}

/** A comment ends with its line: a name with a line break must not begin another, which psql would carry out. */
function inOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
