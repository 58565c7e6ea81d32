import { definition as definitionSchema, type ModuleDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';

/** Every module of the platform, with or without a definition. */
export async function listModules(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
): Promise<readonly ModuleDocument[]> {
  const context = await authorize(caller, 'listModules');
  const rows = await moduleQuery(context).orderBy('m.slug').execute();
  return rows.map(toModuleDocument);
}

export function moduleQuery(context: Pick<ServiceContext, 'catalogue'>) {
  return context.catalogue
    .selectFrom('cofre.v_base_modules as m')
    .leftJoin('cofre.module_definitions as d', 'd.module_id', 'm.id')
    .select((eb) => [
      'm.id',
      'm.slug',
      'm.name',
      'd.definition',
      'd.source',
      'd.revision',
      'd.updated_at',
      eb
        .selectFrom('cofre.v_module_implementations as i')
        .whereRef('i.module_id', '=', 'm.id')
        .select((inner) => inner.fn.countAll<number>().as('count'))
        .as('implementations'),
    ]);
}

export function toModuleDocument(
  row: Awaited<ReturnType<ReturnType<typeof moduleQuery>['executeTakeFirstOrThrow']>>,
): ModuleDocument {
  return {
    slug: row.slug,
    name: row.name,
    tables: row.definition === null ? 0 : definitionSchema.parse(row.definition).tables.length,
    implementations: row.implementations ?? 0,
    revision: row.revision,
    updatedAt: row.updated_at?.toISOString() ?? null,
  };
}
