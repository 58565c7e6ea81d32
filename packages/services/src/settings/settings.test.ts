import { type BackupSettings, settingsDocument } from '@cofre/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { listBackups } from '../backups/list-backups.ts';
import { releaseBackup } from '../backups/release-backup.ts';
import { showBackup } from '../backups/show-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { markNotifications } from '../notifications/mark-notifications.ts';
import { simulateRetention } from '../retention/simulate-retention.ts';
import { DEFAULT_SETTINGS } from './default-settings.ts';
import { resolveSettings } from './resolve-settings.ts';
import { updateSettings } from './update-settings.ts';
import { weakenedSettings } from './weakened-settings.ts';

const DAY_MS = 86_400_000;

describe.each(costlyTestServers())('settings on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    await addImplementation(service.context, { module: 'shop', key: 'two', scope: { store_id: 2 } });
    return { ...service, db };
  }
  const one = { implementation: 'shop/one' };
  const daysOf = ({ createdAt, expiresAt }: { readonly createdAt: string; readonly expiresAt: string | null }) =>
    expiresAt === null ? null : Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / DAY_MS);

  it('are resolved from implementation to module to all to the defaults, and say where each value comes from', async () => {
    const { context } = await shop();
    await updateSettings(context, {
      place: {},
      set: { retentionDays: 30, keepLast: 5, timeZone: 'America/Sao_Paulo' },
    });
    await updateSettings(context, { place: { module: 'shop' }, set: { retentionDays: 60, schedule: '0 3 * * *' } });
    await updateSettings(context, { place: one, set: { retentionDays: null, audit: { CREATE_MODULE_BACKUP: false } } });
    const document = await resolveSettings(context, one);
    expect(settingsDocument.parse(document)).toMatchObject({
      place: { scope: 'implementation', implementation: 'shop/one', module: 'shop' },
      settings: {
        retentionDays: null,
        keepLast: 5,
        schedule: '0 3 * * *',
        timeZone: 'America/Sao_Paulo',
        safetyDays: 14,
      },
      sources: {
        retentionDays: 'implementation',
        schedule: 'module',
        keepLast: 'global',
        timeZone: 'global',
        safetyDays: 'default',
      },
      own: { retentionDays: null },
      revision: 1,
    });
    expect(document.nextRuns).toHaveLength(5);
    // São Paulo is three hours behind.
    expect(document.nextRuns[0]).toMatch(/T06:00:00/);
    expect((await resolveSettings(context, { implementation: 'shop/two' })).settings.retentionDays).toBe(60);
    const inherited = await updateSettings(context, { place: one, unset: ['retentionDays'] });
    expect(inherited).toMatchObject({
      settings: { retentionDays: 60 },
      sources: { retentionDays: 'module' },
      revision: 2,
    });
    await expect(resolveSettings(context, { implementation: 'shop/none' })).rejects.toMatchObject({
      code: 'implementation/not-found',
    });
    await expect(resolveSettings(context, { module: 'none' })).rejects.toMatchObject({ code: 'module/not-found' });
  });

  it('a schedule makes implementations due, each in its place; one that goes away takes that back', async () => {
    const { context, db } = await shop();
    const due = async () =>
      (
        await db.query(`SELECT i.key, s.next_backup_at FROM module_implementations i
          LEFT JOIN cofre.implementation_settings s ON s.implementation_id = i.id ORDER BY i.key`)
      ).rows.map(({ next_backup_at: next }) => next?.toISOString().slice(11, 16) ?? null);
    await updateSettings(context, { place: { module: 'shop' }, set: { schedule: '30 4 * * *' } });
    await updateSettings(context, { place: one, set: { schedule: '15 5 * * *' } });
    expect(await due()).toEqual(['05:15', '04:30']);
    await updateSettings(context, { place: { module: 'shop' }, set: { timeZone: 'America/Sao_Paulo' } });
    expect(await due()).toEqual(['08:15', '07:30']);
    await updateSettings(context, { place: one, set: { schedule: null } });
    expect(await due()).toEqual([null, '07:30']);
  });

  it.each([
    ['not cron at all', 'whenever', 'UTC'],
    ['six fields', '0 0 3 * * *', 'UTC'],
    ['the thirtieth of February', '0 0 30 2 *', 'UTC'],
    ['a minute that no hour has', '61 * * * *', 'UTC'],
    ['a place that no clock has', '0 3 * * *', 'America/Atlantis'],
  ])('an impossible schedule is refused, and nothing is changed: %s', async (_what, schedule, timeZone) => {
    const { context } = await shop();
    await expect(updateSettings(context, { place: {}, set: { schedule, timeZone } })).rejects.toMatchObject({
      code: 'settings/invalid-schedule',
      params: { schedule, timeZone },
    });
    expect(await resolveSettings(context, {})).toMatchObject({ revision: 0, settings: DEFAULT_SETTINGS });
  });

  it('two who change the same settings: the second is told when it says what it had seen', async () => {
    const { context } = await shop();
    await updateSettings(context, { place: {}, set: { keepLast: 3 }, revision: 0 });
    await expect(updateSettings(context, { place: {}, set: { keepLast: 4 }, revision: 0 })).rejects.toMatchObject({
      code: 'settings/changed-meanwhile',
    });
    await updateSettings(context, { place: {}, set: { keepLast: 4 }, revision: 1 });
  });

  it('a backup ends as the settings have it, unless somebody said when; changed settings change the ends', async () => {
    const { context } = await shop();
    await updateSettings(context, { place: {}, set: { retentionDays: 30 } });
    const byPolicy = await createBackup(context, { ...one, type: 'config_only' });
    const never = await createBackup(context, { ...one, type: 'config_only', expiresAt: null });
    const soon = new Date(Date.parse(byPolicy.createdAt) + DAY_MS).toISOString();
    const explicit = await createBackup(context, { ...one, type: 'config_only', expiresAt: soon });
    expect([daysOf(byPolicy), never.expiresAt, explicit.expiresAt]).toEqual([30, null, soon]);
    await updateSettings(context, { place: { module: 'shop' }, set: { retentionDays: 7 } });
    const ends = async () => {
      const { items } = await listBackups(context, { sort: 'oldest' });
      return items.map(daysOf);
    };
    expect(await ends()).toEqual([7, null, 1]);
    await updateSettings(context, { place: one, set: { retentionDays: null } });
    expect(await ends()).toEqual([null, null, 1]);
  });

  it('a hold is never shortened by settings, and what they meant holds once it is released', async () => {
    const { context } = await shop();
    await updateSettings(context, { place: {}, set: { retentionDays: 30 } });
    const { id } = await createBackup(context, { ...one, type: 'config_only' });
    await holdBackup(context, { backup: id, reason: 'the audit of May' });
    await updateSettings(context, { place: {}, set: { retentionDays: 2 } });
    expect(daysOf(await showBackup(context, { backup: id }))).toBe(30);
    await updateSettings(context, { place: {}, set: { retentionDays: 90 } });
    expect(daysOf(await showBackup(context, { backup: id }))).toBe(90);
    await updateSettings(context, { place: {}, set: { retentionDays: 5 } });
    expect(daysOf(await releaseBackup(context, { backup: id }))).toBe(5);
  });

  it('weakened settings are told to administrators, once until somebody has read it', async () => {
    const { context } = await shop();
    await updateSettings(context, { place: {}, set: { schedule: '@hourly', keepLast: 10, retentionDays: 30 } });
    await updateSettings(context, { place: {}, set: { schedule: '@daily' } });
    await updateSettings(context, { place: {}, set: { keepLast: 5 } });
    const { items, unread } = await listNotifications(context, {});
    expect(items).toMatchObject([
      { kind: 'settings-weakened', occurrences: 3, params: { weakened: ['keepLast'], by: 'tester' }, readAt: null },
    ]);
    expect(unread).toBe(1);
    expect(await markNotifications(context, { ids: 'all' })).toEqual({ marked: 1 });
    await updateSettings(context, { place: {}, set: { minimumKept: 0 } });
    expect(await listNotifications(context, { unreadOnly: true })).toMatchObject({
      unread: 1,
      items: [{ occurrences: 1 }],
    });
  });

  it('what was changed by somebody past the product is inherited, and does not stop anything', async () => {
    const { context, db } = await shop();
    await db.query(`INSERT INTO cofre.backup_settings (scope, subject_id, settings) VALUES
      ('global', '00000000-0000-0000-0000-000000000000', '{"retentionDays": "many", "keepLast": 4, "newer": true}')`);
    expect(await resolveSettings(context, {})).toMatchObject({
      settings: { retentionDays: null, keepLast: 4 },
      own: { keepLast: 4 },
    });
  });

  it('simulates clean-up with other settings, and changes nothing', async () => {
    const { context } = await shop();
    const [oldest, , newest] = [
      await createBackup(context, { ...one, type: 'config_only' }),
      await createBackup(context, { ...one, type: 'config_only' }),
      await createBackup(context, { ...one, type: 'config_only' }),
    ];
    await holdBackup(context, { backup: oldest.id });
    const now = new Date(Date.parse(newest.createdAt) + 10 * DAY_MS).toISOString();
    expect(await simulateRetention(context, { place: {}, now })).toMatchObject({ kept: 3, removed: 0 });
    const simulated = await simulateRetention(context, { place: one, now, set: { retentionDays: 5 } });
    expect(simulated).toMatchObject({
      kept: 2,
      removed: 1,
      items: [
        { backupId: newest.id, verdict: 'keep', reason: 'minimum' },
        { verdict: 'remove', reason: 'expired' },
        { backupId: oldest.id, verdict: 'keep', reason: 'held' },
      ],
    });
    expect((await showBackup(context, { backup: newest.id })).expiresAt).toBeNull();
  });
});

it('names what protects less than before, and nothing that protects as much or more', () => {
  const base: BackupSettings = { ...DEFAULT_SETTINGS, schedule: '@daily', retentionDays: 30, keepLast: 5 };
  const weakened = (set: Partial<BackupSettings>) =>
    weakenedSettings(base, { ...base, ...set }, new Date('2025-02-01T12:00:00Z'));
  expect(weakened({})).toEqual([]);
  expect(weakened({ schedule: '30 4 * * *', timeZone: 'Asia/Tokyo' })).toEqual([]);
  expect(weakened({ schedule: '@hourly', retentionDays: 31, minimumKept: 9 })).toEqual([]);
  expect(weakened({ schedule: '@weekly' })).toEqual(['schedule']);
  expect(weakened({ schedule: null })).toEqual(['schedule']);
  expect(weakened({ retentionDays: 29 })).toEqual(['retentionDays']);
  // The count alone decides from then on, and it removes more.
  expect(weakened({ retentionDays: null })).toEqual(['retentionDays']);
  expect(weakened({ retentionDays: null, keepLast: null })).toEqual([]);
  expect(weakened({ audit: { CREATE_MODULE_BACKUP: false } })).toEqual(['audit']);
  expect(weakened({ overdueGraceMinutes: 999, orphanGraceDays: 1, safetyDays: 1 })).toEqual([
    'safetyDays',
    'orphanGraceDays',
    'overdueGraceMinutes',
  ]);
});
