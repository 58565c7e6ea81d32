import type { ManifestTable } from '../format/manifest.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../sql/quote.ts';
import { isTypeName, readStructure, type StoredType } from './table-structure.ts';

/**
 * PostgreSQL's own types as `format_type` prints them, with their modifiers. What a manifest says is written into SQL only
 * where it is one of these, or names a type that the file makes: a word more could be an expression that is carried out.
 */
const OWN_TYPE = new RegExp(
  `^(?:${[
    '[a-z_][a-z0-9_]*',
    '"char"',
    '"bit"',
    'double precision',
    String.raw`(?:character|bit)(?: varying)?(?:\(\d+\))?`,
    String.raw`numeric\(\d+,-?\d+\)`,
    String.raw`(?:time|timestamp)(?:\(\d\))? with(?:out)? time zone`,
    String.raw`interval(?: (?:year|month|day|hour|minute|second))?(?: to (?:month|hour|minute|second))?(?:\(\d\))?`,
  ].join('|')})$`,
);

/** Values of these name objects and roles of a database, which another one need not have. */
const NAMES_OBJECTS = /^(?:reg[a-z]+|aclitem)$/;

/** What an exported column without a type of its own gets: every value fits. */
const TEXT = 'text';

/** The types that an export makes again, and what columns are declared as. */
export class SqlTypes {
  readonly #types: readonly StoredType[];
  readonly #known = new Map<StoredType, boolean>();

  constructor(tables: readonly ManifestTable[]) {
    const all = tables.flatMap((table) => readStructure(table).types);
    this.#types = [...new Map(all.map((type) => [JSON.stringify([type.schema, type.name]), type])).values()];
  }

  /** As SQL; null: it cannot be made again, or its values mean nothing elsewhere. */
  sqlOf(text: string): string | null {
    const [, element = '', arrays = ''] = /^(.*?)((?:\[\])*)$/s.exec(text) ?? [];
    if (!element.includes('.')) return OWN_TYPE.test(element) && !NAMES_OBJECTS.test(element) ? text : null;
    const type = this.#types.find((it) => isTypeName(element, it));
    if (type !== undefined) return this.#canMake(type) ? `${quoteTable(type)}${arrays}` : null;
    const range = this.#types.find((it) => it.kind === 'range' && isTypeName(element, it.multirange));
    if (range?.kind !== 'range' || !this.#canMake(range)) return null;
    return `${quoteTable(range.multirange)}${arrays}`;
  }

  /** What a column is declared as. */
  columnSql(text: string): string {
    return this.sqlOf(text) ?? TEXT;
  }

  schemas(): readonly string[] {
    return this.#types.filter((type) => this.#canMake(type)).map(({ schema }) => schema);
  }

  /** The statements that make them, each before what is made of it. */
  *statements(): Generator<string> {
    const made = new Set<StoredType>();
    for (const type of this.#types) yield* this.#make(type, made);
  }

  *#make(type: StoredType, made: Set<StoredType>): Generator<string> {
    if (made.has(type) || !this.#canMake(type)) return;
    made.add(type);
    for (const part of partsOf(type)) {
      const under = this.#types.find((it) => isPart(part, it));
      if (under !== undefined) yield* this.#make(under, made);
    }
    yield this.#statement(type);
  }

  #statement(type: StoredType): string {
    const create = type.kind === 'domain' ? 'CREATE DOMAIN' : 'CREATE TYPE';
    return `${create} ${quoteTable(type)} AS ${this.#body(type)};`;
  }

  #body(type: StoredType): string {
    switch (type.kind) {
      case 'enum':
        return `ENUM (${type.labels.map(quoteLiteral).join(', ')})`;
      case 'domain':
        return this.columnSql(type.base);
      case 'composite': {
        const attributes = type.attributes.map(
          (attribute) => `${quoteIdentifier(attribute.name)} ${this.columnSql(attribute.type)}`,
        );
        return `(${attributes.join(', ')})`;
      }
      case 'range': {
        const { subtype, collation, multirange } = type;
        const collate = collation === null ? '' : `, COLLATION = pg_catalog.${quoteIdentifier(collation)}`;
        return `RANGE (SUBTYPE = ${this.columnSql(subtype)}${collate}, MULTIRANGE_TYPE_NAME = ${quoteTable(multirange)})`;
      }
      case 'other':
        return TEXT;
    }
  }

  #canMake(type: StoredType): boolean {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    // A type that is a part of itself, as a forged manifest may have it, cannot be made.
    this.#known.set(type, false);
    const can = type.kind !== 'other' && partsOf(type).every((part) => this.sqlOf(part) !== null);
    this.#known.set(type, can);
    return can;
  }
}

function partsOf(type: StoredType): readonly string[] {
  switch (type.kind) {
    case 'domain':
      return [type.base];
    case 'composite':
      return type.attributes.map((attribute) => attribute.type);
    case 'range':
      return [type.subtype];
    case 'enum':
    case 'other':
      return [];
  }
}

function isPart(text: string, type: StoredType): boolean {
  const element = text.replace(/(?:\[\])+$/, '');
  return isTypeName(element, type) || (type.kind === 'range' && isTypeName(element, type.multirange));
}
