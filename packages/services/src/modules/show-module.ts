import { definition as definitionSchema, type ModuleDetailDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { listImplementations } from './list-implementations.ts';
import { moduleQuery, toModuleDocument } from './list-modules.ts';
import { moduleNotFound } from './not-found.ts';

/** A module with its definition and its implementations. Throws `module/not-found`. */
export async function showModule(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: { readonly module: string },
): Promise<ModuleDetailDocument> {
  const context = await authorize(caller, 'showModule', { name: input.module });
  const row = await moduleQuery(context).where('m.slug', '=', input.module).executeTakeFirst();
  if (row === undefined) {
    throw moduleNotFound(input.module);
  }
  return {
    ...toModuleDocument(row),
    definition: row.definition === null ? null : definitionSchema.parse(row.definition),
    source: row.source,
    implementationList: [...(await listImplementations(context, { module: row.slug }))],
  };
}
