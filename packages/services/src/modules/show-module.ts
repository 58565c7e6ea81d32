import { CofreError, definition as definitionSchema, type ModuleDetailDocument } from '@cofre/contracts';
import type { ServiceContext } from '../service-context.ts';
import { listImplementations } from './list-implementations.ts';
import { moduleQuery, toModuleDocument } from './list-modules.ts';

/** A module with its definition and its implementations. Throws `module/not-found`. */
export async function showModule(
  context: Pick<ServiceContext, 'catalogue'>,
  input: { readonly module: string },
): Promise<ModuleDetailDocument> {
  const row = await moduleQuery(context).where('m.slug', '=', input.module).executeTakeFirst();
  if (row === undefined) {
    throw new CofreError('module/not-found', `There is no module ${input.module}.`, {
      params: { module: input.module },
    });
  }
  return {
    ...toModuleDocument(row),
    definition: row.definition === null ? null : definitionSchema.parse(row.definition),
    source: row.source,
    implementationList: [...(await listImplementations(context, { module: row.slug }))],
  };
}
