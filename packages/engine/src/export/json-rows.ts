import { linesOf } from '../rows/batches.ts';
import { splitLine } from '../rows/copy-text.ts';
import type { RowBatch } from '../rows/layout.ts';
import type { ExportedTable } from './export-files.ts';
import { pickValues } from './exportable-rows.ts';
import { readStructure, type StoredType, typeUnder } from './table-structure.ts';

/** One object a line, its fields in the order of the columns. */
export async function* jsonRows(exported: ExportedTable, batches: AsyncIterable<RowBatch>): AsyncGenerator<Buffer> {
  const { table, places } = exported;
  const { types } = readStructure(table);
  const columns = pickValues(table, places, table.columns);
  const fields = columns.map(({ name, type }) => ({ name: JSON.stringify(name), toJson: converterOf(type, types) }));
  for await (const batch of batches) {
    const lines: string[] = [];
    for (const line of linesOf(batch)) {
      const values = pickValues(table, places, splitLine(line));
      const pairs = fields.map(({ name, toJson }, index) => {
        const value = values[index] ?? null;
        return `${name}:${value === null ? 'null' : toJson(value)}`;
      });
      lines.push(`{${pairs.join(',')}}\n`);
    }
    yield Buffer.from(lines.join(''), 'utf8');
  }
}

/** Gives a value's JSON text. What JSON cannot hold exactly, and what it has no form for, is a string of PostgreSQL's text. */
type ToJson = (text: string) => string;

const asString: ToJson = (text) => JSON.stringify(text);

function converterOf(type: string, types: readonly StoredType[]): ToJson {
  const plain = typeUnder(type, types);
  // `numeric(10,2)` is a numeric, and `numeric(10,2)[]` an array.
  switch (plain.replace(/\([^)]*\)$/, '')) {
    case 'boolean':
      return (text) => (text === 't' ? 'true' : text === 'f' ? 'false' : asString(text));
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'oid':
    case 'numeric':
      return exactNumber;
    case 'real':
    case 'double precision':
      return (text) => (JSON_NUMBER.test(text) ? text : asString(text));
    case 'json':
    case 'jsonb':
      return embedded;
    default:
      return asString;
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

/**
 * A number whose value a reader that knows only double precision gets exactly: its shortest decimal form has the same
 * digits. It stands as PostgreSQL wrote it, so that 1.50 keeps its scale for who looks at the text.
 */
function exactNumber(text: string): string {
  if (!JSON_NUMBER.test(text)) return asString(text);
  return String(Number(text)) === digitsOf(text) ? text : asString(text);
}

/** Without zeros at the end of a fraction. */
function digitsOf(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** As it stands, in one line: outside of its strings a line break is but white space, and within them it is escaped. */
function embedded(text: string): string {
  return isJson(text) ? text.replaceAll(/[\r\n]+/g, ' ') : asString(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Nested deeper than JavaScript follows, or not what PostgreSQL wrote.
    return false;
  }
}
