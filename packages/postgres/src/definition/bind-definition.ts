import { assert, type Definition, type DefinitionTable, type TableRole } from '@cofre/contracts';
import type pg from 'pg';
import { type Equalities, type Equality, readEqualities } from '../introspect/equality.ts';
import { findTables, readTableFacts } from '../introspect/read-table-facts.ts';
import { TYPE } from '../introspect/row-order.ts';
import type { ColumnFacts, TableFacts } from '../introspect/table-facts.ts';
import { parseTableName, printTable, quoteIdentifier, type TableName } from '../session/quote.ts';
import type { FaultList, FaultPath } from './faults.ts';
import { isPlatformTable, PLATFORM_TABLES, refusal } from './platform-tables.ts';

/** A definition whose every name was found in the live database. It speaks of no implementation yet. */
export interface BoundDefinition {
  readonly root: BoundRoot;
  /** The platform's own tables first, then as the definition lists them. */
  readonly tables: readonly BoundTable[];
  readonly references: readonly TableFacts[];
  /** Of the types of all columns, and of those that stand under them. */
  readonly equalities: Equalities;
}

/** `table` is null for the default root: an implementation then stands for its own id. */
export interface BoundRoot {
  readonly table: TableFacts | null;
  readonly parts: readonly RootPart[];
}

export interface RootPart {
  readonly name: string;
  readonly column: Pick<ColumnFacts, 'type' | 'typeOid' | 'baseTypeOid'>;
}

export interface BoundTable {
  readonly facts: TableFacts;
  readonly role: TableRole;
  readonly omit: ReadonlySet<string>;
  readonly secret: ReadonlySet<string>;
  readonly scope: BoundScope;
}

export type BoundScope =
  | { readonly kind: 'root'; readonly pairs: readonly RootPair[] }
  | { readonly kind: 'parent'; readonly parent: BoundTable; readonly pairs: readonly ParentPair[] };

/** `column` = a part of the root key; `part` null: the id of the implementation. */
export interface RootPair {
  readonly column: ColumnFacts;
  readonly part: RootPart;
  readonly equality: Equality;
}

export interface ParentPair {
  readonly column: ColumnFacts;
  readonly target: ColumnFacts;
  readonly equality: Equality;
}

/** The default root key, and what the platform's own tables are scoped by. */
export const IMPLEMENTATION_ID: RootPart = {
  name: 'id',
  column: { type: 'uuid', typeOid: TYPE.uuid, baseTypeOid: TYPE.uuid },
};

/** Finds every name of a definition in the database, and adds what does not fit to `faults`. null: there were some. */
export async function bindDefinition(
  client: pg.ClientBase,
  definition: Definition,
  faults: FaultList,
): Promise<BoundDefinition | null> {
  const names = await lookUp(client, definition, faults);
  const tables = [...names.facts.values(), ...names.platform.map(({ facts }) => facts)];
  const columns = tables.flatMap((facts) => facts.columns);
  const types = columns.flatMap(({ typeOid, baseTypeOid }) => [typeOid, baseTypeOid]);
  const equalities = await readEqualities(client, [TYPE.uuid, ...types]);
  const binder = new Binder({ definition, faults, names, equalities });
  const bound = binder.bind();
  return faults.isEmpty ? bound : null;
}

interface Names {
  /** By the text that the definition uses. Texts that name nothing are missing, and their fault is recorded. */
  readonly facts: ReadonlyMap<string, TableFacts>;
  readonly platform: readonly { readonly facts: TableFacts; readonly implementation: string }[];
}

/** Every name that the definition uses for a table, with where it stands; parents are names of tables again. */
function tableNames(definition: Definition): { path: FaultPath; text: string }[] {
  return [
    ...(definition.root === undefined ? [] : [{ path: ['root', 'table'], text: definition.root.table }]),
    ...definition.tables.map((table, index) => ({ path: ['tables', index, 'table'], text: table.table })),
    ...(definition.references ?? []).map((text, index) => ({ path: ['references', index], text })),
  ];
}

async function lookUp(client: pg.ClientBase, definition: Definition, faults: FaultList): Promise<Names> {
  const wanted = tableNames(definition).map((entry) => ({ ...entry, name: parseTableName(entry.text) }));
  const parsed = wanted.flatMap(({ name }) => name ?? []);
  const oids = await findTables(client, [...parsed, ...PLATFORM_TABLES]);
  const oidOf = new Map<TableName, number | null>(
    [...parsed, ...PLATFORM_TABLES].map((name, index) => [name, oids[index] ?? null]),
  );
  const tables = await readTableFacts(client, [...new Set(oids.flatMap((oid) => oid ?? []))]);
  const factsOf = (name: TableName) => tables.get(oidOf.get(name) ?? 0);
  const facts = new Map<string, TableFacts>();
  for (const { path, text, name } of wanted) {
    const found = name === null ? undefined : factsOf(name);
    if (name === null)
      faults.add(path, `${JSON.stringify(text)} is not the name of a table: schema.table, quoted as in SQL`);
    else if (found === undefined) faults.add(path, `${printTable(name)} does not exist`);
    else facts.set(text, found);
  }
  const platform = PLATFORM_TABLES.flatMap((table) => {
    const found = factsOf(table);
    return found !== undefined && isPlatformTable(found, table.columns)
      ? [{ facts: found, implementation: table.implementation }]
      : [];
  });
  return { facts, platform };
}

interface BinderInput {
  readonly definition: Definition;
  readonly faults: FaultList;
  readonly names: Names;
  readonly equalities: Equalities;
}

class Binder {
  readonly #definition: Definition;
  readonly #faults: FaultList;
  readonly #names: Names;
  readonly #equalities: Equalities;
  /** By oid, in order. A table that has faults is not here; what depends on it is then not examined further. */
  readonly #bound = new Map<number, BoundTable>();
  readonly #listed = new Map<number, number>();
  #root: BoundRoot | null = null;

  constructor({ definition, faults, names, equalities }: BinderInput) {
    this.#definition = definition;
    this.#faults = faults;
    this.#names = names;
    this.#equalities = equalities;
  }

  bind(): BoundDefinition | null {
    this.#root = this.#bindRoot();
    this.#definition.tables.forEach((table, index) => this.#list(table, index));
    for (const platform of this.#names.platform) this.#bindPlatformTable(platform.facts, platform.implementation);
    this.#definition.tables.forEach((table, index) => this.#bindTable(table, index));
    this.#checkTenant();
    const references = this.#bindReferences();
    if (this.#root === null) return null;
    return { root: this.#root, tables: [...this.#bound.values()], references, equalities: this.#equalities };
  }

  #bindRoot(): BoundRoot | null {
    const { root } = this.#definition;
    if (root === undefined) return { table: null, parts: [IMPLEMENTATION_ID] };
    const facts = this.#names.facts.get(root.table);
    if (facts === undefined) return null;
    if (facts.kind === 'other') this.#faults.add(['root', 'table'], `${printTable(facts)} is ${facts.kindDetail}`);
    const parts = root.key.map((name, index) => {
      if (root.key.indexOf(name) !== index) this.#faults.add(['root', 'key', index], `${name} is named twice`);
      const column = this.#column(facts, name, { path: ['root', 'key', index] });
      return column === null ? null : { name, column };
    });
    return parts.includes(null) ? null : { table: facts, parts: parts.filter((part) => part !== null) };
  }

  #list(table: DefinitionTable, index: number): void {
    const facts = this.#names.facts.get(table.table);
    if (facts === undefined) return;
    const first = this.#listed.get(facts.oid);
    if (first === undefined) this.#listed.set(facts.oid, index);
    else
      this.#faults.add(['tables', index, 'table'], `${printTable(facts)} is listed twice, first as tables[${first}]`);
  }

  #bindPlatformTable(facts: TableFacts, implementation: string): void {
    if (this.#listed.has(facts.oid)) return;
    const column = facts.columns.find(({ name }) => name === implementation);
    const equality = column === undefined ? null : this.#equalities(column.typeOid, IMPLEMENTATION_ID.column.typeOid);
    if (column === undefined || equality === null) return;
    const scope: BoundScope = { kind: 'root', pairs: [{ column, part: IMPLEMENTATION_ID, equality }] };
    this.#bound.set(facts.oid, { facts, role: 'config', omit: new Set(), secret: new Set(), scope });
  }

  #bindTable(table: DefinitionTable, index: number): void {
    const path = ['tables', index];
    const facts = this.#names.facts.get(table.table);
    const parsed = parseTableName(table.table);
    const refused = parsed === null ? null : refusal(parsed);
    if (refused !== null) this.#faults.add([...path, 'table'], `${table.table} ${refused}`);
    const scope = this.#bindScope(table, facts, index);
    if (facts === undefined) return;
    this.#checkKind(facts, [...path, 'table']);
    const secret = this.#columns(facts, table.secret ?? [], [...path, 'secret']);
    const omit = this.#columns(facts, table.omit ?? [], [...path, 'omit']);
    this.#checkOmitted(table, facts, index);
    if (scope === null || this.#listed.get(facts.oid) !== index) return;
    this.#bound.set(facts.oid, { facts, role: table.role, omit, secret, scope });
  }

  #checkKind(facts: TableFacts, path: FaultPath): void {
    const name = printTable(facts);
    if (facts.kind === 'other') {
      this.#faults.add(path, `${name} is ${facts.kindDetail}; only tables can be backed up`);
      return;
    }
    if (facts.columns.every((column) => column.generated !== null)) {
      this.#faults.add(path, `${name} has no column that could be stored`);
    }
    if (facts.kind === 'partition') {
      const root = facts.ancestors.find((oid) => this.#listed.has(oid));
      if (root !== undefined)
        this.#faults.add(path, `${name} is a partition of a table that is listed too, and is read with it`);
    }
    if (facts.kind === 'inheritance-parent') {
      const missing = facts.children.filter((child) => !this.#listed.has(child.oid)).map(printTable);
      if (missing.length > 0) {
        this.#faults.add(
          path,
          `${name} has children that are not listed, and it is read without them: ${someOf(missing)}`,
        );
      }
    }
  }

  #bindScope(table: DefinitionTable, facts: TableFacts | undefined, index: number): BoundScope | null {
    const path: FaultPath = ['tables', index, 'scope'];
    const columns = Object.entries(table.scope.columns);
    if (table.scope.parent === undefined) {
      const pairs = columns.map((pair) => this.#rootPair(facts, pair, [...path, 'columns', pair[0]]));
      return pairs.includes(null) ? null : { kind: 'root', pairs: pairs.filter((pair) => pair !== null) };
    }
    const parent = this.#parent(table, index);
    const parentFacts = parent === null ? undefined : parent.facts;
    const pairs = columns.map(([own, target]) =>
      this.#parentPair({ facts, parent: parentFacts, own, target, path: [...path, 'columns', own] }),
    );
    const bound = parent === null ? undefined : this.#bound.get(parent.facts.oid);
    if (bound === undefined || pairs.includes(null)) return null;
    return { kind: 'parent', parent: bound, pairs: pairs.filter((pair) => pair !== null) };
  }

  #rootPair(
    facts: TableFacts | undefined,
    [own, partName]: readonly [string, string],
    path: FaultPath,
  ): RootPair | null {
    const column = this.#column(facts, own, { path, at: 'key' });
    if (this.#root === null) return null;
    const part = this.#root.parts.find(({ name }) => name === partName);
    if (part === undefined) {
      const parts = this.#root.parts.map(({ name }) => name).join(', ');
      this.#faults.add(
        path,
        `the root key has no part ${JSON.stringify(partName)}, so this fixes no row; it has: ${parts}`,
      );
      return null;
    }
    if (column === null) return null;
    const equality = this.#equalities(column.typeOid, part.column.typeOid);
    if (equality === null) {
      this.#faults.add(
        path,
        `${quoteIdentifier(own)} is ${column.type} and cannot be compared with the root key's ${part.name}, which is ${part.column.type}`,
      );
      return null;
    }
    return { column, part, equality };
  }

  #parentPair(input: {
    readonly facts: TableFacts | undefined;
    readonly parent: TableFacts | undefined;
    readonly own: string;
    readonly target: string;
    readonly path: FaultPath;
  }): ParentPair | null {
    const column = this.#column(input.facts, input.own, { path: input.path, at: 'key' });
    const target = this.#column(input.parent, input.target, { path: input.path });
    if (column === null || target === null || input.parent === undefined) return null;
    const equality = this.#equalities(target.typeOid, column.typeOid);
    if (equality === null) {
      const parent = `${printTable(input.parent)}.${quoteIdentifier(input.target)}`;
      this.#faults.add(
        input.path,
        `${quoteIdentifier(input.own)} is ${column.type} and cannot be compared with ${parent}, which is ${target.type}`,
      );
      return null;
    }
    return { column, target, equality };
  }

  /** The parent's facts when it is listed, before this table or not; null with a fault otherwise. */
  #parent(table: DefinitionTable, index: number): { readonly facts: TableFacts } | null {
    const text = table.scope.parent;
    assert(text !== undefined, 'asked only where the scope has a parent');
    const path: FaultPath = ['tables', index, 'scope', 'parent'];
    const parsed = parseTableName(text);
    if (parsed === null) {
      this.#faults.add(path, `${JSON.stringify(text)} is not the name of a table: schema.table, quoted as in SQL`);
      return null;
    }
    const name = printTable(parsed);
    const isParent = (facts: TableFacts) => facts.schema === parsed.schema && facts.name === parsed.name;
    const position = this.#definition.tables.findIndex((other) => {
      const otherName = parseTableName(other.table);
      return otherName !== null && printTable(otherName) === name;
    });
    const platform = this.#names.platform.find(({ facts }) => isParent(facts));
    if (position === -1 && platform !== undefined) return platform;
    if (position === -1) this.#faults.add(path, `${name} is not a table of this definition, so it fixes no row`);
    else if (position === index) this.#faults.add(path, `${name} cannot be its own parent`);
    else if (position > index) this.#faults.add(path, this.#laterParent(index, position));
    const facts = this.#names.facts.get(this.#definition.tables[position]?.table ?? '');
    return position === -1 || position === index || facts === undefined ? null : { facts };
  }

  #laterParent(index: number, position: number): string {
    const tables = this.#definition.tables;
    const positions = new Map(tables.map((table, at) => [canonical(table.table), at]));
    const circle = [index];
    for (let at: number | undefined = position; at !== undefined; ) {
      if (circle.includes(at)) {
        if (at !== index) break;
        const names = [...circle, index].map((step) => canonical(tables[step]?.table ?? ''));
        return `scopes go round in a circle: ${names.join(' → ')}`;
      }
      circle.push(at);
      const parent: string | undefined = tables[at]?.scope.parent;
      at = parent === undefined ? undefined : positions.get(canonical(parent));
    }
    return `${canonical(tables[position]?.table ?? '')} is listed later; a parent comes before its children`;
  }

  #checkOmitted(table: DefinitionTable, facts: TableFacts, index: number): void {
    const key = new Set('none' in facts.key ? [] : facts.key.columns.map((column) => column.name));
    const scope = new Set(Object.keys(table.scope.columns));
    const joined = new Set(
      this.#definition.tables
        .filter(({ scope: { parent } }) => parent !== undefined && canonical(parent) === canonical(table.table))
        .flatMap((child) => Object.values(child.scope.columns)),
    );
    table.omit?.forEach((name, at) => {
      const column = facts.columns.find((candidate) => candidate.name === name);
      const add = (why: string) =>
        this.#faults.add(['tables', index, 'omit', at], `${quoteIdentifier(name)} cannot be left out: ${why}`);
      if (column === undefined) return;
      if (key.has(name)) add('it is part of the key');
      else if (scope.has(name)) add('it decides to whom a row belongs');
      else if (joined.has(name)) add('it decides to whom the rows of another table belong');
      else if (
        column.notNull &&
        column.defaultExpression === null &&
        column.identity === null &&
        column.generated === null
      )
        add('it is NOT NULL and has no default, so a row could not be put back');
    });
  }

  #checkTenant(): void {
    const { tenant } = this.#definition;
    if (tenant === undefined) return;
    const parsed = parseTableName(tenant.table);
    const candidates = [...this.#names.facts.values(), ...this.#names.platform.map(({ facts }) => facts)];
    const facts = candidates.find((table) => table.schema === parsed?.schema && table.name === parsed.name);
    const owned =
      facts !== undefined &&
      (this.#listed.has(facts.oid) || this.#names.platform.some((table) => table.facts === facts));
    if (!owned) this.#faults.add(['tenant', 'table'], `${canonical(tenant.table)} is not a table of this definition`);
    else this.#column(facts, tenant.column, { path: ['tenant', 'column'] });
  }

  #bindReferences(): TableFacts[] {
    const seen = new Set<number>();
    return (this.#definition.references ?? []).flatMap((text, index) => {
      const path = ['references', index];
      const facts = this.#names.facts.get(text);
      const parsed = parseTableName(text);
      const refused = parsed === null ? null : refusal(parsed);
      if (refused !== null) this.#faults.add(path, `${text} ${refused}`);
      if (facts === undefined) return [];
      if (facts.kind === 'other')
        this.#faults.add(path, `${printTable(facts)} is ${facts.kindDetail}, which nothing can point at`);
      if (this.#listed.has(facts.oid))
        this.#faults.add(path, `${printTable(facts)} is a table of this definition already`);
      if (seen.has(facts.oid)) this.#faults.add(path, `${printTable(facts)} is listed twice`);
      seen.add(facts.oid);
      return [facts];
    });
  }

  #columns(facts: TableFacts, names: readonly string[], path: FaultPath): Set<string> {
    return new Set(names.filter((name, index) => this.#column(facts, name, { path: [...path, index] }) !== null));
  }

  /** Of a table that does not exist nothing more is said. */
  #column(
    facts: TableFacts | undefined,
    name: string,
    { path, at }: { readonly path: FaultPath; readonly at?: 'key' },
  ): ColumnFacts | null {
    if (facts === undefined) return null;
    const column = facts.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return column;
    this.#faults.add(path, `${printTable(facts)} has no column ${JSON.stringify(name)}`, at);
    return null;
  }
}

/** One spelling for every way to write a table's name. */
function canonical(text: string): string {
  const parsed = parseTableName(text);
  return parsed === null ? text : printTable(parsed);
}

/** A hypertable may have thousands of children. */
const NAMES_SHOWN_MAX = 10;

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  return names.length <= NAMES_SHOWN_MAX ? shown : `${shown} and ${names.length - NAMES_SHOWN_MAX} more`;
}
