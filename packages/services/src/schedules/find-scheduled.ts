import { type BackupSettings, type ImplementationRef, implementationId } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { factsOf, findRow, type SliceInputs, sliceInputsOf } from '../modules/find-implementation.ts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { readLayers } from '../settings/settings-rows.ts';

/** An implementation that is due, as it is now. */
export interface Scheduled {
  readonly ref: ImplementationRef;
  readonly settings: BackupSettings;
  /** Throws what is wrong with it: `definition/invalid`, `module/not-found`, `implementation/scope-missing`. */
  readonly slice: () => SliceInputs;
}

/** null: it was deleted meanwhile. */
export async function findScheduled(catalogue: Catalogue, id: string): Promise<Scheduled | null> {
  const row = await findRow(catalogue, id);
  if (row === null) return null;
  const layers = await readLayers(catalogue, { implementationId: id, moduleId: row.module_id });
  return {
    ref: { id: implementationId.parse(row.id), module: row.module, key: row.key },
    settings: mergeSettings(layers).settings,
    slice: () => sliceInputsOf(factsOf(row)),
  };
}
