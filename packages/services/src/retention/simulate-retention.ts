import {
  type BackupSettings,
  type PartialBackupSettings,
  parseInput,
  type RetentionSimulation,
  type SimulateRetentionInput,
  simulateRetentionInput,
} from '@cofre/contracts';
import { authorize, type Caller } from '../access/authorize.ts';
import { findPlace, placeName } from '../settings/find-place.ts';
import { chooseRemovals } from './choose-removals.ts';
import { policyExpiry } from './compute-expiry.ts';
import { readRetained, type RetainedGroup, type RetainedRow } from './read-retained.ts';

/** What clean-up would keep and remove, and why, with the settings in force or with others. Changes nothing. */
export async function simulateRetention(caller: Caller, input: SimulateRetentionInput): Promise<RetentionSimulation> {
  const { place: named, set, now: at } = parseInput(simulateRetentionInput, input);
  const context = await authorize(caller, 'simulateRetention', { name: placeName(named) });
  const place = await findPlace(caller.catalogue, named);
  const now = at === undefined ? context.clock.now() : new Date(at);
  const groups = await readRetained(context.catalogue, {
    names: caller.catalogue,
    implementationId: place.implementationId,
    module: place.document.scope === 'module' ? place.document.module : undefined,
  });
  const items = groups.flatMap((group) => judge(group, { set, now }));
  const removed = items.filter(({ verdict }) => verdict === 'remove');
  return {
    now: now.toISOString(),
    kept: items.length - removed.length,
    removed: removed.length,
    removedBytes: removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    items: items.map(({ sizeBytes: _, ...item }) => item),
  };
}

function judge(
  { ref, settings: inForce, implementation, backups }: RetainedGroup,
  { set, now }: { readonly set: PartialBackupSettings; readonly now: Date },
) {
  const given = Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
  const settings: BackupSettings = { ...inForce, ...given };
  const imagined = backups.map((backup) => ({ ...backup, expiresAt: expiryThen(backup, settings) }));
  const verdicts = chooseRemovals({
    settings,
    now,
    backups: imagined,
    implementation: {
      held: implementation.held,
      goneSince: implementation.isGone ? (implementation.goneSince ?? now) : null,
    },
  });
  const byId = new Map(imagined.map((backup) => [backup.id, backup]));
  return verdicts.map(({ id, verdict, reason }) => {
    const backup = byId.get(id);
    return {
      backupId: id,
      implementation: `${ref.module}/${ref.key}`,
      createdAt: (backup?.createdAt ?? now).toISOString(),
      expiresAt: backup?.expiresAt?.toISOString() ?? null,
      verdict,
      reason,
      sizeBytes: backup?.sizeBytes ?? 0,
    };
  });
}

/** As it will be recomputed when the settings are changed; a hold is never shortened, but then it is not asked either. */
function expiryThen(backup: RetainedRow, settings: BackupSettings): Date | null {
  return backup.expirySource === 'policy' ? policyExpiry(settings, backup) : backup.expiresAt;
}
