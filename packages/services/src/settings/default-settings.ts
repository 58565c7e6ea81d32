import type { BackupSettings } from '@cofre/contracts';

/** Where nobody has set anything. Nothing runs by itself, and clean-up removes no backup that nobody gave an end. */
export const DEFAULT_SETTINGS: BackupSettings = {
  schedule: null,
  timeZone: 'UTC',
  defaultType: 'full',
  skipUnchanged: false,
  retentionDays: null,
  keepLast: null,
  minimumKept: 1,
  safetyDays: 14,
  orphanGraceDays: 30,
  overdueGraceMinutes: 60,
  spaceFreedThresholdBytes: 1_000_000_000,
  audit: {},
};
