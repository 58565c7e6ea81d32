import {
  type BackupSettings,
  CofreError,
  type PartialBackupSettings,
  parseInput,
  type SettingsDocument,
  settingNames,
  type UpdateSettingsInput,
  updateSettingsInput,
} from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { notify } from '../notifications/notify.ts';
import { recomputeExpiry } from '../retention/recompute-expiry.ts';
import { requireSchedule } from '../schedules/schedule.ts';
import { settleNextBackup } from '../schedules/settle-next-backups.ts';
import type { ServiceContext } from '../service-context.ts';
import { implementationsUnder, type NamedImplementation, settingsOfAll } from './affected-implementations.ts';
import { findPlace, type Place, placeName } from './find-place.ts';
import { mergeSettings } from './merge-settings.ts';
import { settingsDocumentOf } from './resolve-settings.ts';
import { readLayers, readRow } from './settings-rows.ts';
import { weakenedSettings } from './weakened-settings.ts';

type UpdateContext = Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>;

/**
 * Changes what a place sets. The next backups and the ends of existing ones follow at once, in the same transaction; a
 * hold is never shortened. Settings that protect less than before are told to administrators.
 */
export async function updateSettings(caller: UpdateContext, input: UpdateSettingsInput): Promise<SettingsDocument> {
  const { place: named, set, unset, revision } = parseInput(updateSettingsInput, input);
  const context = await authorize(caller, 'updateSettings', { name: placeName(named) });
  const place = await findPlace(caller.catalogue, named);
  const implementations = await implementationsUnder(caller.catalogue, place);
  await context.catalogue.transaction().execute(async (transaction) => {
    const row = await readRow(transaction, place.subject, 'for-update');
    if (revision !== undefined && revision !== row.revision) throw changedMeanwhile(place, row.revision);
    const before = await inForce(transaction, { place, implementations });
    const own = changed(row.own, { set, unset });
    await writeOwn({ ...context, catalogue: transaction }, { place, own });
    const after = await inForce(transaction, { place, implementations });
    requirePossible(after.place, context.clock.now());
    await followUp({ ...context, catalogue: transaction }, { place, before, after });
  });
  return settingsDocumentOf(context, place);
}

function changed(
  own: PartialBackupSettings,
  { set, unset }: { readonly set: PartialBackupSettings; readonly unset: readonly string[] },
): PartialBackupSettings {
  const kept = Object.entries(own).filter(([name]) => !unset.includes(name));
  const result: PartialBackupSettings = { ...Object.fromEntries(kept), ...set };
  // Events are set one by one: naming one leaves the others as they were.
  return set.audit === undefined || own.audit === undefined || unset.includes('audit')
    ? result
    : { ...result, audit: { ...own.audit, ...set.audit } };
}

async function writeOwn(
  context: UpdateContext,
  { place, own }: { readonly place: Place; readonly own: PartialBackupSettings },
): Promise<void> {
  const { catalogue, actor, clock } = context;
  const now = clock.now();
  const values = {
    settings: JSON.stringify(own),
    updated_at: now,
    updated_by: actor.kind === 'person' ? actor.userId : null,
    updated_by_name: actor.name,
  };
  await catalogue
    .insertInto('cofre.backup_settings')
    .values({ scope: place.subject.scope, subject_id: place.subject.subjectId, created_at: now, ...values })
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'subject_id'])
        .doUpdateSet((eb) => ({ ...values, revision: eb('cofre.backup_settings.revision', '+', 1) })),
    )
    .execute();
}

interface InForce {
  readonly place: BackupSettings;
  readonly implementations: ReadonlyMap<string, BackupSettings>;
}

async function inForce(
  catalogue: Catalogue,
  which: { readonly place: Place; readonly implementations: readonly NamedImplementation[] },
): Promise<InForce> {
  return {
    place: mergeSettings(await readLayers(catalogue, which.place)).settings,
    implementations: await settingsOfAll(catalogue, which.implementations),
  };
}

/** Also for a time zone that is set where the schedule is inherited. */
function requirePossible({ schedule, timeZone }: BackupSettings, now: Date): void {
  requireSchedule({ schedule: schedule ?? '@daily', timeZone }, now);
}

interface Change {
  readonly place: Place;
  readonly before: InForce;
  readonly after: InForce;
}

async function followUp(context: UpdateContext, { place, before, after }: Change): Promise<void> {
  const now = context.clock.now();
  let recomputed = 0;
  for (const [implementationId, settings] of after.implementations) {
    const was = before.implementations.get(implementationId);
    recomputed += await followImplementation(context.catalogue, { implementationId, was, settings, now });
  }
  const weakened = weakenedSettings(before.place, after.place, now);
  const names = settingNames.filter((name) => JSON.stringify(before.place[name]) !== JSON.stringify(after.place[name]));
  const values = (settings: BackupSettings) => Object.fromEntries(names.map((name) => [name, settings[name]]));
  await audit(context, {
    action: 'UPDATE_BACKUP_POLICY',
    resource: { type: `settings/${place.subject.scope}`, id: place.subject.subjectId },
    details: {
      place: place.document,
      before: values(before.place),
      after: values(after.place),
      weakened,
      backupsRecomputed: recomputed,
    },
  });
  if (weakened.length === 0) return;
  await notify(context, {
    kind: 'settings-weakened',
    severity: 'warning',
    key: `settings-weakened ${place.subject.scope} ${place.subject.subjectId}`,
    params: { place: place.document, weakened, by: context.actor.name },
  });
}

async function followImplementation(
  catalogue: Catalogue,
  change: {
    readonly implementationId: string;
    readonly was: BackupSettings | undefined;
    readonly settings: BackupSettings;
    readonly now: Date;
  },
): Promise<number> {
  const { implementationId, was, settings, now } = change;
  if (was?.schedule !== settings.schedule || was.timeZone !== settings.timeZone) {
    await settleNextBackup(catalogue, { implementationId, settings, now });
  }
  if (was?.retentionDays === settings.retentionDays && was.safetyDays === settings.safetyDays) return 0;
  return recomputeExpiry(catalogue, { implementationId, settings });
}

function changedMeanwhile(place: Place, revision: number): CofreError {
  return new CofreError(
    'settings/changed-meanwhile',
    `The settings have revision ${revision} by now. Nothing was changed.`,
    { params: { scope: place.subject.scope, revision } },
  );
}
