import { CofreError, type ImplementationDocument, rootKey } from '@cofre/contracts';
import { addImplementation, listImplementations } from '@cofre/services';
import { textTable } from '../output/text-table.ts';
import { formatTime, shortId } from '../output/words.ts';
import type { Command } from '../run.ts';

export const implementationAdd: Command = async (run) => {
  const [module, key] = [run.operand(0), run.operand(1)];
  const scope = parseScope(run.text('scope'));
  const name = run.text('name');
  const added = await addImplementation(await run.composition.service(), {
    module,
    key,
    ...(scope === undefined ? {} : { scope }),
    ...(name === undefined ? {} : { name }),
  });
  run.print(
    added,
    () => `${added.module}/${added.key} stands for ${JSON.stringify(added.scope)} (${shortId(added.id)}).`,
  );
  return undefined;
};

export const implementationList: Command = async (run) => {
  const items = await listImplementations(await run.composition.service());
  run.print({ items }, () =>
    items.length === 0
      ? 'There is no implementation yet; `cofre implementation add MODULE KEY` adds one.'
      : implementationTable(items),
  );
  return undefined;
};

export function implementationTable(items: readonly ImplementationDocument[]): string {
  const rows = items.map((item) => [
    shortId(item.id),
    `${item.module}/${item.key}`,
    item.name,
    item.scope === null ? 'none' : JSON.stringify(item.scope),
    String(item.backups),
    formatTime(item.lastBackupAt),
    formatTime(item.lastProvenAt),
    scheduleWords(item),
  ]);
  const headers = [
    'ID',
    'IMPLEMENTATION',
    'NAME',
    'SCOPE',
    'BACKUPS',
    'LAST BACKUP',
    'LAST PROVEN',
    'NEXT BY SCHEDULE',
  ];
  return textTable(headers, rows, { right: ['BACKUPS'] });
}

/** `2025-01-21 03:00, overdue, failed 3 times: storage/full` */
function scheduleWords({ nextBackupAt, overdue, failures, lastErrorCode }: ImplementationDocument): string {
  const failed = `failed ${failures === 1 ? 'once' : `${failures} times`}: ${lastErrorCode ?? 'unknown'}`;
  return [formatTime(nextBackupAt), ...(overdue ? ['overdue'] : []), ...(failures > 0 ? [failed] : [])].join(', ');
}

function parseScope(text: string | undefined) {
  if (text === undefined) return undefined;
  try {
    return rootKey.parse(JSON.parse(text));
  } catch (error) {
    throw new CofreError('usage/invalid', `--scope takes a JSON object of values, not ${text}. Nothing was changed.`, {
      hint: 'Write it like `--scope \'{"store_id": 1}\'`.',
      cause: error,
    });
  }
}
