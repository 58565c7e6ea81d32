import type { PlanDocument, PlanRow, PlanTableDocument } from '@cofre/contracts';
import {
  joinLine,
  linesOf,
  type Manifest,
  type ManifestTable,
  type PlanOperation,
  type PlanTable,
  readPlanOperations,
  readRangesAt,
  type Repository,
  type RestorePlan,
  splitLine,
} from '@cofre/engine';
import { printTable } from '@cofre/postgres';
import { type ShownColumns, shownChange } from '../backups/show-row.ts';

/** Operations that are shown of one table: a preview is to be read by people, and must fit into memory. */
const ROWS_SHOWN_MAX = 1000;

export function toPlanDocument(plan: RestorePlan): PlanDocument {
  return {
    id: plan.id,
    backupId: plan.backupId,
    mode: plan.mode,
    fingerprint: plan.fingerprint,
    expiresAt: plan.expiresAt,
    tables: plan.tables.map(toTableDocument),
    collateral: plan.collateral.map((entry) => ({ ...entry })),
    triggers: plan.triggers.map((entry) => ({ ...entry })),
    drift: plan.drift.map((entry) => ({ ...entry })),
    warnings: [...plan.warnings],
    applicable: plan.applicable,
  };
}

function toTableDocument(table: PlanTable): PlanTableDocument {
  const { inserts, updates, deletes, unchanged, kept } = table;
  const conflicts = table.conflicts.map((conflict) => ({ ...conflict }));
  return { table: printTable(table), inserts, updates, deletes, unchanged, kept, conflicts };
}

/** The document with each table's rows: what comes, what goes, and the old and new value of what changes. Secrets are masked. */
export async function withRows(repository: Repository, plan: RestorePlan, manifest: Manifest): Promise<PlanDocument> {
  const document = toPlanDocument(plan);
  const tables: PlanTableDocument[] = [];
  for (const [index, table] of plan.tables.entries()) {
    const entry = document.tables[index] ?? toTableDocument(table);
    const stored = manifest.tables.find(({ schema, name }) => schema === table.schema && name === table.name);
    const isUndo = plan.purpose.kind === 'undo';
    const rows = stored === undefined ? [] : await firstOperations(repository, { table, stored, isUndo });
    const left = table.inserts + table.updates + table.deletes - rows.length;
    tables.push(left > 0 ? { ...entry, rows, rowsLeftOut: left } : { ...entry, rows });
  }
  return { ...document, tables };
}

interface PlannedTable {
  readonly table: PlanTable;
  readonly stored: ManifestTable;
  readonly isUndo: boolean;
}

async function firstOperations(repository: Repository, planned: PlannedTable): Promise<PlanRow[]> {
  const { table, stored } = planned;
  const shown: ShownColumns = {
    columns: table.columns,
    key: table.key.map(({ name }) => name),
    secret: new Set(stored.columns.filter(({ secret }) => secret).map(({ name }) => name)),
  };
  const rows: PlanRow[] = [];
  for await (const operation of operations(repository, planned)) {
    if (rows.length === ROWS_SHOWN_MAX) break;
    rows.push(shownChange(shown, linesOfOperation(operation)));
  }
  return rows;
}

/** Those of the pages, then the rows of ranges that come whole, which the pages do not repeat. */
async function* operations(repository: Repository, planned: PlannedTable): AsyncGenerator<PlanOperation> {
  const { table, stored, isUndo } = planned;
  yield* readPlanOperations(repository, table);
  if (table.wholeRanges.length === 0) return;
  const places = table.columns.map((name) => stored.columns.findIndex((column) => column.name === name));
  for await (const { rows } of readRangesAt(repository, stored, table.wholeRanges)) {
    for (const line of linesOf(rows)) {
      const values = splitLine(line);
      const projected = joinLine(places.map((place) => values[place] ?? null));
      yield isUndo ? { op: 'delete', before: projected } : { op: 'insert', after: projected };
    }
  }
}

function linesOfOperation(operation: PlanOperation): { readonly before: Buffer | null; readonly after: Buffer | null } {
  switch (operation.op) {
    case 'insert':
      return { before: null, after: operation.after };
    case 'update':
      return { before: operation.before, after: operation.after };
    case 'delete':
      return { before: operation.before, after: null };
  }
}
