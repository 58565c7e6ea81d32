import {
  CofreError,
  isCofreError,
  type PlanDocument,
  type PlanRestoreInput,
  type RestoreDocument,
  restoreMode,
} from '@cofre/contracts';
import { applyRestore, listRestores, planRestore, type ServiceContext, showPlan, undoRestore } from '@cofre/services';
import { oneLine, textTable } from '../output/text-table.ts';
import { counted, formatCount, formatDuration, formatTime, shortId } from '../output/words.ts';
import { type Command, present, type Run } from '../run.ts';
import { oneOf } from './backup.ts';
import { describeRows } from './diff.ts';

/** Options of the selection that a later version brings. */
const LATER = ['key', 'where', 'tenant', 'path', 'revert'];

export const restorePlan: Command = async (run) => {
  const input = planInput(run, run.operand(0));
  const plan = await planRestore(await run.composition.withRepository(), { ...input, rows: run.flag('rows') });
  run.print(plan, () => `${describePlan(plan)}\n${whatNext(plan)}`);
  return undefined;
};

export const restoreApply: Command = async (run) => {
  run.refuseNotYet(['allowCollateral']);
  const input = planInput(run, run.operand(0));
  const context = await run.composition.withRepository();
  const plan = (await keptPlan(run, context)) ?? (await planRestore(context, input));
  if (!run.flag('yes')) throw unconfirmed(plan);
  const restore = await applyRestore(context, { plan: plan.id, safetyBackup: !isWithoutSafety(run) });
  run.print(restore, () => describeRestore(restore));
  return undefined;
};

export const restoreUndo: Command = async (run) => {
  const restore = run.operand(0);
  if (!run.flag('yes')) {
    throw new CofreError(
      'usage/confirmation-needed',
      `This takes the restore ${restore} back: what it inserted is deleted, what it overwrote gets its old values. Nothing was changed.`,
      { params: { restore }, hint: 'Call again with --yes if that is meant.' },
    );
  }
  const context = await run.composition.withRepository();
  const undone = await undoRestore(context, { restore, safetyBackup: !isWithoutSafety(run) });
  run.print(undone, () => describeUndone(undone));
  return undefined;
};

export const restoreList: Command = async (run) => {
  const input = { ...present('implementation', run.text('implementation')), ...present('limit', run.integer('limit')) };
  const items = await listRestores(await run.composition.service(), input);
  run.print({ items }, () => {
    if (items.length === 0) return 'Nothing was restored yet.';
    const rows = items.map((restore) => [
      shortId(restore.id),
      `${restore.implementation.module}/${restore.implementation.key}`,
      restore.purpose,
      restore.undoneBy === null ? restore.status : `undone by ${shortId(restore.undoneBy)}`,
      formatTime(restore.createdAt),
      shortId(restore.backupId),
      formatCount(changedRows(restore)),
      restore.createdBy ?? '',
    ]);
    const headers = ['ID', 'IMPLEMENTATION', 'WHAT', 'STATUS', 'MADE', 'BACKUP', 'ROWS', 'BY'];
    return textTable(headers, rows, { right: ['ROWS'] });
  });
  return undefined;
};

function planInput(run: Run, backup: string): PlanRestoreInput {
  const mode = oneOf(run, 'mode', restoreMode);
  if (mode !== undefined && mode !== 'merge') run.refuseNotYet(['mode']);
  run.refuseNotYet(LATER);
  return { backup, configOnly: run.flag('configOnly'), ...present('tables', run.list('table')) };
}

/** `--no-safety-backup` is a flag that is on by default. */
function isWithoutSafety(run: Run): boolean {
  return run.isOff('safetyBackup');
}

/** The plan that was named; null: what was named is a backup. */
async function keptPlan(run: Run, context: ServiceContext): Promise<PlanDocument | null> {
  try {
    const plan = await showPlan(context, { plan: run.operand(0) });
    if (!run.flag('configOnly') && run.list('table') === undefined) return plan;
  } catch (error) {
    if (isCofreError(error, 'plan/not-found')) return null;
    throw error;
  }
  throw new CofreError(
    'usage/invalid',
    'A plan is applied as it is; --config-only and --table go with a backup. Nothing was changed.',
  );
}

function unconfirmed(plan: PlanDocument): CofreError {
  const [inserts, updates, deletes] = [sum(plan, 'inserts'), sum(plan, 'updates'), sum(plan, 'deletes')];
  const what = `${counted(inserts, 'row')} inserted, ${formatCount(updates)} updated, ${formatCount(deletes)} deleted`;
  return new CofreError(
    'usage/confirmation-needed',
    `The plan ${plan.id} would change data: ${what}. Nothing was changed.`,
    {
      params: { planId: plan.id, inserts, updates, deletes },
      hint: `Carry it out with \`cofre restore apply ${plan.id} --yes\`.`,
    },
  );
}

function sum(plan: PlanDocument, what: 'inserts' | 'updates' | 'deletes' | 'kept'): number {
  return plan.tables.reduce((total, table) => total + table[what], 0);
}

function describePlan(plan: PlanDocument): string {
  const touched = plan.tables.filter(
    (table) => table.inserts + table.updates + table.deletes + table.conflicts.length > 0,
  );
  const rows = touched.map((table) => [
    table.table,
    formatCount(table.inserts),
    formatCount(table.updates),
    formatCount(table.deletes),
    formatCount(table.unchanged),
    formatCount(table.kept),
  ]);
  const headers = ['TABLE', 'INSERT', 'UPDATE', 'DELETE', 'UNCHANGED', 'KEPT'];
  const untouched = plan.tables.length - touched.length;
  return [
    `Plan ${plan.id} to restore the backup ${shortId(plan.backupId)} (${plan.mode}), good until ${formatTime(plan.expiresAt)}.`,
    ...(touched.length > 0
      ? [textTable(headers, rows, { right: headers.slice(1) })]
      : ['There is nothing to put back.']),
    ...(untouched > 0 && touched.length > 0 ? [`${counted(untouched, 'table')} as in the backup.`] : []),
    ...plan.tables.flatMap(({ table, conflicts }) =>
      conflicts.map(
        ({ kind, count, detail }) => `Conflict in ${table}: ${oneLine(detail)} (${kind}, ${counted(count, 'row')}).`,
      ),
    ),
    ...plan.drift.map(({ table, column, detail }) => `${table}.${column}: ${oneLine(detail)}.`),
    ...triggersInWords(plan),
    ...plan.warnings.map((warning) => `${warning}.`.replace(/\.\.$/, '.')),
    ...plan.tables.flatMap(({ table, rows: shown = [], rowsLeftOut = 0 }) =>
      shown.length === 0
        ? []
        : [...describeRows(table, shown), ...(rowsLeftOut > 0 ? [`  and ${counted(rowsLeftOut, 'more row')}`] : [])],
    ),
  ].join('\n');
}

function triggersInWords({ triggers }: PlanDocument): string[] {
  const silent = triggers.filter(({ fires }) => !fires).length;
  const firing = triggers.filter(({ fires }) => fires);
  return [
    ...(silent > 0 ? [`${counted(silent, 'trigger')} will not fire.`] : []),
    ...firing.map(({ table, trigger }) => `The trigger ${trigger} of ${table} will fire.`),
  ];
}

function whatNext(plan: PlanDocument): string {
  if (!plan.applicable) return 'It cannot be applied: resolve the conflicts, or leave their tables out with --table.';
  if (sum(plan, 'inserts') + sum(plan, 'updates') + sum(plan, 'deletes') === 0) return 'Nothing was changed.';
  return `Nothing was changed yet. Carry it out with \`cofre restore apply ${shortId(plan.id)} --yes\`.`;
}

function changedRows({ tables }: Pick<RestoreDocument, 'tables'>): number {
  return tables.reduce((total, { inserted, updated, deleted }) => total + inserted + updated + deleted, 0);
}

function describeRestore(restore: RestoreDocument): string {
  const done = `Restored ${counted(changedRows(restore), 'row')} in ${formatDuration(restore.durationMs)}; every one was read again before the commit, and nothing else was changed.`;
  const undo = `Take it back with \`cofre restore undo ${shortId(restore.id)} --yes\`.`;
  return [...restoredTables(restore), done, safetyInWords(restore), undo].join('\n');
}

function describeUndone(undone: RestoreDocument): string {
  const done = `Took back ${counted(changedRows(undone), 'row')} in ${formatDuration(undone.durationMs)}; they are as they were before the restore, and nothing else was changed.`;
  return [...restoredTables(undone), done, safetyInWords(undone)].join('\n');
}

function restoredTables({ tables }: RestoreDocument): string[] {
  const touched = tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  const rows = touched.map(({ table, inserted, updated, deleted }) => [
    table,
    formatCount(inserted),
    formatCount(updated),
    formatCount(deleted),
  ]);
  const headers = ['TABLE', 'INSERTED', 'UPDATED', 'DELETED'];
  return touched.length > 0 ? [textTable(headers, rows, { right: headers.slice(1) })] : [];
}

function safetyInWords({ safetyBackupId }: RestoreDocument): string {
  if (safetyBackupId === null) return 'No safety backup was made.';
  return `What was there before is kept in the backup ${shortId(safetyBackupId)}.`;
}
