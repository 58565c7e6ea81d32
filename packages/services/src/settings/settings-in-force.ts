import type { BackupSettings, ImplementationRef } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { mergeSettings } from './merge-settings.ts';
import { layersOf } from './settings-rows.ts';

/** What is in force for an implementation; null: for what belongs to none. */
export async function settingsInForce(catalogue: Catalogue, ref: ImplementationRef | null): Promise<BackupSettings> {
  return mergeSettings(await layersOf(catalogue, ref)).settings;
}
