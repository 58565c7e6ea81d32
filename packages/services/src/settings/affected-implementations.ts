import type { BackupSettings } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { Place } from './find-place.ts';
import { mergeSettings } from './merge-settings.ts';
import { AllSettings } from './settings-rows.ts';

export interface NamedImplementation {
  readonly id: string;
  readonly moduleId: string;
  readonly module: string;
  readonly key: string;
}

/** The implementations that settings of a place bear on. */
export async function implementationsUnder(
  catalogue: Catalogue,
  place: Pick<Place, 'implementationId' | 'moduleId'>,
): Promise<readonly NamedImplementation[]> {
  let query = catalogue
    .selectFrom('cofre.v_module_implementations as i')
    .innerJoin('cofre.v_base_modules as m', 'm.id', 'i.module_id')
    .select(['i.id', 'i.key', 'm.id as moduleId', 'm.slug as module']);
  if (place.implementationId !== undefined) query = query.where('i.id', '=', place.implementationId);
  else if (place.moduleId !== undefined) query = query.where('m.id', '=', place.moduleId);
  return query.orderBy('m.slug').orderBy('i.key').execute();
}

/** What is in force for each of these now, by id. */
export async function settingsOfAll(
  catalogue: Catalogue,
  implementations: readonly Pick<NamedImplementation, 'id' | 'moduleId'>[],
): Promise<ReadonlyMap<string, BackupSettings>> {
  const all = await AllSettings.read(catalogue);
  return new Map(
    implementations.map(({ id, moduleId }) => [
      id,
      mergeSettings(all.layers({ implementationId: id, moduleId })).settings,
    ]),
  );
}
