import {
  assert,
  CofreError,
  type Definition,
  type DefinitionTable,
  definition as definitionSchema,
} from '@cofre/contracts';
import type pg from 'pg';
import { findTable, readTableFacts } from '../introspect/read-table-facts.ts';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { translatePgError } from '../session/errors.ts';
import { printTable } from '../session/quote.ts';
import { type CountedRows, countRows } from './count-rows.ts';
import { columnsOf, keysBesides, notesOf, type PlannedTable, questionsOf } from './discover-questions.ts';
import { byName, chooseOwners, followForeignKeys, type Ownership, type Reach } from './follow-foreign-keys.ts';
import { parseDefinition } from './parse-definition.ts';
import { refusal } from './platform-tables.ts';
import { type DefinitionComments, printDefinition } from './print-definition.ts';

export interface DiscoverInput {
  /** `schema.table`, quoted as in SQL. */
  readonly root: string;
  /** The module's slug; default: made from the root's name. */
  readonly module?: string;
}

export interface Discovered {
  /** A definition that `parseDefinition` and `validateDefinition` accept, with counts and questions in comments. */
  readonly yaml: string;
  /** The questions alone: what could not be decided, and which reading was chosen. */
  readonly undecided: readonly string[];
}

/**
 * Proposes a definition: the root, and every table from which foreign keys lead to it. What is pointed at from there
 * and not reached that way is a reference. Reads catalogues and counts rows; changes nothing. The session must be pinned.
 */
export async function discover(client: pg.ClientBase, input: DiscoverInput): Promise<Discovered> {
  try {
    const root = await readRoot(client, input.root);
    const reach = await followForeignKeys(client, root);
    const shared = await readTableFacts(client, [...keysOut(reach).keys()]);
    const plan = planDefinition(reach, shared, input.module ?? slugOf(root.name));
    const keys = plan.tables.flatMap(({ facts, owner }) => keysBesides(facts, owner, reach));
    const counted = await countRows(client, plan.definition, { root, keys });
    const questions = plan.tables.map((table) => questionsOf(table, plan.tables, { reach, counted }));
    const yaml = printDefinition(plan.definition, commentsOf(plan, questions, counted));
    // What is printed must be what was meant, whatever is in the names.
    assert(
      JSON.stringify(parseDefinition(yaml).definition) === JSON.stringify(plan.definition),
      'a printed definition reads back as it was',
    );
    return { yaml, undecided: [...questions.flat(), ...plan.tail] };
  } catch (error) {
    throw translatePgError(error, { doing: 'following foreign keys' });
  }
}

interface PlannedDefinition {
  readonly definition: Definition;
  readonly tables: readonly PlannedTable[];
  readonly references: readonly string[];
  readonly tail: readonly string[];
}

async function readRoot(client: pg.ClientBase, text: string): Promise<TableFacts> {
  const oid = await findTable(client, text);
  const facts = oid === null ? undefined : (await readTableFacts(client, [oid])).get(oid);
  const refuse = (why: string) =>
    new CofreError('usage/invalid', `${why}. Nothing was changed.`, { params: { root: text } });
  if (facts === undefined) throw refuse(`There is no table ${text}`);
  const name = printTable(facts);
  const refused = refusal(facts);
  if (refused !== null) throw refuse(`${name} ${refused}`);
  if (facts.kind === 'other') throw refuse(`${name} is ${facts.kindDetail}, not a table`);
  if (rootKeyOf(facts).length === 0) throw refuse(`${name} has no key that could name an implementation's root`);
  return facts;
}

function rootKeyOf(root: TableFacts): readonly string[] {
  return root.primaryKey.length > 0 || 'none' in root.key ? root.primaryKey : root.key.columns.map(({ name }) => name);
}

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return slug === '' ? 'module' : slug;
}

function planDefinition(reach: Reach, shared: ReadonlyMap<number, TableFacts>, module: string): PlannedDefinition {
  const owners = chooseOwners(reach);
  const tables = inOrder(reach, owners).map((facts) => planTable(facts, reach, owners));
  const { references, hidden } = referencesOf(reach);
  const root = { table: printTable(reach.root), key: [...rootKeyOf(reach.root)] };
  const isDefaultRoot = root.table === 'public.module_implementations' && root.key.join() === 'id';
  const parsed = definitionSchema.safeParse({
    version: 1,
    module,
    ...(isDefaultRoot ? {} : { root }),
    tables: tables.map(({ entry }) => entry),
    ...(references.length === 0 ? {} : { references: references.map(({ name }) => name) }),
  });
  if (!parsed.success) {
    throw new CofreError(
      'usage/invalid',
      `No definition can be made: ${parsed.error.issues.map(({ message }) => message).join('; ')}. Nothing was changed.`,
    );
  }
  return {
    definition: parsed.data,
    tables,
    references: [
      'Pointed at and not owned; checked before a restore:',
      ...references.map(({ name, by }) => `${name}: by ${by.join(', ')}`),
    ].slice(0, references.length === 0 ? 0 : undefined),
    tail: [...hidden, ...beside(reach, shared), ...leftOut(reach)],
  };
}

/** Parents first; what inherits stands behind what it inherits from. */
function inOrder(reach: Reach, owners: ReadonlyMap<number, Ownership>): TableFacts[] {
  const depth = (oid: number): number => {
    const owner = owners.get(oid);
    if (owner?.kind === 'inherited') return depth(owner.from.oid);
    return owner?.kind === 'foreign-key' ? 1 + depth(owner.chosen.to.oid) : 0;
  };
  const place = (facts: TableFacts) => {
    const owner = owners.get(facts.oid);
    return { facts, depth: depth(facts.oid), top: owner?.kind === 'inherited' ? owner.from : facts };
  };
  return [...reach.owned.values()]
    .map(place)
    .sort(
      (a, b) =>
        a.depth - b.depth ||
        byName(a.top, b.top) ||
        Number(a.top !== a.facts) - Number(b.top !== b.facts) ||
        byName(a.facts, b.facts),
    )
    .map(({ facts }) => facts);
}

const CONFIG_NAME = /setting|config|preference|template|assignment|polic(y|ies)/i;
const SECRET_NAME = /passw|secret|token|api_?key|private_?key|credential/i;

function planTable(facts: TableFacts, reach: Reach, owners: ReadonlyMap<number, Ownership>): PlannedTable {
  const owner = owners.get(facts.oid);
  assert(owner !== undefined, `${printTable(facts)} was found for a reason`);
  const isConfig = owner.kind === 'root' || CONFIG_NAME.test(facts.name);
  const key = 'none' in facts.key ? [] : facts.key.columns.map(({ name }) => name);
  const secret = facts.columns.map(({ name }) => name).filter((name) => SECRET_NAME.test(name) && !key.includes(name));
  const entry: DefinitionTable = {
    table: printTable(facts),
    role: isConfig ? 'config' : 'data',
    scope: scopeOf(owner, reach, owners),
    ...(secret.length === 0 ? {} : { secret }),
  };
  return { facts, owner, entry };
}

function scopeOf(owner: Ownership, reach: Reach, owners: ReadonlyMap<number, Ownership>): DefinitionTable['scope'] {
  const rootKey = rootKeyOf(reach.root);
  if (owner.kind === 'root') return { columns: Object.fromEntries(rootKey.map((name) => [name, name])) };
  if (owner.kind === 'inherited') {
    const above = owners.get(owner.from.oid);
    assert(above !== undefined, 'what is inherited from is owned');
    return scopeOf(above, reach, owners);
  }
  const { from, to } = owner.chosen;
  const pairs = from.columns.map((own, index): [string, string] => [own, to.columns[index] ?? '']);
  // By the root key itself, where the key holds all of it: then it is proved that no row has two owners.
  const isRootKey =
    to.oid === reach.root.oid && rootKey.length === pairs.length && rootKey.every((name) => to.columns.includes(name));
  return isRootKey
    ? { columns: Object.fromEntries(pairs) }
    : { parent: printTable(to), columns: Object.fromEntries(pairs) };
}

interface Reference {
  readonly name: string;
  /** `table.column` of what points at it. */
  readonly by: readonly string[];
}

/** Foreign keys out of the slice, by the oid of what they point at. */
function keysOut(reach: Reach): Map<number, ForeignKeyFacts[]> {
  const known = new Set([...reach.owned.keys(), ...reach.leftOut.map(({ facts }) => facts.oid)]);
  const keys = [...reach.owned.values()].flatMap((table) => table.foreignKeys);
  return Map.groupBy(
    keys.filter(({ to }) => !known.has(to.oid)),
    ({ to }) => to.oid,
  );
}

/** What owned tables point at and is not owned; `hidden`: what no definition may name. */
function referencesOf(reach: Reach): { references: Reference[]; hidden: string[] } {
  const references: Reference[] = [];
  const hidden: string[] = [];
  for (const keys of keysOut(reach).values()) {
    const [first] = keys;
    assert(first !== undefined, 'what is pointed at has a key that points at it');
    const name = printTable(first.to);
    const by = keys.map((key) => `${printTable(key.from)}.${columnsOf(key)}`).sort();
    const refused = refusal(first.to);
    if (refused === null) references.push({ name, by });
    else hidden.push(`${name} is pointed at by ${by.join(', ')} and cannot be listed: it ${refused}.`);
  }
  return { references: references.sort((a, b) => (a.name < b.name ? -1 : 1)), hidden: hidden.sort() };
}

/** Tables that only hang on what is shared: nothing says whose their rows are. */
function beside(reach: Reach, shared: ReadonlyMap<number, TableFacts>): string[] {
  const known = new Set([...reach.owned.keys(), ...shared.keys(), ...reach.leftOut.map(({ facts }) => facts.oid)]);
  const texts = [...shared.values()].flatMap((table) => {
    const keys = table.referencedBy.filter(({ from }) => !known.has(from.oid) && refusal(from) === null);
    const [first] = keys;
    if (first === undefined) return [];
    const names = [...new Set(keys.map(({ from }) => printTable(from)))].sort().join(', ');
    return [
      `${names} hang on ${printTable(table)} alone, which is shared: left out.${tenantHint(reach, table, first)}`,
    ];
  });
  return texts.sort();
}

/** Rows of tenants are owned through the assignments of tenants to the implementation. */
function tenantHint(reach: Reach, tenants: TableFacts, example: ForeignKeyFacts): string {
  const assignments = [...reach.owned.values()].find(
    (table) => printTable(table) === 'public.tenant_module_assignments',
  );
  const key = assignments?.foreignKeys.find(({ to }) => to.oid === tenants.oid);
  const [own, target] = [example.from.columns[0], key?.from.columns[0]];
  if (assignments === undefined || own === undefined || target === undefined) return '';
  return ` To own the rows of assigned tenants, give such a table scope: { parent: ${printTable(assignments)}, columns: { ${own}: ${target} } }.`;
}

function leftOut(reach: Reach): string[] {
  return reach.leftOut.map(
    ({ facts, reason }) => `${printTable(facts)} leads to the root and was left out: ${reason}.`,
  );
}

function commentsOf(
  plan: PlannedDefinition,
  questions: readonly (readonly string[])[],
  counted: CountedRows,
): DefinitionComments {
  const marked = (texts: readonly string[]) => texts.map((text) => `UNDECIDED: ${text}`);
  return {
    head: [
      `Proposed by following the foreign keys that lead to ${plan.tables[0]?.entry.table}. ${counted.explanation}`,
      'Read what is marked UNDECIDED, change what is wrong, and apply the file.',
    ],
    tables: plan.tables.map(({ facts, owner, entry }, index) => [
      [counted.textOf(facts), ...notesOf(facts, owner, entry.secret ?? [])].join(' '),
      ...marked(questions[index] ?? []),
    ]),
    references: plan.references,
    tail: marked(plan.tail),
  };
}
