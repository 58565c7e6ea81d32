import {
  backupType,
  CofreError,
  optionalAuditEvent,
  type PartialBackupSettings,
  type RetentionSimulation,
  type SettingName,
  settingNames,
  type SettingsDocument,
  type SettingsPlace,
} from '@cofre/contracts';
import { resolveSettings, simulateRetention, updateSettings } from '@cofre/services';
import { parseNow } from '../durations.ts';
import { textTable } from '../output/text-table.ts';
import { counted, formatBytes, formatTime, shortId } from '../output/words.ts';
import { type Command, present, type Run } from '../run.ts';
import { oneOf } from './backup.ts';

export const policyShow: Command = async (run) => {
  const document = await resolveSettings(await run.composition.service(), placeOf(run));
  run.print(document, () => describe(document));
  return undefined;
};

export const policySet: Command = async (run) => {
  const unset = namesToUnset(run);
  const set = settingsOf(run);
  if (Object.keys(set).length === 0 && unset.length === 0) {
    throw new CofreError('usage/invalid', 'Say what to set, or --unset it. Nothing was changed.');
  }
  const document = await updateSettings(await run.composition.service(), { place: placeOf(run), set, unset });
  run.print(document, () => describe(document));
  return undefined;
};

export const policySimulate: Command = async (run) => {
  const simulation = await simulateRetention(await run.composition.service(), {
    place: placeOf(run),
    set: settingsOf(run),
    ...present('now', parseNow(run.text('now'))),
  });
  run.print(simulation, () => describeSimulation(simulation));
  return undefined;
};

function placeOf(run: Run): SettingsPlace {
  return { ...present('implementation', run.text('implementation')), ...present('module', run.text('module')) };
}

function settingsOf(run: Run): PartialBackupSettings {
  const skip = run.text('skipUnchanged');
  const audit = auditOf(run);
  return {
    ...present('schedule', orNull(run.text('schedule'))),
    ...present('timeZone', run.text('timeZone')),
    ...present('defaultType', oneOf(run, 'type', backupType)),
    ...present('skipUnchanged', skip === undefined ? undefined : onOrOff('skip-unchanged', skip)),
    ...present('retentionDays', countOrNull(run, 'retentionDays')),
    ...present('keepLast', countOrNull(run, 'keepLast')),
    ...present('minimumKept', run.integer('minimumKept')),
    ...present('safetyDays', run.integer('safetyDays')),
    ...present('orphanGraceDays', run.integer('orphanGraceDays')),
    ...present('overdueGraceMinutes', run.integer('overdueGraceMinutes')),
    ...present('spaceFreedThresholdBytes', run.integer('spaceFreedThresholdBytes')),
    ...present('audit', audit),
  };
}

/** `none` takes a value away here, even where another place sets one; `--unset` inherits it again. */
function orNull(text: string | undefined): string | null | undefined {
  return text === 'none' ? null : text;
}

function countOrNull(run: Run, name: string): number | null | undefined {
  return run.text(name) === 'none' ? null : run.integer(name);
}

function onOrOff(name: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new CofreError('usage/invalid', `--${name} takes on or off, not "${text}". Nothing was changed.`);
}

function auditOf(run: Run): PartialBackupSettings['audit'] {
  const given = run.list('audit');
  if (given === undefined) return undefined;
  const entries = given.map((text) => {
    const [name, value = ''] = text.split('=');
    const event = optionalAuditEvent.safeParse(name);
    if (event.success) return [event.data, onOrOff(`audit ${event.data}=`, value)] as const;
    const events = optionalAuditEvent.options.join(', ');
    throw new CofreError('usage/invalid', `--audit takes EVENT=on or EVENT=off. Nothing was changed.`, {
      hint: `The events are ${events}; all others are always logged.`,
    });
  });
  return Object.fromEntries(entries);
}

/** `retention-days` for `retentionDays`, as the options are named. */
function flagOf(name: SettingName): string {
  return name === 'defaultType' ? 'type' : name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function namesToUnset(run: Run): SettingName[] {
  return (run.list('unset') ?? []).map((flag) => {
    const name = settingNames.find((it) => flagOf(it) === flag);
    if (name !== undefined) return name;
    throw new CofreError('usage/invalid', `There is no setting ${flag}. Nothing was changed.`, {
      hint: `They are ${settingNames.map(flagOf).join(', ')}.`,
    });
  });
}

function describe({ place, settings, sources, nextRuns }: SettingsDocument): string {
  const where = place.implementation ?? (place.module === undefined ? 'everything' : `the module ${place.module}`);
  const rows = settingNames.map((name) => [flagOf(name), printed(name, settings), sources[name] ?? '–']);
  const runs = nextRuns.map(formatTime).join(', ');
  return [
    `In force for ${where}:`,
    textTable(['SETTING', 'VALUE', 'SET BY'], rows),
    nextRuns.length === 0 ? 'Nothing is backed up by itself.' : `The next backups: ${runs}.`,
  ].join('\n');
}

function printed(name: SettingName, settings: SettingsDocument['settings']): string {
  const value = settings[name];
  if (name === 'spaceFreedThresholdBytes') return formatBytes(settings.spaceFreedThresholdBytes);
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value !== 'object') return String(value);
  const off = Object.entries(value).filter(([, isOn]) => !isOn);
  return off.length === 0 ? 'all on' : `off: ${off.map(([event]) => event).join(', ')}`;
}

function describeSimulation({ items, kept, removed, removedBytes, now }: RetentionSimulation): string {
  const sum = `Clean-up at ${formatTime(now)} would keep ${counted(kept, 'backup')} and remove ${counted(removed, 'backup')} (${formatBytes(removedBytes)} stored by them). Nothing was changed.`;
  if (items.length === 0) return 'There are no backups here.';
  const rows = items.map(({ backupId, implementation, createdAt, expiresAt, verdict, reason }) => [
    shortId(backupId),
    implementation,
    formatTime(createdAt),
    formatTime(expiresAt),
    verdict,
    reason,
  ]);
  return `${textTable(['ID', 'IMPLEMENTATION', 'MADE', 'EXPIRES', 'VERDICT', 'BECAUSE'], rows)}\n${sum}`;
}
