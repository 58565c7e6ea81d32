import { afterEach, describe, expect, it } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import {
  createScheduledShop,
  DUE,
  DUE_NEXT,
  type ScheduledShop,
  type ScheduledShopOptions,
} from '../../../../tests/support/scheduled-shop.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { listBackups } from '../backups/list-backups.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

const NOTHING = { done: 0, unchanged: 0, failed: [], deferred: 0, left: 0 };
const HOUR_MS = 3_600_000;

describe.each(costlyTestServers())('scheduled backups on PostgreSQL $name', (server) => {
  const made: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const scene of made.splice(0)) await scene[Symbol.asyncDispose]();
  });

  async function shop(options?: ScheduledShopOptions): Promise<ScheduledShop> {
    const scene = await createScheduledShop(server, options);
    made.push(scene);
    return scene;
  }

  const listed = async ({ context }: ScheduledShop) => (await listBackups(context, { limit: 500 })).items;

  it('what is due is backed up once, by the service, in the way of the settings, and due next after now', async () => {
    const scene = await shop();
    const { context, clock } = scene;
    expect(await executeScheduledBackups(context)).toEqual(NOTHING);
    clock.set(DUE);
    expect(await executeScheduledBackups(context)).toEqual({ ...NOTHING, done: 2 });
    expect(await executeScheduledBackups(context)).toEqual(NOTHING);
    expect(
      (await listed(scene)).map(({ implementation: { key }, ...backup }) => [key, backup.type, backup.createdBy]),
    ).toEqual(
      expect.arrayContaining([
        ['s1', 'full', 'worker'],
        ['s2', 'full', 'worker'],
      ]),
    );
    const { rows } = await scene.db.query('SELECT DISTINCT origin, status FROM module_backups');
    expect(rows).toEqual([{ origin: 'scheduled', status: 'completed' }]);
    expect(await scene.standing('s1')).toEqual({
      next: DUE_NEXT,
      retry: null,
      failures: 0,
      code: null,
      claimedBy: null,
      needsWorker: false,
    });
    await updateSettings(context, { place: { implementation: 'shop/s2' }, set: { defaultType: 'config_only' } });
    clock.set(DUE_NEXT);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 2 });
    expect((await listed(scene)).map(({ type }) => type).sort()).toEqual(['config_only', 'full', 'full', 'full']);
  });

  it('without a schedule, or with one that was taken away, nothing is backed up', async () => {
    const { context, clock, standing } = await shop({ schedule: null });
    clock.set(DUE);
    expect(await executeScheduledBackups(context)).toEqual(NOTHING);
    await updateSettings(context, { place: { module: 'shop' }, set: { schedule: '@hourly' } });
    await updateSettings(context, { place: { implementation: 'shop/s2' }, set: { schedule: null } });
    clock.pass(HOUR_MS);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1, left: 0 });
    expect(await standing('s2')).toMatchObject({ next: null });
  });

  it('a schedule that was taken away past the product ends when its time comes', async () => {
    const scene = await shop();
    await scene.db.query('DELETE FROM cofre.backup_settings');
    scene.clock.set(DUE);
    expect(await executeScheduledBackups(scene.context)).toEqual(NOTHING);
    expect(await scene.standing('s1')).toMatchObject({ next: null, claimedBy: null });
    expect(await listed(scene)).toEqual([]);
  });

  it('missed times are caught up once, and not as often as they were missed', async () => {
    const scene = await shop({ schedule: '*/5 * * * *' });
    scene.clock.set('2025-02-09T12:34:56Z');
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2 });
    expect(await executeScheduledBackups(scene.context)).toEqual(NOTHING);
    expect(await scene.standing('s1')).toMatchObject({ next: '2025-02-09T12:35:00.000Z' });
    expect(await listed(scene)).toHaveLength(2);
  });

  it('times are those of the time zone, also where its clock changes', async () => {
    const scene = await shop({ implementations: 1, schedule: null });
    const { context, clock } = scene;
    clock.set('2025-03-08T12:00:00Z');
    await updateSettings(context, { place: {}, set: { schedule: '30 2 * * *', timeZone: 'America/New_York' } });
    // On March 9th 02:30 is skipped: it fires when the clock goes on, at 03:00 there.
    expect((await scene.standing('s1')).next).toBe('2025-03-09T07:00:00.000Z');
    clock.set('2025-03-09T07:00:00Z');
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    expect((await scene.standing('s1')).next).toBe('2025-03-10T06:30:00.000Z');
    // On November 2nd 01:30 comes twice: it fires once.
    clock.set('2025-11-01T12:00:00Z');
    await updateSettings(context, { place: {}, set: { schedule: '30 1 * * *' } });
    clock.set('2025-11-02T05:30:00Z');
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    clock.pass(HOUR_MS);
    expect(await executeScheduledBackups(context)).toEqual(NOTHING);
  });

  it('a limit leaves the rest to the next run', async () => {
    const { context, clock } = await shop({ implementations: 3 });
    clock.set(DUE);
    expect(await executeScheduledBackups(context, { limit: 2 })).toMatchObject({ done: 2, left: 1 });
    expect(await executeScheduledBackups(context, { limit: 2 })).toMatchObject({ done: 1, left: 0 });
  });

  it('a time that is imagined decides what is due; what is made is dated by the clock', async () => {
    const scene = await shop();
    const { context } = scene;
    expect(await executeScheduledBackups(context, { now: '2025-02-02T02:59:59Z' })).toEqual(NOTHING);
    expect(await executeScheduledBackups(context, { now: DUE })).toMatchObject({ done: 2 });
    expect(await executeScheduledBackups(context, { now: DUE })).toEqual(NOTHING);
    expect((await listed(scene))[0]?.createdAt).toBe('2025-02-01T12:00:00.000Z');
    expect(await scene.standing('s1')).toMatchObject({ next: DUE_NEXT });
    await expect(executeScheduledBackups(context, { now: 'tomorrow' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
    await expect(executeScheduledBackups(context, { limit: 0 })).rejects.toMatchObject({ code: 'usage/invalid' });
  });

  it('several lanes do each of them once', async () => {
    const scene = await shop({ implementations: 6 });
    scene.clock.set(DUE);
    const budget = { mayStart: () => true, sliceBytesMax: null, concurrency: 3 };
    expect(await executeScheduledBackups(scene.context, {}, budget)).toMatchObject({ done: 6, left: 0 });
    expect(await listed(scene)).toHaveLength(6);
  });

  describe('new implementations', () => {
    it('are due from the next time on after they were added, whether somebody runs the schedule or not', async () => {
      const { context, clock, standing } = await shop();
      await scene3(context);
      expect(await standing('s3')).toMatchObject({ next: DUE });
      clock.set(DUE);
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 3 });
    });

    it('that the application added by itself are due from the first run on', async () => {
      const { context, clock, db, standing } = await shop();
      await db.query(
        `INSERT INTO module_implementations (module_id, key, name) SELECT id, 'own', 'Own' FROM base_modules`,
      );
      await db.query(`DELETE FROM cofre.implementation_settings AS s USING module_implementations AS i
        WHERE i.id = s.implementation_id AND i.key = 's2'`);
      expect(await executeScheduledBackups(context)).toEqual(NOTHING);
      expect(await standing('own')).toMatchObject({ next: DUE });
      clock.set(DUE);
      const failed = [
        { implementation: 'shop/own', code: 'implementation/scope-missing' },
        { implementation: 'shop/s2', code: 'implementation/scope-missing' },
      ];
      const run = await executeScheduledBackups(context);
      expect({
        ...run,
        failed: run.failed.toSorted((a, b) => (a.implementation < b.implementation ? -1 : 1)),
      }).toMatchObject({ done: 1, failed });
    });

    const scene3 = async (context: ScheduledShop['context']) =>
      addImplementation(context, { module: 'shop', key: 's3', scope: { store_id: 3 } });
  });

  describe('budgets', () => {
    it('what may not be begun any more is left', async () => {
      const { context, clock } = await shop({ implementations: 3 });
      clock.set(DUE);
      let starts = 2;
      const budget = { mayStart: () => starts-- > 0, sliceBytesMax: null, concurrency: 1 };
      expect(await executeScheduledBackups(context, {}, budget)).toMatchObject({ done: 2, left: 1 });
      expect(await executeScheduledBackups(context, {}, { ...budget, mayStart: () => false })).toMatchObject({
        left: 1,
      });
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 1, left: 0 });
    });

    it('a slice that is too large waits for who has no limit, and is told of once', async () => {
      const scene = await shop({ implementations: 3 });
      const { context, clock } = scene;
      await scene.db.query('ANALYZE');
      clock.set(DUE);
      // Stores 1 and 2 have 200 items each, and 1000 sales; store 3 has none.
      const small = { mayStart: () => true, sliceBytesMax: 4000, concurrency: 1 };
      expect(await executeScheduledBackups(context, {}, small)).toMatchObject({ done: 1, deferred: 2, left: 0 });
      expect(await executeScheduledBackups(context, {}, small)).toEqual({ ...NOTHING, deferred: 2 });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE, needsWorker: true, failures: 0, claimedBy: null });
      const { items } = await listNotifications(context, {});
      expect(items).toMatchObject([
        { kind: 'backup-deferred', occurrences: 1, params: { bytesMax: 4000 } },
        { kind: 'backup-deferred', occurrences: 1 },
      ]);
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 2, deferred: 0 });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE_NEXT, needsWorker: false });
      // Now it is known what the newest backup read.
      clock.set(DUE_NEXT);
      expect(await executeScheduledBackups(context, {}, small)).toMatchObject({ done: 1, deferred: 2 });
      const { rows } = await scene.db.query(`SELECT max((stats ->> 'bytesRaw')::int) AS bytes FROM module_backups`);
      const enough = { ...small, sliceBytesMax: rows[0].bytes };
      expect(await executeScheduledBackups(context, {}, enough)).toMatchObject({ done: 0, deferred: 2 });
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 2 });
      clock.pass(24 * HOUR_MS);
      expect(await executeScheduledBackups(context, {}, enough)).toMatchObject({ done: 3, deferred: 0 });
    });
  });

  describe('the audit log', () => {
    const actions = async ({ context }: ScheduledShop) =>
      (await listAuditLogs(context, { limit: 100 })).items
        .map(({ action, actor, details, outcome }) => ({ action, by: actor.name, details, outcome }))
        .filter(({ action }) => /^(CREATE|SCHEDULED)_/.test(action));

    it('has a summary of each run in which something was due, and every backup', async () => {
      const scene = await shop();
      await executeScheduledBackups(scene.context);
      expect(await actions(scene)).toEqual([]);
      scene.clock.set(DUE);
      await executeScheduledBackups(scene.context);
      await executeScheduledBackups(scene.context);
      const logged = await actions(scene);
      expect(logged).toHaveLength(3);
      expect(logged.filter(({ action }) => action === 'SCHEDULED_BACKUPS_EXECUTED')).toEqual([
        {
          action: 'SCHEDULED_BACKUPS_EXECUTED',
          by: 'worker',
          outcome: 'done',
          details: { ...NOTHING, done: 2 },
        },
      ]);
    });

    it('says what the settings let it say', async () => {
      const scene = await shop();
      const events = { SCHEDULED_BACKUPS_EXECUTED: false };
      await updateSettings(scene.context, { place: {}, set: { audit: events } });
      const place = { implementation: 'shop/s1' };
      await updateSettings(scene.context, { place, set: { audit: { CREATE_MODULE_BACKUP: false } } });
      scene.clock.set(DUE);
      await executeScheduledBackups(scene.context);
      expect((await actions(scene)).map(({ action }) => action)).toEqual(['CREATE_MODULE_BACKUP']);
    });
  });
});
