import { parseInput, type SettingsDocument, type SettingsPlace, settingsPlace } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { runsIfAny } from '../schedules/schedule.ts';
import type { ServiceContext } from '../service-context.ts';
import { findPlace, type Place, placeName } from './find-place.ts';
import { mergeSettings } from './merge-settings.ts';
import { readLayers, readRow } from './settings-rows.ts';

/** What is in force for an implementation, a module or all, and where each value comes from. */
export async function resolveSettings(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: SettingsPlace,
): Promise<SettingsDocument> {
  const named = parseInput(settingsPlace, input);
  const context = await authorize(caller, 'resolveSettings', { name: placeName(named) });
  // The platform's tables may have policies of the application's own: names are looked up with the service's rights.
  const place = await findPlace(caller.catalogue, named);
  return settingsDocumentOf(context, place);
}

const RUNS_SHOWN = 5;

export async function settingsDocumentOf(
  { catalogue, clock }: Pick<ServiceContext, 'catalogue' | 'clock'>,
  place: Place,
): Promise<SettingsDocument> {
  const layers = await readLayers(catalogue, place);
  const { own, revision } = await readRow(catalogue, place.subject);
  const { settings, sources } = mergeSettings(layers);
  const { schedule, timeZone } = settings;
  const runs = schedule === null ? [] : runsIfAny({ schedule, timeZone }, { after: clock.now(), count: RUNS_SHOWN });
  return {
    place: place.document,
    settings,
    sources: { ...sources },
    own,
    revision,
    nextRuns: runs.map((run) => run.toISOString()),
  };
}
