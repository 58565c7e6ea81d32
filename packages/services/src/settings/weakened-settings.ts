import { type BackupSettings, optionalAuditEvent, type SettingName } from '@cofre/contracts';
import { runsIfAny } from '../schedules/schedule.ts';

/** Time in which the runs of two schedules are counted against each other; no schedule in use fires more rarely. */
const COMPARED_RUNS_MAX = 400;

/** The settings that protect less than they did: what administrators are told, whoever changed it. */
export function weakenedSettings(before: BackupSettings, after: BackupSettings, now: Date): readonly SettingName[] {
  const weakened: SettingName[] = [];
  const rule = (name: SettingName, isWeaker: boolean) => {
    if (isWeaker) weakened.push(name);
  };
  rule('schedule', isRarer(before, after, now));
  rule('skipUnchanged', !before.skipUnchanged && after.skipUnchanged);
  rule('retentionDays', isShorterRetention(before, after));
  rule('keepLast', isFewerKept(before, after));
  rule('minimumKept', after.minimumKept < before.minimumKept);
  rule('safetyDays', after.safetyDays < before.safetyDays);
  rule('orphanGraceDays', after.orphanGraceDays < before.orphanGraceDays);
  rule('overdueGraceMinutes', after.overdueGraceMinutes > before.overdueGraceMinutes);
  rule('spaceFreedThresholdBytes', after.spaceFreedThresholdBytes > before.spaceFreedThresholdBytes);
  rule('defaultType', before.defaultType !== 'config_only' && after.defaultType === 'config_only');
  rule(
    'audit',
    optionalAuditEvent.options.some((event) => before.audit[event] !== false && after.audit[event] === false),
  );
  return weakened;
}

const hasNoRule = ({ retentionDays, keepLast }: BackupSettings) => retentionDays === null && keepLast === null;

/** A backup stays where any rule keeps it: a rule that goes weakens only what another rule still removes. */
function isShorterRetention(before: BackupSettings, after: BackupSettings): boolean {
  if (after.retentionDays === null) return before.retentionDays !== null && !hasNoRule(after);
  return hasNoRule(before) || (before.retentionDays !== null && after.retentionDays < before.retentionDays);
}

function isFewerKept(before: BackupSettings, after: BackupSettings): boolean {
  if (after.keepLast === null) return before.keepLast !== null && !hasNoRule(after);
  return hasNoRule(before) || (before.keepLast !== null && after.keepLast < before.keepLast);
}

function isRarer(before: BackupSettings, after: BackupSettings, now: Date): boolean {
  if (before.schedule === null) return false;
  if (after.schedule === null) return true;
  const runs = (settings: BackupSettings) =>
    runsIfAny(
      { schedule: settings.schedule ?? '', timeZone: settings.timeZone },
      { after: now, count: COMPARED_RUNS_MAX },
    );
  // How long as many runs take: the longer, the rarer.
  const [old, fresh] = [runs(before), runs(after)];
  const count = Math.min(old.length, fresh.length);
  const [oldEnd, freshEnd] = [old[count - 1], fresh[count - 1]];
  if (oldEnd === undefined || freshEnd === undefined) return old.length > fresh.length;
  const dayMs = 86_400_000;
  return freshEnd.getTime() - now.getTime() > (oldEnd.getTime() - now.getTime()) * 1.01 + dayMs;
}
