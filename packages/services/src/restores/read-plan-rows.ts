import {
  CofreError,
  type PlanRowsDocument,
  parseInput,
  type ReadPlanRowsInput,
  readPlanRowsInput,
} from '@cofre/contracts';
import type { Manifest, PlanOperation, RestorePlan } from '@cofre/engine';
import { parseTableName, printTable } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { type ShownColumns, type ShownRow, shownRow } from '../backups/show-row.ts';
import type { ServiceContext } from '../service-context.ts';
import { operationsOfTable, type PlannedTable } from './plan-table-operations.ts';
import { findPlan } from './show-plan.ts';

/** Operations that one call looks through for a text: it answers soon, and says where to go on. */
const SEARCHED_MAX = 20_000;

type PlanRowDocument = PlanRowsDocument['rows'][number];

/** Some rows of a plan's table, from any place in its list: what comes, what goes, the old and new value of what changes. */
export async function readPlanRows(caller: ServiceContext, input: ReadPlanRowsInput): Promise<PlanRowsDocument> {
  const { plan: reference, table: name, ...wanted } = parseInput(readPlanRowsInput, input);
  const context = await authorize(caller, 'readPlanRows', { name: reference });
  const repository = await context.openRepository();
  const plan = await findPlan(repository, reference);
  const manifest = await repository.readManifest(plan.implementation.id, plan.backupId);
  const { index, planned } = findPlannedTable(plan, manifest, name);
  const shown = shownColumnsOf(planned);
  const needle = wanted.text?.toLowerCase();
  const rows: PlanRowDocument[] = [];
  let next: number | null = null;
  let searched = 0;
  const operations = operationsOfTable(repository, { planId: plan.id, index, planned });
  for await (const { position, operation } of operations.from(wanted.from, wanted.operation)) {
    if (rows.length === wanted.limit || searched === SEARCHED_MAX) {
      next = position;
      break;
    }
    if (needle !== undefined) searched += 1;
    const row = rowOf(shown, operation);
    if (needle === undefined || holds(row, needle)) rows.push({ position, ...cutRow(row, wanted.valueCharsMax) });
  }
  return {
    planId: plan.id,
    table: printTable(planned.table),
    columns: [...shown.columns],
    keyColumns: [...shown.key],
    secretColumns: [...shown.secret],
    rows,
    rowsTotal: totalOf(planned, wanted.operation),
    next,
  };
}

function findPlannedTable(
  plan: RestorePlan,
  manifest: Manifest,
  text: string,
): { index: number; planned: PlannedTable } {
  const wanted = parseTableName(text);
  const isIt = ({ schema, name }: { readonly schema: string; readonly name: string }) =>
    schema === wanted?.schema && name === wanted.name;
  const index = plan.tables.findIndex(isIt);
  const table = plan.tables[index];
  const stored = manifest.tables.find(isIt);
  if (table !== undefined && stored !== undefined) {
    return { index, planned: { table, stored, isUndo: plan.purpose.kind === 'undo' } };
  }
  throw new CofreError('usage/invalid', `The plan ${plan.id} has no table ${text}. Nothing was started.`, {
    params: { table: text, tables: plan.tables.map(printTable) },
  });
}

function shownColumnsOf({ table, stored }: PlannedTable): ShownColumns {
  return {
    columns: table.columns,
    key: table.key.map(({ name }) => name),
    secret: new Set(
      stored.columns.filter(({ secret, name }) => secret && table.columns.includes(name)).map(({ name }) => name),
    ),
  };
}

function totalOf({ table }: PlannedTable, operation: ReadPlanRowsInput['operation']): number {
  switch (operation) {
    case 'insert':
      return table.inserts;
    case 'update':
      return table.updates;
    case 'delete':
      return table.deletes;
    case undefined:
      return table.inserts + table.updates + table.deletes;
  }
}

type WholeRow = Omit<PlanRowDocument, 'position' | 'isCut'>;

function rowOf(shown: ShownColumns, operation: PlanOperation): WholeRow {
  switch (operation.op) {
    case 'insert':
      return { op: 'insert', before: null, after: shownRow(shown, operation.after), changed: [] };
    case 'delete':
      return { op: 'delete', before: shownRow(shown, operation.before), after: null, changed: [] };
    case 'update': {
      // Compared unmasked: that a secret changes is said, what it was is not.
      const plain = { ...shown, secret: new Set<string>() };
      const [was, will] = [shownRow(plain, operation.before), shownRow(plain, operation.after)];
      const changed = shown.columns.filter((name) => was[name] !== will[name]);
      return {
        op: 'update',
        before: shownRow(shown, operation.before),
        after: shownRow(shown, operation.after),
        changed,
      };
    }
  }
}

/** In what is shown: nobody finds out by searching what a secret is. */
function holds({ before, after }: WholeRow, needle: string): boolean {
  return [before, after].some(
    (row) => row !== null && Object.values(row).some((value) => value?.toLowerCase().includes(needle) === true),
  );
}

function cutRow(row: WholeRow, charsMax: number): Omit<PlanRowDocument, 'position'> {
  let isCut = false;
  const cut = (values: ShownRow | null): ShownRow | null => {
    if (values === null) return null;
    const entries = Object.entries(values).map(([name, value]) => {
      if (value === null || value.length <= charsMax) return [name, value] as const;
      isCut = true;
      return [name, `${value.slice(0, charsMax)}…`] as const;
    });
    return Object.fromEntries(entries);
  };
  const [before, after] = [cut(row.before), cut(row.after)];
  return { ...row, before, after, isCut };
}
