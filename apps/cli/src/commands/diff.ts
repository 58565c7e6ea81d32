import type { DiffDocument, PlanRow } from '@cofre/contracts';
import { diffBackups } from '@cofre/services';
import { oneLine, textTable } from '../output/text-table.ts';
import { counted, formatCount, shortId } from '../output/words.ts';
import type { Command } from '../run.ts';
import { present } from '../run.ts';

export const diff: Command = async (run) => {
  const document = await diffBackups(await run.composition.withRepository(), {
    from: run.operand(0),
    to: run.operand(1),
    rows: run.flag('rows'),
    ...present('tables', run.list('table')),
  });
  run.print(document, () => describe(document));
  return undefined;
};

function describe({ from, to, tables }: DiffDocument): string {
  const changed = tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  const name = (id: string) => (id === 'live' ? 'what is there now' : shortId(id));
  if (changed.length === 0) return `Nothing differs between ${name(from)} and ${name(to)}.`;
  const rows = changed.map(({ table, inserted, updated, deleted }) => [
    table,
    formatCount(inserted),
    formatCount(updated),
    formatCount(deleted),
  ]);
  const same = tables.length - changed.length;
  return [
    `From ${name(from)} to ${name(to)}:`,
    textTable(['TABLE', 'CAME', 'CHANGED', 'WENT'], rows, { right: ['CAME', 'CHANGED', 'WENT'] }),
    ...(same > 0 ? [`${counted(same, 'table')} without a difference.`] : []),
    ...changed.flatMap(({ table, rows: shown = [], rowsLeftOut = 0 }) =>
      shown.length === 0
        ? []
        : [...describeRows(table, shown), ...(rowsLeftOut > 0 ? [`  and ${counted(rowsLeftOut, 'more row')}`] : [])],
    ),
  ].join('\n');
}

const SIGNS: Readonly<Record<PlanRow['op'], string>> = { insert: '+', update: '~', delete: '-' };

/** Also for plans: a line for each row, then one for each value that changes. */
export function describeRows(table: string, rows: readonly PlanRow[]): string[] {
  return ['', table, ...rows.flatMap(describeRow)];
}

function describeRow({ op, key, before, after }: PlanRow): string[] {
  const value = (text: string | null | undefined) => (text === null || text === undefined ? 'NULL' : oneLine(text));
  const pairs = (row: Readonly<Record<string, string | null>>) =>
    Object.entries(row)
      .map(([name, text]) => `${name}=${value(text)}`)
      .join(' ');
  if (op !== 'update') return [`  ${SIGNS[op]} ${pairs(after ?? before ?? {})}`];
  const changes = Object.keys(after ?? {}).map(
    (name) => `      ${name}: ${value(before?.[name])} → ${value(after?.[name])}`,
  );
  return [`  ${SIGNS[op]} ${pairs(key)}`, ...changes];
}
