import type { BackupSettings } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { findImplementation, type ImplementationFacts } from '../modules/find-implementation.ts';
import { isCofreError } from '@cofre/contracts';
import { mergeSettings } from '../settings/merge-settings.ts';
import { readLayers } from '../settings/settings-rows.ts';

export interface Scheduled {
  readonly facts: ImplementationFacts;
  readonly settings: BackupSettings;
}

/** An implementation that is due, as it is now; null: it was deleted meanwhile. */
export async function findScheduled(catalogue: Catalogue, implementationId: string): Promise<Scheduled | null> {
  const facts = await findImplementation(catalogue, implementationId).catch((error: unknown) => {
    if (isCofreError(error, 'implementation/not-found')) return null;
    throw error;
  });
  if (facts === null) return null;
  const layers = await readLayers(catalogue, { implementationId, moduleId: facts.moduleId });
  return { facts, settings: mergeSettings(layers).settings };
}
