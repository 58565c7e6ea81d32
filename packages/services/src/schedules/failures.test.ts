import { MemoryStore, withFaults } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import {
  createScheduledShop,
  DUE,
  DUE_NEXT,
  NOON,
  type ScheduledShop,
  type ScheduledShopOptions,
} from '../../../../tests/support/scheduled-shop.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { listBackups } from '../backups/list-backups.ts';
import { findImplementation } from '../modules/find-implementation.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { markNotifications } from '../notifications/mark-notifications.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { FAILURES_UNTIL_NOTICE, RETRY_MAX_MS } from './back-off.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

const MINUTE_MS = 60_000;

describe.each(costlyTestServers())('scheduled backups that fail, on PostgreSQL $name', (server) => {
  const made: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const scene of made.splice(0)) await scene[Symbol.asyncDispose]();
  });

  async function shop(options?: ScheduledShopOptions): Promise<ScheduledShop> {
    const scene = await createScheduledShop(server, options);
    made.push(scene);
    return scene;
  }

  interface FaultyShop extends ScheduledShop {
    /** The place where backups live lets no manifest be put. */
    isFull: boolean;
  }

  async function faultyShop(options: ScheduledShopOptions = { implementations: 1 }): Promise<FaultyShop> {
    const state = { isFull: true };
    const store = withFaults(new MemoryStore(), ({ operation, path }) =>
      state.isFull && operation === 'put' && path.startsWith('backups/')
        ? { kind: 'before', code: 'storage/full' }
        : null,
    );
    return Object.assign(state, await shop({ ...options, store }));
  }

  const told = async ({ context }: ScheduledShop) =>
    (await listNotifications(context, { unreadOnly: true })).items.map(({ kind, occurrences, params }) => ({
      kind,
      occurrences,
      params,
    }));

  const pauseMs = async ({ standing, clock }: ScheduledShop, key = 's1') =>
    Date.parse((await standing(key)).retry ?? '') - clock.now().getTime();

  it('one that fails does not hold up the others, and is told of with its reason', async () => {
    const scene = await shop({ implementations: 4 });
    const { context, clock, db } = scene;
    await db.query(`UPDATE cofre.implementation_settings SET backup_scope = '{"store_id": "none"}'
      WHERE implementation_id = (SELECT id FROM module_implementations WHERE key = 's2')`);
    clock.set(DUE);
    const failed = [{ implementation: 'shop/s2', code: 'definition/invalid' }];
    expect(await executeScheduledBackups(context)).toEqual({ done: 3, unchanged: 0, failed, deferred: 0, left: 0 });
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, failed: [], left: 0 });
    // To try it again at once would not help: it is due again at its regular time.
    expect(await scene.standing('s2')).toEqual({
      next: DUE_NEXT,
      retry: null,
      failures: 1,
      code: 'definition/invalid',
      claimedBy: null,
      needsWorker: false,
    });
    expect(await told(scene)).toEqual([
      {
        kind: 'backup-failed',
        occurrences: 1,
        params: { implementation: 'shop/s2', code: 'definition/invalid', failures: 1, nextBackupAt: DUE_NEXT },
      },
    ]);
    const { items } = await listAuditLogs(context, { action: 'CREATE_MODULE_BACKUP' });
    expect(items.filter(({ outcome }) => outcome === 'failed')).toMatchObject([
      { implementation: 'shop/s2', details: { code: 'definition/invalid' } },
    ]);
    clock.set(DUE_NEXT);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 3, failed });
    expect(await told(scene)).toMatchObject([{ occurrences: 2, params: { failures: 2 } }]);
  });

  it('a definition that became invalid fails the implementations of its module, and they recover with it', async () => {
    const scene = await shop();
    scene.clock.set(DUE);
    await scene.db.query('ALTER TABLE sale RENAME TO sales');
    const { failed } = await executeScheduledBackups(scene.context);
    expect(failed.map(({ code }) => code)).toEqual(['definition/invalid', 'definition/invalid']);
    await scene.db.query('ALTER TABLE sales RENAME TO sale');
    scene.clock.set(DUE_NEXT);
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2, failed: [] });
    expect(await scene.standing('s1')).toMatchObject({ failures: 0, code: null });
  });

  it('what may pass is tried again, with pauses that grow, until administrators are told', async () => {
    const scene = await faultyShop();
    const { context, clock } = scene;
    clock.set(DUE);
    for (let failures = 1; failures < FAILURES_UNTIL_NOTICE; failures += 1) {
      expect(await executeScheduledBackups(context)).toMatchObject({ failed: [{ code: 'storage/full' }], left: 0 });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE, failures, code: 'storage/full', claimedBy: null });
      const pause = await pauseMs(scene);
      expect(pause).toBeLessThanOrEqual(MINUTE_MS * 2 ** (failures - 1));
      expect(pause).toBeGreaterThanOrEqual(0.75 * MINUTE_MS * 2 ** (failures - 1));
      clock.pass(pause - 1);
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, failed: [], left: 0 });
      expect(await told(scene)).toEqual([]);
      clock.pass(1);
    }
    await executeScheduledBackups(context);
    const given = { next: DUE_NEXT, retry: null, failures: FAILURES_UNTIL_NOTICE, code: 'storage/full' };
    expect(await scene.standing('s1')).toMatchObject(given);
    expect(await told(scene)).toMatchObject([{ kind: 'backup-failed', occurrences: 1 }]);
    // From now on only at its regular times, and told as one thing while nobody has read it.
    clock.set(DUE_NEXT);
    await executeScheduledBackups(context);
    expect(await scene.standing('s1')).toMatchObject({ retry: null, failures: FAILURES_UNTIL_NOTICE + 1 });
    expect(await told(scene)).toMatchObject([{ kind: 'backup-failed', occurrences: 2 }]);
    await markNotifications(context, { ids: 'all' });
    clock.pass(24 * 60 * MINUTE_MS);
    await executeScheduledBackups(context);
    expect(await told(scene)).toMatchObject([{ occurrences: 1 }]);
    // A success forgets all of it.
    scene.isFull = false;
    clock.pass(24 * 60 * MINUTE_MS);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    expect(await scene.standing('s1')).toMatchObject({ failures: 0, code: null, retry: null });
    expect((await listBackups(context, {})).items.map(({ status }) => status)).toEqual([
      'completed',
      ...Array.from({ length: FAILURES_UNTIL_NOTICE + 2 }, () => 'failed'),
    ]);
  });

  it('a retry that succeeds catches up the time that failed, and the next is regular', async () => {
    const scene = await faultyShop();
    scene.clock.set(DUE);
    await executeScheduledBackups(scene.context);
    scene.isFull = false;
    scene.clock.pass(MINUTE_MS);
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1 });
    expect(await scene.standing('s1')).toMatchObject({ next: DUE_NEXT, retry: null, failures: 0 });
  });

  it('no pause is longer than the longest, however often it failed, and none is waited for that a wrong clock wrote', async () => {
    const scene = await faultyShop();
    const { context, clock, db } = scene;
    clock.set(DUE);
    await db.query(`UPDATE cofre.implementation_settings SET retry_at = $1`, [
      new Date(Date.parse(DUE) + RETRY_MAX_MS),
    ]);
    expect(await executeScheduledBackups(context)).toMatchObject({ failed: [], left: 0 });
    await db.query(`UPDATE cofre.implementation_settings SET retry_at = '2025-02-03T06:00:00Z'`);
    expect(await executeScheduledBackups(context)).toMatchObject({ failed: [{ code: 'storage/full' }] });
  });

  it('somebody else who is at it is no failure: it is left, and looked at again soon', async () => {
    const scene = await shop();
    const { context, clock } = scene;
    clock.set(DUE);
    const { ref } = await findImplementation(context.catalogue, 'shop/s1');
    await withImplementationLock(context, ref, async () => {
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 1, failed: [], left: 1 });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE, failures: 0, code: null, claimedBy: null });
      expect(await pauseMs(scene)).toBeLessThan(MINUTE_MS);
      // Also where the time is imagined, and no pause is waited for: not again and again within one run.
      expect(await executeScheduledBackups(context, { now: DUE_NEXT })).toMatchObject({ done: 1, left: 1 });
    });
    clock.pass(MINUTE_MS);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1, left: 0 });
    expect(await told(scene)).toEqual([]);
  });

  it('a failing one is tried once in a run, also where the time is imagined', async () => {
    const scene = await faultyShop({ implementations: 2 });
    expect((await executeScheduledBackups(scene.context, { now: '2030-01-01T00:00:00Z' })).failed).toHaveLength(2);
  });

  it('rows that belong to two fail those two, and not the others of their module', async () => {
    const scene = await shop({ implementations: 4 });
    await scene.db.query(`UPDATE cofre.implementation_settings SET backup_scope = '{"store_id": 1}'
      WHERE implementation_id = (SELECT id FROM module_implementations WHERE key = 's2')`);
    scene.clock.set(DUE);
    const { done, failed } = await executeScheduledBackups(scene.context);
    expect(done).toBe(2);
    expect(failed.toSorted((a, b) => (a.implementation < b.implementation ? -1 : 1))).toEqual([
      { implementation: 'shop/s1', code: 'definition/overlap' },
      { implementation: 'shop/s2', code: 'definition/overlap' },
    ]);
  });

  describe('what is not there any more', () => {
    it('a deleted implementation is not due, and nothing is said', async () => {
      const scene = await shop();
      await scene.db.query(`DELETE FROM module_implementations WHERE key = 's1'`);
      scene.clock.set(DUE);
      expect(await executeScheduledBackups(scene.context)).toEqual({
        done: 1,
        unchanged: 0,
        failed: [],
        deferred: 0,
        left: 0,
      });
      expect(await told(scene)).toEqual([]);
    });

    it('one that is deleted while it is backed up has its backup all the same', async () => {
      const scene = await shop({ implementations: 1 });
      const { context, clock, db } = scene;
      clock.set(DUE);
      const blocker = await db.database.connect();
      await blocker.query('BEGIN; LOCK TABLE sale');
      const running = executeScheduledBackups(context);
      await untilWaiting(scene);
      await db.query('DELETE FROM module_implementations');
      await blocker.query('ROLLBACK');
      await blocker.end();
      expect(await running).toMatchObject({ done: 1, failed: [] });
      expect((await listBackups(context, {})).items).toMatchObject([{ status: 'completed' }]);
      clock.set(DUE_NEXT);
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, failed: [], left: 0 });
    });

    it('a root that is gone gives a backup without rows: that too is how it was', async () => {
      const scene = await shop({ implementations: 3 });
      await scene.db.query('DELETE FROM store WHERE store_id = 3');
      scene.clock.set(DUE);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 3, failed: [] });
    });

    it('a definition that was written past the product and is none fails its module, and no other', async () => {
      const scene = await shop();
      await scene.db.query(`WITH made AS (INSERT INTO base_modules (slug, name) VALUES ('empty', 'Empty') RETURNING id)
        INSERT INTO module_implementations (module_id, key, name) SELECT id, 'e', 'E' FROM made`);
      await scene.db.query(`INSERT INTO cofre.module_definitions (module_id, definition, source)
        SELECT id, '{"version": 1}', '' FROM base_modules WHERE slug = 'empty'`);
      await executeScheduledBackups(scene.context);
      scene.clock.set(DUE);
      const failed = [{ implementation: 'empty/e', code: 'definition/invalid' }];
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2, failed });
    });

    it('without the module’s definition it fails, and not the implementations of others', async () => {
      const scene = await shop();
      await scene.db.query('DELETE FROM cofre.module_definitions');
      scene.clock.set(DUE);
      const { failed } = await executeScheduledBackups(scene.context);
      expect(failed.map(({ code }) => code)).toEqual(['module/not-found', 'module/not-found']);
    });
  });

  async function untilWaiting({ db }: ScheduledShop): Promise<void> {
    const waiting = () => db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
    await expect.poll(async () => (await waiting()).rowCount, { timeout: 10_000 }).toBeGreaterThan(0);
  }

  describe('impossible schedules, written past the product', () => {
    const write = ({ db }: ScheduledShop, settings: object) =>
      db.query('UPDATE cofre.backup_settings SET settings = $1', [JSON.stringify(settings)]);

    it.each([
      ['no cron at all', { schedule: 'whenever' }],
      ['a time that never comes', { schedule: '0 0 31 4 *' }],
      ['a time zone that nobody knows', { schedule: '@daily', timeZone: 'Mars/Olympus' }],
    ])('%s: told once, and nothing is due until it is mended', async (_, settings) => {
      const scene = await shop();
      await write(scene, settings);
      scene.clock.set(DUE);
      const { done, failed } = await executeScheduledBackups(scene.context);
      expect({ done, codes: failed.map(({ code }) => code) }).toEqual({
        done: 0,
        codes: ['settings/invalid-schedule', 'settings/invalid-schedule'],
      });
      expect(await scene.standing('s1')).toMatchObject({
        next: null,
        code: 'settings/invalid-schedule',
        claimedBy: null,
      });
      for (let minute = 0; minute < 3; minute += 1) {
        scene.clock.pass(MINUTE_MS);
        expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0, failed: [] });
      }
      expect(await told(scene)).toMatchObject([
        { kind: 'schedule-invalid', occurrences: 1, params: settings },
        { kind: 'schedule-invalid', occurrences: 1 },
      ]);
      await updateSettings(scene.context, { place: {}, set: { schedule: '0 3 * * *', timeZone: 'UTC' } });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE_NEXT, failures: 0, code: null });
      scene.clock.set(DUE_NEXT);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2, failed: [] });
    });

    it('that was never due is told as well, and mended past the product it is due again', async () => {
      const scene = await shop({ implementations: 1 });
      await write(scene, { schedule: '61 * * * *' });
      await scene.db.query('UPDATE cofre.implementation_settings SET next_backup_at = NULL');
      const failed = [{ implementation: 'shop/s1', code: 'settings/invalid-schedule' }];
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ failed });
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ failed: [] });
      expect(await told(scene)).toMatchObject([{ kind: 'schedule-invalid', occurrences: 1 }]);
      await write(scene, { schedule: '0 3 * * *' });
      await executeScheduledBackups(scene.context);
      expect(await scene.standing('s1')).toMatchObject({ next: DUE, failures: 0, code: null });
    });

    it('does not keep anybody from changing other settings', async () => {
      const scene = await shop({ implementations: 1 });
      const place = { implementation: 'shop/s1' };
      await updateSettings(scene.context, { place, set: { schedule: '@hourly' } });
      await scene.db.query(
        `UPDATE cofre.backup_settings SET settings = '{"schedule": "never"}' WHERE scope = 'implementation'`,
      );
      await updateSettings(scene.context, { place: {}, set: { timeZone: 'America/Sao_Paulo' } });
      expect(await scene.standing('s1')).toMatchObject({ next: null });
    });

    it('what is no schedule at all is inherited', async () => {
      const scene = await shop({ implementations: 1 });
      const id = (await scene.db.query('SELECT id FROM module_implementations')).rows[0].id;
      await scene.db.query(
        `INSERT INTO cofre.backup_settings (scope, subject_id, settings) VALUES ('implementation', $1, '{"schedule": 7, "timeZone": ["UTC"]}')`,
        [id],
      );
      await scene.db.query('UPDATE cofre.implementation_settings SET next_backup_at = NULL');
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ failed: [] });
      expect(await scene.standing('s1')).toMatchObject({ next: DUE });
    });
  });

  describe('what fails for all of them', () => {
    it('a repository that does not open is told of once, and no implementation is blamed', async () => {
      const scene = await shop();
      const context = scene.again({
        clock: scene.clock,
        key: { kind: 'passphrase', passphrase: 'not for a plain one' },
        actor: { kind: 'service', name: 'worker' },
      });
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 0 });
      scene.clock.set(DUE);
      const wrong = { code: 'repository/key-not-wanted' };
      await expect(executeScheduledBackups(context)).rejects.toMatchObject(wrong);
      await expect(executeScheduledBackups(context)).rejects.toMatchObject(wrong);
      expect(await told(scene)).toMatchObject([{ kind: 'backup-failed', occurrences: 2, params: wrong }]);
      expect(await scene.standing('s1')).toMatchObject({ next: DUE, failures: 0, claimedBy: null });
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2 });
    });

    it('an interruption ends the run; what was begun is let go of, and due as before', async () => {
      const scene = await shop({ implementations: 3 });
      scene.clock.set(DUE);
      const interruption = new AbortController();
      const context = { ...scene.context, signal: interruption.signal };
      const blocker = await scene.db.database.connect();
      await blocker.query('BEGIN; LOCK TABLE sale');
      const running = executeScheduledBackups(context).catch((error: unknown) => error);
      await untilWaiting(scene);
      interruption.abort();
      expect(await running).toMatchObject({ code: 'backup/interrupted' });
      await blocker.end();
      const { rows } = await scene.db.query(
        'SELECT DISTINCT next_backup_at, failures, claimed_by, retry_at FROM cofre.implementation_settings',
      );
      expect(rows).toEqual([{ next_backup_at: new Date(DUE), failures: 0, claimed_by: null, retry_at: null }]);
      await expect(executeScheduledBackups(context)).rejects.toMatchObject({ code: 'backup/interrupted' });
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 3 });
    });

    it('nobody but administrators and services may run it', async () => {
      const scene = await shop();
      const person = { kind: 'person', userId: '33333333-3333-4333-8333-333333333333', name: 'cus' } as const;
      const claims = { role: 'authenticated', app_metadata: { role: 'viewer' } };
      const viewer = scene.again({ clock: scene.clock, actor: { ...person, claims } });
      await expect(executeScheduledBackups(viewer, { now: DUE })).rejects.toMatchObject({ code: 'access/denied' });
      expect(scene.clock.now().toISOString()).toBe(NOON);
      expect((await listBackups(scene.context, {})).items).toEqual([]);
    });
  });
});
