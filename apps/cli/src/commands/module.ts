import { readFile } from 'node:fs/promises';
import { CofreError } from '@cofre/contracts';
import { applyDefinition, discoverModule, listModules, showModule } from '@cofre/services';
import { textTable } from '../output/text-table.ts';
import { counted, formatTime } from '../output/words.ts';
import type { Command } from '../run.ts';
import { implementationTable } from './implementation.ts';

export const moduleDiscover: Command = async (run) => {
  const name = run.text('name');
  const root = run.text('root') ?? '';
  const found = await discoverModule(await run.composition.service(), name === undefined ? { root } : { root, name });
  run.print(found, () => found.yaml.trimEnd());
  return undefined;
};

export const moduleApply: Command = async (run) => {
  const file = run.operand(0);
  const source = await readDefinition(file);
  const applied = await applyDefinition(await run.composition.service(), { source });
  run.print(applied, () => {
    const { module, revision, changed, tables, warnings } = applied;
    const done = changed
      ? `The module ${module} now has the definition in ${file}: ${counted(tables, 'table')}, revision ${revision}.`
      : `The module ${module} has this definition already (revision ${revision}); nothing was changed.`;
    return [done, ...warnings].join('\n');
  });
  return undefined;
};

export const moduleList: Command = async (run) => {
  const modules = await listModules(await run.composition.service());
  run.print({ items: modules }, () => {
    if (modules.length === 0) return 'There is no module yet; `cofre module apply FILE` adds one.';
    const rows = modules.map(({ slug, name, tables, implementations, revision, updatedAt }) => [
      slug,
      name,
      revision === null ? 'none' : counted(tables, 'table'),
      String(implementations),
      formatTime(updatedAt),
    ]);
    return textTable(['MODULE', 'NAME', 'DEFINITION', 'IMPLEMENTATIONS', 'CHANGED'], rows, {
      right: ['IMPLEMENTATIONS'],
    });
  });
  return undefined;
};

export const moduleShow: Command = async (run) => {
  const module = await showModule(await run.composition.service(), { module: run.operand(0) });
  run.print(module, () =>
    [
      `${module.name} (${module.slug}), ${module.revision === null ? 'no definition' : `revision ${module.revision}, changed ${formatTime(module.updatedAt)}`}`,
      ...(module.source === null ? [] : ['', module.source.trimEnd()]),
      '',
      module.implementationList.length === 0
        ? 'It has no implementation yet; `cofre implementation add` adds one.'
        : implementationTable(module.implementationList),
    ].join('\n'),
  );
  return undefined;
};

async function readDefinition(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new CofreError('usage/invalid', `The file ${file} cannot be read${why}. Nothing was changed.`, {
      cause: error,
    });
  }
}
