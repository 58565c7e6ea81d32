import { z } from 'zod';
import { backupType } from './documents.ts';
import { implementationReference } from './inputs.ts';

/** Audit events that a setting may switch off; all others are always logged. */
export const optionalAuditEvent = z.enum([
  'CREATE_MODULE_BACKUP',
  'VERIFY_MODULE_BACKUP',
  'PREVIEW_MODULE_RESTORE',
  'SCHEDULED_BACKUPS_EXECUTED',
  'UPDATE_MODULE_DEFINITION',
]);
export type OptionalAuditEvent = z.infer<typeof optionalAuditEvent>;

const days = z.int().min(1).max(36_500);

/** What may be set for all, for a module, or for one implementation. */
export const backupSettings = z.strictObject({
  /** Cron with five fields, or a name like `@daily`; null: nothing is backed up by itself. */
  schedule: z.string().min(1).max(200).nullable(),
  /** IANA name in which the schedule is read: `America/Sao_Paulo`. */
  timeZone: z.string().min(1).max(100),
  /** Of scheduled backups. */
  defaultType: backupType,
  /** A scheduled backup of an unchanged slice is not kept. */
  skipUnchanged: z.boolean(),
  /** A backup stays for so long; null: age alone removes nothing. A backup stays where any rule keeps it; with no rule all stay. */
  retentionDays: days.nullable(),
  /** The newest so many stay, however old; null: there is no such rule. */
  keepLast: z.int().min(1).max(100_000).nullable(),
  /** The newest so many are never removed by clean-up, not even when somebody gave them an end. */
  minimumKept: z.int().min(0).max(1000),
  /** Backups that restores take before they write: outside of the counts above. */
  safetyDays: days,
  /** Backups of a deleted implementation stay at least so long after they would have gone or it went. */
  orphanGraceDays: days,
  /** A scheduled backup is overdue when it is so late. */
  overdueGraceMinutes: z.int().min(1).max(100_000),
  /** Administrators are told when one clean-up freed more. */
  spaceFreedThresholdBytes: z.int().min(0),
  audit: z.partialRecord(optionalAuditEvent, z.boolean()),
});
export type BackupSettings = z.infer<typeof backupSettings>;

export type SettingName = keyof BackupSettings;
export const settingNames = Object.keys(backupSettings.shape) as readonly SettingName[];

/** What one place sets: a name that is absent is inherited. */
export const partialBackupSettings = backupSettings.partial();
export type PartialBackupSettings = z.infer<typeof partialBackupSettings>;

/** Where a value comes from. */
export const settingSource = z.enum(['implementation', 'module', 'global', 'default']);
export type SettingSource = z.infer<typeof settingSource>;

/** The place that settings are of; none of the two: those for all. */
export const settingsPlace = z
  .strictObject({ implementation: implementationReference.optional(), module: z.string().min(1).max(200).optional() })
  .refine(({ implementation, module }) => implementation === undefined || module === undefined, {
    error: 'names an implementation and a module; only one of them',
  });
export type SettingsPlace = z.input<typeof settingsPlace>;

export const settingsDocument = z.strictObject({
  place: z.strictObject({
    scope: z.enum(['implementation', 'module', 'global']),
    implementation: z.string().optional(),
    module: z.string().optional(),
  }),
  settings: backupSettings,
  sources: z.record(z.string(), settingSource),
  /** What this place itself sets. */
  own: partialBackupSettings,
  /** Rises with each change of what this place sets; 0: it sets nothing. */
  revision: z.int().nonnegative(),
  /** The next times of the schedule, at most five. */
  nextRuns: z.array(z.iso.datetime()),
});
export type SettingsDocument = z.infer<typeof settingsDocument>;

export const updateSettingsInput = z.strictObject({
  place: settingsPlace,
  set: partialBackupSettings.default({}),
  /** Names that are inherited from now on. */
  unset: z.array(z.enum(settingNames)).default([]),
  /** As `settingsDocument` gave it: when somebody else changed them meanwhile, nothing is changed. */
  revision: z.int().nonnegative().optional(),
});
export type UpdateSettingsInput = z.input<typeof updateSettingsInput>;

export const simulateRetentionInput = z.strictObject({
  place: settingsPlace,
  /** As if these were set; nothing is changed. */
  set: partialBackupSettings.default({}),
  /** When clean-up is imagined to run; default: now. */
  now: z.iso.datetime().optional(),
});
export type SimulateRetentionInput = z.input<typeof simulateRetentionInput>;

/** Why clean-up would leave a backup. */
export const keepReason = z.enum([
  'held',
  'implementation-held',
  'minimum',
  'keep-last',
  'not-expired',
  'orphan-grace',
  'no-rule',
]);
export type KeepReason = z.infer<typeof keepReason>;

/** Why it would remove one. */
export const removeReason = z.enum(['expired', 'beyond-keep-last', 'safety-expired', 'orphan-expired']);
export type RemoveReason = z.infer<typeof removeReason>;

export const retentionSimulation = z.strictObject({
  now: z.iso.datetime(),
  kept: z.int().nonnegative(),
  removed: z.int().nonnegative(),
  /** Sum of what the removed ones stored; what is shared with others is not freed. */
  removedBytes: z.int().nonnegative(),
  items: z.array(
    z.strictObject({
      backupId: z.uuid(),
      implementation: z.string(),
      createdAt: z.iso.datetime(),
      expiresAt: z.iso.datetime().nullable(),
      verdict: z.enum(['keep', 'remove']),
      reason: z.union([keepReason, removeReason]),
    }),
  ),
});
export type RetentionSimulation = z.infer<typeof retentionSimulation>;
