import type { Definition } from '@cofre/contracts';
import { type Manifest, type ManifestTable, readStoredFacts } from '@cofre/engine';
import type pg from 'pg';
import { sqlStateOf } from '../session/errors.ts';
import { parseTableName, printTable, quoteIdentifier, quoteTable, type TableName } from '../session/quote.ts';
import type { NotChecked, ProofFault } from './proof-result.ts';
import { attempt } from './scratch-session.ts';
import type { ScratchTable } from './scratch-table.ts';

/** One table pointing at another: a foreign key, or the way by which its rows belong to the implementation. */
interface Reference {
  readonly from: ManifestTable;
  readonly to: TableName;
  readonly columns: readonly { readonly own: string; readonly other: string }[];
  /** Rows are in the backup because the row that they point at is: each must find it there. */
  readonly isScope: boolean;
  readonly name: string;
}

export interface ReferenceFindings {
  readonly faults: ReadonlyMap<ManifestTable, ProofFault>;
  readonly notChecked: readonly NotChecked[];
}

/** Makes the foreign keys among the tables of the backup, each as the server checks it. */
export async function checkReferences(
  client: pg.ClientBase,
  manifest: Manifest,
  filled: ReadonlyMap<ManifestTable, ScratchTable>,
): Promise<ReferenceFindings> {
  const faults = new Map<ManifestTable, ProofFault>();
  const notChecked: NotChecked[] = [];
  for (const reference of referencesOf(manifest)) {
    const from = filled.get(reference.from);
    if (from === undefined) continue;
    const found = await checkReference(client, reference, { from, to: targetOf(reference, filled) });
    if (found === null) continue;
    if ('fault' in found) faults.set(reference.from, faults.get(reference.from) ?? found.fault);
    else notChecked.push({ table: printTable(reference.from), kind: 'foreign-key', name: reference.name, ...found });
  }
  return { faults, notChecked };
}

function targetOf({ to }: Reference, filled: ReadonlyMap<ManifestTable, ScratchTable>): ScratchTable | undefined {
  return [...filled.values()].find(({ stored }) => stored.schema === to.schema && stored.name === to.name);
}

type Found = { readonly fault: ProofFault } | { readonly detail: string } | null;

async function checkReference(
  client: pg.ClientBase,
  reference: Reference,
  tables: { readonly from: ScratchTable; readonly to: ScratchTable | undefined },
): Promise<Found> {
  const { from, to } = tables;
  const { columns, isScope } = reference;
  const points = `${columns.map(({ own }) => quoteIdentifier(own)).join(', ')} points at ${printTable(reference.to)}`;
  if (to === undefined) return { detail: `${points}, which is not among the tables of the backup` };
  const has = (table: ScratchTable, name: string) => table.columns.some((column) => column.name === name);
  if (!columns.every(({ own, other }) => has(from, own) && has(to, other)))
    return { detail: `${points} by columns that are not in the backup` };
  const own = columns.map((pair) => quoteIdentifier(pair.own)).join(', ');
  const other = columns.map((pair) => quoteIdentifier(pair.other)).join(', ');
  return attempt<Found>(
    client,
    async () => {
      await client.query(
        `ALTER TABLE ${quoteTable(from.place)} ADD FOREIGN KEY (${own}) REFERENCES ${quoteTable(to.place)} (${other})`,
      );
      return null;
    },
    {
      refused: (error) => {
        const state = sqlStateOf(error) ?? '';
        if (state === '23503' && isScope)
          return {
            fault: {
              kind: 'foreign-key',
              detail: `${points}, and for a row there is none: without it the row would not belong to the implementation`,
            },
          };
        if (state === '23503')
          return { detail: `${points}, and some of the rows that it names are outside of the backup` };
        // 42830: nothing unique to point at; else the types do not compare.
        if (/^(?:42(?!501)|0A)/.test(state))
          return { detail: `${points}, and a foreign key could not be made of that (SQLSTATE ${state})` };
        throw error;
      },
    },
  );
}

function referencesOf({ tables, definition }: Manifest): readonly Reference[] {
  return tables.flatMap((from) => {
    const scope = scopeOf(definition, from);
    const keys = (readStoredFacts(from)?.foreignKeys ?? []).map(({ name, columns, references }): Reference => {
      const pairs = columns.map((own, at) => ({ own, other: references.columns[at] ?? '' }));
      const to = { schema: references.schema, name: references.name };
      return { from, to, columns: pairs, isScope: scope !== null && isSame(scope, { to, columns: pairs }), name };
    });
    if (scope === null || keys.some(({ isScope }) => isScope)) return keys;
    // The platform's own tables are on the way of many a scope, and in no backup.
    const isStored = tables.some(({ schema, name }) => schema === scope.to.schema && name === scope.to.name);
    return isStored ? [scope, ...keys] : keys;
  });
}

/** null: its rows belong to the implementation by themselves. */
function scopeOf(definition: Definition, table: ManifestTable): Reference | null {
  const listed = definition.tables.find(({ table: text }) => {
    const parsed = parseTableName(text);
    return parsed?.schema === table.schema && parsed.name === table.name;
  });
  const to = parseTableName(listed?.scope.parent ?? '');
  if (listed === undefined || to === null) return null;
  const columns = Object.entries(listed.scope.columns).map(([own, other]) => ({ own, other }));
  return { from: table, to, columns, isScope: true, name: 'scope' };
}

type Pointing = Pick<Reference, 'to' | 'columns'>;

function isSame(scope: Pointing, key: Pointing): boolean {
  const spelled = ({ to, columns }: Pointing) =>
    JSON.stringify([to.schema, to.name, columns.map(({ own, other }) => `${own} ${other}`).sort()]);
  return spelled(scope) === spelled(key);
}
