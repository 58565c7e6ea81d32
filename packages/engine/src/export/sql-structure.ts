import type { ManifestColumn, ManifestTable } from '../format/manifest.ts';
import { printTable, quoteIdentifier, quoteLiteral, quoteTable } from '../sql/quote.ts';
import type { ExportedTable } from './export-files.ts';
import { pickValues } from './exportable-rows.ts';
import { SqlTypes } from './sql-types.ts';
import { readStructure, type TableStructure } from './table-structure.ts';

type Unique = TableStructure['uniques'][number];
type ForeignKey = TableStructure['foreignKeys'][number];
type Sequence = TableStructure['sequences'][number];

/** A table with what is said of it, and with its columns that are exported. */
interface Part {
  readonly table: ManifestTable;
  readonly columns: readonly ManifestColumn[];
  readonly structure: TableStructure;
}

/**
 * What makes the tables of an export again, out of what the manifest states as facts. Expressions (defaults, checks,
 * conditions of indexes) are for people to read, so they are named in the file and not run.
 */
export class SqlStructure {
  readonly #parts: readonly Part[];
  readonly #types: SqlTypes;

  constructor(tables: readonly ExportedTable[]) {
    this.#types = new SqlTypes(tables.map(({ table }) => table));
    this.#parts = tables.map(({ table, places }) => ({
      table,
      columns: pickValues(table, places, table.columns),
      structure: readStructure(table),
    }));
  }

  /** Before the rows: schemas, types, tables, and the sequences that their columns draw from. */
  *before(): Generator<string> {
    const owned = this.#drawnFrom().map(({ sequence }) => sequence.schema);
    const schemas = new Set([...this.#parts.map(({ table }) => table.schema), ...this.#types.schemas(), ...owned]);
    // It is in every new database.
    schemas.delete('public');
    for (const schema of schemas) yield `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};`;
    yield* this.#types.statements();
    for (const part of this.#parts) yield this.#createTable(part);
    yield* this.#createSequences();
  }

  /** After the rows: what is unique, then what points at it. */
  *after(): Generator<string> {
    for (const part of this.#parts)
      for (const unique of part.structure.uniques)
        if (this.#whyNoUnique(part, unique) === null) yield uniqueSql(part.table, unique);
    for (const part of this.#parts)
      for (const [index, key] of part.structure.foreignKeys.entries())
        if (this.#whyNoForeignKey(part, key, index) === null) yield foreignKeySql(part.table, key);
  }

  /** Moves sequences behind the rows that are there, never back. */
  *sequences(): Generator<string> {
    const all = this.#parts.flatMap((part) =>
      part.structure.sequences.filter((it) => this.#isCounted(part, it)).map((sequence) => ({ part, sequence })),
    );
    for (const uses of Map.groupBy(all, ({ sequence }) => printTable(sequence)).values()) {
      const [first] = uses;
      if (first === undefined) continue;
      const columns = uses.map(({ part, sequence }) => ({ table: part.table, column: sequence.column }));
      yield setSequenceSql(first.sequence, columns);
    }
  }

  /** What the file does not make again, in words, each a line. */
  *leftOut(): Generator<string> {
    for (const part of this.#parts) {
      const table = printTable(part.table);
      for (const { name, type, notNull } of part.columns) {
        if (this.#types.sqlOf(type) === null) yield `type ${type} of ${table}.${name}: the column is text here`;
        if (notNull && part.structure.nullsLeft.includes(name))
          yield `NOT NULL of ${table}.${name}: old rows may lack it`;
      }
      for (const { name } of part.structure.generated) yield `generated column ${table}.${name}`;
      for (const { name, defaultExpression } of part.columns)
        if (defaultExpression !== null && !this.#isDrawn(part, name))
          yield `default of ${table}.${name}: ${defaultExpression}`;
      for (const unique of part.structure.uniques) {
        const why = this.#whyNoUnique(part, unique);
        if (why !== null) yield `${unique.kind} index ${unique.name} of ${table}: ${why}`;
      }
      for (const [index, key] of part.structure.foreignKeys.entries()) {
        const why = this.#whyNoForeignKey(part, key, index);
        if (why !== null) yield `foreign key ${key.name} of ${table}: ${why}`;
      }
    }
  }

  #createTable(part: Part): string {
    const columns = part.columns.map((column) => {
      const notNull = column.notNull && !part.structure.nullsLeft.includes(column.name) ? ' NOT NULL' : '';
      return `  ${quoteIdentifier(column.name)} ${this.#types.columnSql(column.type)}${identitySql(part, column)}${notNull}`;
    });
    // Columns whose values are kept back are there, so that they can be filled in.
    const empty = part.table.columns.filter((column) => !part.columns.includes(column));
    for (const { name, type } of empty) columns.push(`  ${quoteIdentifier(name)} ${this.#types.columnSql(type)}`);
    return `CREATE TABLE ${quoteTable(part.table)} (\n${columns.join(',\n')}\n);`;
  }

  *#createSequences(): Generator<string> {
    const made = new Set<string>();
    for (const { part, sequence } of this.#drawnFrom()) {
      const name = quoteTable(sequence);
      const column = quoteIdentifier(sequence.column);
      if (!made.has(name)) yield `CREATE SEQUENCE ${name} INCREMENT BY ${sequence.increment};`;
      made.add(name);
      const next = `pg_catalog.nextval(${quoteLiteral(name)}::pg_catalog.regclass)`;
      yield `ALTER TABLE ${quoteTable(part.table)} ALTER COLUMN ${column} SET DEFAULT ${next};`;
      if (sequence.owned) yield `ALTER SEQUENCE ${name} OWNED BY ${quoteTable(part.table)}.${column};`;
    }
  }

  /** Sequences whose next value is all that a column's default is, as with `serial`. */
  #drawnFrom(): { readonly part: Part; readonly sequence: Sequence }[] {
    return this.#parts.flatMap((part) =>
      part.structure.sequences
        .filter((sequence) => this.#isDrawn(part, sequence.column))
        .map((sequence) => ({ part, sequence })),
    );
  }

  #isDrawn(part: Part, name: string): boolean {
    const column = part.columns.find((it) => it.name === name);
    const uses = part.structure.sequences.filter((it) => it.column === name);
    return (
      uses.length === 1 &&
      column?.identity === null &&
      /^nextval\('(?:[^']|'')*'::regclass\)$/.test(column.defaultExpression ?? '')
    );
  }

  #isCounted(part: Part, sequence: Sequence): boolean {
    const column = part.columns.find(({ name }) => name === sequence.column);
    return column !== undefined && /^(?:smallint|integer|bigint|numeric\b.*(?<!\]))$/.test(column.type);
  }

  /** null: the file makes it. */
  #whyNoUnique(part: Part, unique: Unique): string | null {
    if (unique.kind === 'exclusion') return 'an exclusion constraint';
    if (unique.columns === null) return 'it has expressions';
    if (unique.predicate !== null) return `only where ${unique.predicate}`;
    if (!unique.usable) return 'it was not valid';
    if (!unique.operators.every((operator) => operator.endsWith('.=)'))) return 'it has operators of its own';
    const absent = unique.columns.find((name) => !part.columns.some((column) => column.name === name));
    return absent === undefined ? null : `the column ${absent} is not in this file`;
  }

  #whyNoForeignKey(part: Part, key: ForeignKey, index: number): string | null {
    const isTarget = ({ table }: Part) => table.schema === key.references.schema && table.name === key.references.name;
    const target = this.#parts.find(isTarget);
    if (target === undefined) return `${printTable(key.references)} is not in this file`;
    const isMade = target.structure.uniques.some(
      (it) =>
        this.#whyNoUnique(target, it) === null && !it.deferrable && isSameSet(it.columns ?? [], key.references.columns),
    );
    if (!isMade) return `what is unique in ${printTable(key.references)} is not in this file`;
    if (part.structure.foreignKeys.findIndex(({ name }) => name === key.name) < index) return 'another has its name';
    const all = [...columnsNamed(part, key.columns), ...columnsNamed(target, key.references.columns)];
    if (all.length !== key.columns.length * 2) return 'a column of it is not in this file';
    return all.every(({ type }) => this.#types.sqlOf(type) !== null) ? null : 'a type of it is text here';
  }
}

function columnsNamed({ columns }: Part, names: readonly string[]): readonly ManifestColumn[] {
  return names.flatMap((name) => columns.filter((column) => column.name === name));
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
}

const IDENTITY_TYPES: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint']);
const IDENTITY = { always: 'ALWAYS', 'by-default': 'BY DEFAULT' } as const;

function identitySql({ structure }: Part, { name, type, identity }: ManifestColumn): string {
  if (identity === null || !IDENTITY_TYPES.has(type)) return '';
  const sequence = structure.sequences.find((it) => it.column === name && it.owned);
  const options =
    sequence === undefined ? '' : ` (SEQUENCE NAME ${quoteTable(sequence)} INCREMENT BY ${sequence.increment})`;
  return ` GENERATED ${IDENTITY[identity]} AS IDENTITY${options}`;
}

function list(names: readonly string[]): string {
  return `(${names.map(quoteIdentifier).join(', ')})`;
}

function uniqueSql(table: ManifestTable, { name, kind, columns, nullsNotDistinct, deferrable }: Unique): string {
  const what = kind === 'primary' ? 'PRIMARY KEY' : `UNIQUE${nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''}`;
  const when = deferrable ? ' DEFERRABLE' : '';
  return `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${what} ${list(columns ?? [])}${when};`;
}

const ACTIONS = {
  'no-action': 'NO ACTION',
  restrict: 'RESTRICT',
  cascade: 'CASCADE',
  'set-null': 'SET NULL',
  'set-default': 'SET DEFAULT',
} as const;

/** NOT VALID: a row may point at one of another implementation, which is not in the backup. */
function foreignKeySql(table: ManifestTable, key: ForeignKey): string {
  const match = key.match === 'full' ? ' MATCH FULL' : '';
  return `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(key.name)} FOREIGN KEY ${list(key.columns)} REFERENCES ${quoteTable(key.references)} ${list(key.references.columns)}${match} ON DELETE ${ACTIONS[key.onDelete]} ON UPDATE ${ACTIONS[key.onUpdate]}${key.deferrable ? ' DEFERRABLE' : ''} NOT VALID;`;
}

interface CountedColumn {
  readonly table: ManifestTable;
  readonly column: string;
}

/** Values beyond what the sequence can reach are somebody's special numbers. Says nothing where there is no such sequence. */
function setSequenceSql(sequence: Sequence, columns: readonly CountedColumn[]): string {
  const isDown = sequence.increment.startsWith('-');
  const furthest = isDown ? 'min' : 'max';
  const values = columns.map(
    ({ table, column }) =>
      `SELECT pg_catalog.${furthest}(${quoteIdentifier(column)})::pg_catalog.numeric AS value FROM ${quoteTable(table)}`,
  );
  return `SELECT pg_catalog.setval(q.seqrelid::pg_catalog.regclass, pg_catalog.trunc(v.value)::pg_catalog.int8, true) AS set_to
FROM pg_catalog.pg_sequence AS q, (SELECT pg_catalog.${furthest}(u.value) AS value FROM (${values.join(' UNION ALL ')}) AS u) AS v
WHERE q.seqrelid = pg_catalog.to_regclass(${quoteLiteral(quoteTable(sequence))}) AND v.value BETWEEN q.seqmin AND q.seqmax
  AND COALESCE(v.value ${isDown ? '<' : '>'} pg_catalog.pg_sequence_last_value(q.seqrelid::pg_catalog.regclass), true);`;
}
