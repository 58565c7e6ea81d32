import {
  type BackupSettings,
  backupSettings,
  type PartialBackupSettings,
  type SettingName,
  settingNames,
  type SettingSource,
} from '@cofre/contracts';
import { DEFAULT_SETTINGS } from './default-settings.ts';

/** What each place sets; null where it sets nothing. */
export type SettingsLayers = Readonly<Record<Exclude<SettingSource, 'default'>, PartialBackupSettings>>;

export interface MergedSettings {
  readonly settings: BackupSettings;
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
}

const ORDER = ['global', 'module', 'implementation'] as const;

/** Implementation before module before global before the defaults, value by value; of `audit` event by event. */
export function mergeSettings(layers: SettingsLayers): MergedSettings {
  let settings: BackupSettings = DEFAULT_SETTINGS;
  const sources = Object.fromEntries(settingNames.map((name) => [name, 'default'])) as Record<
    SettingName,
    SettingSource
  >;
  for (const source of ORDER) {
    const own = layers[source];
    const set = settingNames.filter((name) => own[name] !== undefined);
    const values = Object.fromEntries(set.map((name) => [name, own[name]])) as Partial<BackupSettings>;
    settings = { ...settings, ...values, audit: { ...settings.audit, ...own.audit } };
    for (const name of set) sources[name] = source;
  }
  return { settings, sources };
}

/** What a row of the catalogue sets. Values that this version does not know, or that somebody wrote past it, are inherited. */
export function readPartialSettings(value: unknown): PartialBackupSettings {
  if (typeof value !== 'object' || value === null) return {};
  const entries = Object.entries(value).flatMap(([name, raw]) => {
    const schema = Object.hasOwn(backupSettings.shape, name) ? backupSettings.shape[name as SettingName] : undefined;
    const parsed = schema?.safeParse(raw);
    return parsed?.success === true ? [[name, parsed.data] as const] : [];
  });
  return Object.fromEntries(entries) as PartialBackupSettings;
}
