import type { DefinitionTable } from '@cofre/contracts';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { printTable } from '../session/quote.ts';
import type { CountedRows } from './count-rows.ts';
import { isNullable, type Ownership, type Reach } from './follow-foreign-keys.ts';

export interface PlannedTable {
  readonly facts: TableFacts;
  readonly owner: Ownership;
  readonly entry: DefinitionTable;
}

/** What is worth knowing of a table and needs no decision. */
export function notesOf(facts: TableFacts, owner: Ownership, secret: readonly string[]): string[] {
  const notes: string[] = [];
  if (owner.kind === 'inherited') notes.push(`Inherits from ${printTable(owner.from)}, which is read without it.`);
  if (facts.kind === 'partitioned') notes.push(`Read with its partitions, ${facts.children.length} by now.`);
  if ('none' in facts.key) notes.push(`No key to tell rows apart (${facts.key.none}): read whole each time.`);
  if (secret.length > 0) notes.push(`Kept secret for their names: ${secret.join(', ')}.`);
  return notes;
}

/** Foreign keys within the slice that do not decide whose a row is; a row may point by them at another root's. */
export function keysBesides(facts: TableFacts, owner: Ownership, reach: Reach): ForeignKeyFacts[] {
  const chosen = owner.kind === 'foreign-key' ? owner.chosen.oid : null;
  const decides = owner.kind === 'inherited' ? owner.from : null;
  return facts.foreignKeys.filter(
    (key) =>
      key.from.oid === facts.oid &&
      reach.owned.has(key.to.oid) &&
      key.oid !== chosen &&
      // A child's own copy of the key that decides for what it inherits from.
      !(
        decides !== null && decides.foreignKeys.some((other) => other.to.oid === key.to.oid && sameColumns(other, key))
      ),
  );
}

function sameColumns(a: ForeignKeyFacts, b: ForeignKeyFacts): boolean {
  return a.from.columns.join('\0') === b.from.columns.join('\0');
}

/** What foreign keys cannot tell, with the reading that was chosen. */
export function questionsOf(
  table: PlannedTable,
  all: readonly PlannedTable[],
  context: { readonly reach: Reach; readonly counted: CountedRows },
): string[] {
  const { facts, owner } = table;
  return [
    ...nullQuestions(facts, owner),
    ...orphanQuestions(facts, owner, all),
    ...otherWays(table, context),
    ...selfAndRoot(table, context),
    ...sharedQuestions(table, all),
  ];
}

function nullQuestions(facts: TableFacts, owner: Ownership): string[] {
  if (owner.kind !== 'foreign-key' || !isNullable(facts, owner.chosen)) return [];
  const name = `${printTable(facts)}.${columnsOf(owner.chosen)}`;
  return [`${name} may be NULL: such rows belong to no implementation and are not backed up.`];
}

function orphanQuestions(facts: TableFacts, owner: Ownership, all: readonly PlannedTable[]): string[] {
  if (owner.kind !== 'inherited') return [];
  const above = all.find((other) => other.facts.oid === owner.from.oid)?.owner;
  if (above?.kind !== 'foreign-key') return [];
  const { chosen } = above;
  if (facts.foreignKeys.some((key) => key.to.oid === chosen.to.oid && sameColumns(key, chosen))) return [];
  return [
    `${printTable(facts)} has no foreign key to ${printTable(chosen.to)} of its own: rows whose ${columnsOf(chosen)} leads nowhere belong to no implementation and are not backed up.`,
  ];
}

function otherWays(
  { facts, owner }: PlannedTable,
  { reach, counted }: { readonly reach: Reach; readonly counted: CountedRows },
): string[] {
  if (owner.kind === 'root') return [];
  const others = keysBesides(facts, owner, reach).filter(({ to }) => to.oid !== facts.oid);
  if (others.length === 0) return [];
  const ways = others.map((key) => `${printTable(key.to)} by ${columnsOf(key)}${straysText(counted.strays(key))}`);
  const chosen =
    owner.kind === 'foreign-key'
      ? `Chosen is ${printTable(owner.chosen.to)} by ${columnsOf(owner.chosen)}.`
      : `It goes with ${printTable(owner.from)}.`;
  return [
    `${printTable(facts)} also leads to the root through ${ways.join(', and ')}. ${chosen} Rows of another root that it points at are not put back with it.`,
  ];
}

function straysText(strays: number | null): string {
  if (strays === null) return '';
  if (strays === 0) return ' (no row of the example points at another root)';
  return ` (${strays} ${strays === 1 ? 'row' : 'rows'} of the example point at another root)`;
}

function selfAndRoot(
  { facts, owner }: PlannedTable,
  { reach, counted }: { readonly reach: Reach; readonly counted: CountedRows },
): string[] {
  const name = printTable(facts);
  return keysBesides(facts, owner, reach).flatMap((key) => {
    const strays = straysText(counted.strays(key));
    if (key.to.oid === facts.oid && owner.kind === 'root') {
      return [
        `${name} points at itself by ${columnsOf(key)}${strays}: only the row of the root key is owned, not those above or below it.`,
      ];
    }
    if (key.to.oid === facts.oid) {
      return [`${name} points at itself by ${columnsOf(key)}${strays}: each row is owned by its own way to the root.`];
    }
    if (owner.kind !== 'root') return [];
    return [
      `${name} points at ${printTable(key.to)} by ${columnsOf(key)}, which points back: a circle${strays}. A restore writes one side in a second step.`,
    ];
  });
}

/** A table that others point at besides their own way may be meant for everybody. */
function sharedQuestions({ facts, owner }: PlannedTable, all: readonly PlannedTable[]): string[] {
  if (owner.kind !== 'foreign-key') return [];
  const pointing = all.flatMap((other) =>
    other.owner.kind === 'foreign-key'
      ? other.owner.others
          .filter(({ to }) => to.oid === facts.oid)
          .map((key) => `${printTable(other.facts)}.${columnsOf(key)}`)
      : [],
  );
  if (pointing.length === 0) return [];
  return [
    `${printTable(facts)} is owned by its ${columnsOf(owner.chosen)}, yet rows of another root may point at it by ${pointing.join(', ')}. If it is shared, move it to references.`,
  ];
}

export function columnsOf(key: ForeignKeyFacts): string {
  return key.from.columns.length === 1 ? (key.from.columns[0] ?? '') : `(${key.from.columns.join(', ')})`;
}
