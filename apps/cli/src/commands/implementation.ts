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
  const rows = items.map(({ id, module, key, name, scope, backups, lastBackupAt }) => [
    shortId(id),
    `${module}/${key}`,
    name,
    scope === null ? 'none' : JSON.stringify(scope),
    String(backups),
    formatTime(lastBackupAt),
  ]);
  return textTable(['ID', 'IMPLEMENTATION', 'NAME', 'SCOPE', 'BACKUPS', 'LAST BACKUP'], rows, { right: ['BACKUPS'] });
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
