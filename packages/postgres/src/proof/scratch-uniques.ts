import { readStoredFacts, type StoredFacts } from '@cofre/engine';
import type pg from 'pg';
import { sqlStateOf } from '../session/errors.ts';
import { printTable, quoteIdentifier, quoteTable } from '../session/quote.ts';
import type { LiveTable } from './live-tables.ts';
import type { NotChecked, ProofFault } from './proof-result.ts';
import { attempt } from './scratch-session.ts';
import type { ScratchTable } from './scratch-table.ts';

export interface Promises {
  readonly fault: ProofFault | null;
  readonly notChecked: readonly NotChecked[];
}

type StoredUnique = StoredFacts['uniques'][number];
type Note = Omit<NotChecked, 'table'>;

/** Since then a column may be NOT NULL although old rows hold NULL, and a backup does not say which kind it saw. */
const FIRST_WITH_NOT_VALID = 180_000;

/** Holds a filled table against what the backup says of it besides its rows: values that must be there, and be there once. */
export async function checkPromises(
  client: pg.ClientBase,
  table: ScratchTable,
  context: { readonly live: LiveTable | null; readonly sourceVersionNum: number },
): Promise<Promises> {
  const facts = readStoredFacts(table.stored);
  const notes: Note[] = [...standingNotes(table, facts, context.live)];
  const missing = await checkNotNull(client, table, context.sourceVersionNum);
  let fault = missing !== null && 'fault' in missing ? missing.fault : null;
  if (missing !== null && 'note' in missing) notes.push(missing.note);
  for (const unique of facts?.uniques ?? []) {
    const found = await checkUnique(client, { table, unique, live: context.live });
    if (found !== null && 'note' in found) notes.push(found.note);
    else fault ??= found?.fault ?? null;
  }
  const name = printTable(table.stored);
  return { fault, notChecked: notes.map((note) => ({ table: name, ...note })) };
}

function standingNotes(table: ScratchTable, facts: StoredFacts | null, live: LiveTable | null): Note[] {
  const notes: Note[] = [];
  if (facts === null)
    notes.push({ kind: 'structure', name: null, detail: 'the backup does not say which constraints the table had' });
  for (const { name } of facts?.generated ?? [])
    notes.push({ kind: 'generated', name, detail: 'it is generated, so its values are not in the backup' });
  for (const name of live?.checks ?? [])
    notes.push({
      kind: 'check',
      name,
      detail: 'it is of the table of today; the backup does not hold check constraints',
    });
  return notes;
}

type Found = { readonly fault: ProofFault } | { readonly note: Note } | null;

async function checkNotNull(client: pg.ClientBase, table: ScratchTable, sourceVersionNum: number): Promise<Found> {
  const { stored, place } = table;
  const isKey = (name: string) => stored.key.some((part) => part.name === name);
  const wanted = stored.columns.filter(({ name, notNull }) => notNull && !isKey(name));
  if (wanted.length === 0) return null;
  const changes = wanted.map(({ name }) => `ALTER COLUMN ${quoteIdentifier(name)} SET NOT NULL`);
  return attempt<Found>(
    client,
    async () => {
      await client.query(`ALTER TABLE ${quoteTable(place)} ${changes.join(', ')}`);
      return null;
    },
    {
      refused: (error) => {
        if (sqlStateOf(error) !== '23502') throw error;
        const detail = 'a row has no value in a column that must have one';
        if (sourceVersionNum < FIRST_WITH_NOT_VALID) return { fault: { kind: 'not-null', detail } };
        return {
          note: { kind: 'not-null', name: null, detail: `${detail}; from PostgreSQL 18 on old rows may lack it` },
        };
      },
    },
  );
}

interface UniqueCheck {
  readonly table: ScratchTable;
  readonly unique: StoredUnique;
  readonly live: LiveTable | null;
}

async function checkUnique(client: pg.ClientBase, check: UniqueCheck): Promise<Found> {
  const { unique, table } = check;
  // Rows may have clashed then, too.
  if (!unique.usable) return null;
  const note = (detail: string): Found => ({ note: { kind: 'unique', name: unique.name, detail } });
  const parts = indexParts(check);
  if (typeof parts === 'string') return note(parts);
  if (isKeyItself(table, parts)) return null;
  const nulls = unique.nullsNotDistinct ? ' NULLS NOT DISTINCT' : '';
  const where = parts.predicate === null ? '' : ` WHERE (${parts.predicate})`;
  return attempt<Found>(
    client,
    async () => {
      await client.query(
        `CREATE UNIQUE INDEX ON ${quoteTable(table.place)} (${parts.expressions.join(', ')})${nulls}${where}`,
      );
      return null;
    },
    {
      refused: (error) => {
        const state = sqlStateOf(error) ?? '';
        if (state === '23505')
          return {
            fault: { kind: 'unique', detail: `two rows have the same values in ${quoteIdentifier(unique.name)}` },
          };
        // The expressions do not take the types of the scratch table, or the server is older than the backup's.
        if (/^(?:22|42(?!501)|54|0A)/.test(state)) return note(`it could not be made (SQLSTATE ${state})`);
        throw error;
      },
    },
  );
}

interface IndexParts {
  readonly expressions: readonly string[];
  readonly predicate: string | null;
}

/**
 * What to index, as SQL; or why that is not known. Column names are quoted here. Expressions are the live database's own
 * words, and only where the backup has the same ones: what a manifest holds is never run.
 */
function indexParts({ table, unique, live }: UniqueCheck): IndexParts | string {
  const isStored = (name: string) => table.columns.some((column) => column.name === name);
  if (unique.kind === 'exclusion') return 'it is an exclusion constraint, which a backup does not hold entirely';
  if (unique.columns !== null) {
    const absent = unique.columns.find((name) => !isStored(name));
    if (absent !== undefined) return `${quoteIdentifier(absent)} is not in the backup`;
    if (unique.predicate === null) return { expressions: unique.columns.map(quoteIdentifier), predicate: null };
  }
  const today = live?.facts.uniques.find(
    ({ name, kind, expressions, predicate }) =>
      name === unique.name &&
      kind !== 'exclusion' &&
      predicate === unique.predicate &&
      JSON.stringify(expressions) === JSON.stringify(unique.expressions),
  );
  if (today === undefined) return 'it is over an expression or has a condition, and no index of today is the same';
  if (live?.quietIndexes.has(today.indexOid) !== true) return 'it calls functions of the application';
  const expressions = unique.columns?.map(quoteIdentifier) ?? today.expressions.map((expression) => `(${expression})`);
  return { expressions, predicate: today.predicate };
}

function isKeyItself({ stored }: ScratchTable, { expressions, predicate }: IndexParts): boolean {
  const key = stored.key.map(({ name }) => quoteIdentifier(name));
  return predicate === null && JSON.stringify(key) === JSON.stringify(expressions);
}
