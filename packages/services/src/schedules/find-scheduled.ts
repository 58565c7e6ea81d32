import { type BackupSettings, type ImplementationRef, implementationId } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { factsOf, findRows, type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { AllSettings } from '../settings/settings-rows.ts';

/** An implementation that is due, as it is now. */
export interface Scheduled {
  readonly ref: ImplementationRef;
  readonly settings: BackupSettings;
  /** Throws what is wrong with it: `definition/invalid`, `module/not-found`, `implementation/scope-missing`. */
  readonly slice: () => SliceInputs;
}

/** By the id of the implementation; one that was deleted meanwhile is not among them. */
export async function findScheduled(
  catalogue: Catalogue,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Scheduled>> {
  if (ids.length === 0) return new Map();
  const rows = await findRows(catalogue, ids);
  const settings = await AllSettings.read(catalogue, ids);
  return new Map(
    rows.map((row): [string, Scheduled] => [
      row.id,
      {
        ref: { id: implementationId.parse(row.id), module: row.module, key: row.key },
        settings: mergeSettings(settings.layers({ implementationId: row.id, moduleId: row.module_id })).settings,
        slice: () => sliceInputsOf(factsOf(row)),
      },
    ]),
  );
}
