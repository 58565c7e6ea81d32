import {
  auditLogDocument,
  type BackupDocument,
  type BackupSettings,
  cleanupDocument,
  type CleanupExpiredBackupsInput,
} from '@cofre/contracts';
import { GARBAGE_GRACE_MS } from '@cofre/engine';
import { type Fault, MemoryStore, type StoreCall, withFaults } from '@cofre/storage';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { listBackups } from '../backups/list-backups.ts';
import { releaseBackup } from '../backups/release-backup.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { undoRestore } from '../restores/undo-restore.ts';
import type { ServiceContext } from '../service-context.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { cleanupExpiredBackups } from './cleanup-expired-backups.ts';

const DAY_MS = 86_400_000;
const BEGIN = Date.parse('2025-01-21T12:00:00Z');
const days = (count: number) => new Date(BEGIN + count * DAY_MS).toISOString();

/** One clock for everything: the store's, the catalogue's and ours. It goes on by a second with each look. */
class SharedClock {
  ms = BEGIN;
  now(): Date {
    this.ms += 1000;
    return new Date(this.ms);
  }
}

describe.each(costlyTestServers())('clean-up on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(options: { readonly fault?: (call: StoreCall) => Fault | null } & TestServiceOptions = {}) {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const clock = new SharedClock();
    const memory = new MemoryStore({ clock });
    const store = options.fault === undefined ? memory : withFaults(memory, options.fault);
    const service: TestService = await createShop(db, { ...options, store: memory });
    made.push(async () => service[Symbol.asyncDispose]());
    const context = service.again({ clock, store });
    for (const [key, store_id] of [
      ['one', 1],
      ['two', 2],
    ] as const)
      await addImplementation(context, { module: 'shop', key, scope: { store_id } });
    const again = (more: Partial<ServiceContext> = {}) => service.again({ clock, store, ...more });
    return { db, clock, store: memory, context, again };
  }

  const backUp = (context: ServiceContext, key = 'one', more: object = {}) =>
    createBackup(context, { implementation: `shop/${key}`, type: 'incremental', ...more });
  const policy = (context: ServiceContext, set: Partial<BackupSettings>) =>
    updateSettings(context, { place: { implementation: 'shop/one' }, set });
  const idsOf = async (context: ServiceContext) =>
    (await listBackups(context, { limit: 500 })).items.map(({ id }) => id);
  const cleanUp = async (context: ServiceContext, input: CleanupExpiredBackupsInput = {}) =>
    cleanupDocument.parse(await cleanupExpiredBackups(context, { freeSpace: 'now', ...input }));
  const noticesOf = async (context: ServiceContext) =>
    (await listNotifications(context, {})).items.map(({ kind }) => kind);

  it('removes what has expired: never one on hold, never below the minimum, at its end where one was said', async () => {
    const { context, db } = await shop();
    await policy(context, { retentionDays: 30, minimumKept: 2 });
    const held = await backUp(context);
    const first = await backUp(context);
    const explicit = await backUp(context, 'one', { expiresAt: days(5) });
    const never = await backUp(context, 'one', { expiresAt: null });
    const third = await backUp(context);
    const newest = await backUp(context);
    const other = await backUp(context, 'two');
    await holdBackup(context, { backup: held.id });
    const later = await cleanUp(context, { now: days(6) });
    expect(later).toMatchObject({ done: 1, kept: 6, failed: [], left: 0, dryRun: false });
    expect(later.items).toMatchObject([{ backupId: explicit.id, reason: 'expired', implementation: 'shop/one' }]);
    const much = await cleanUp(context, { now: days(31) });
    expect(much).toMatchObject({ done: 1, kept: 5, removedBytes: first.stats.bytesStored });
    expect((await idsOf(context)).toSorted()).toEqual(
      [held, never, third, newest, other].map(({ id }) => id).toSorted(),
    );
    const { rows } = await db.query('SELECT id, kept_because FROM module_backups WHERE kept_because IS NOT NULL');
    expect(rows).toEqual(
      expect.arrayContaining([
        { id: held.id, kept_because: 'held' },
        { id: third.id, kept_because: 'minimum' },
        { id: newest.id, kept_because: 'minimum' },
      ]),
    );
    expect(rows).toHaveLength(3);
    // Released, and with a younger one beside them.
    await releaseBackup(context, { backup: held.id });
    await backUp(context);
    expect(await cleanUp(context, { now: days(31) })).toMatchObject({ done: 2 });
    expect(await idsOf(context)).toContain(newest.id);
    for (const backup of (await listBackups(context, {})).items)
      expect((await verifyBackup(context, { backup: backup.id })).ok).toBe(true);
  });

  it('logs each removal and the sum, and nothing of a run that found nothing to do', async () => {
    const { context, db } = await shop();
    await backUp(context);
    const gone = await backUp(context, 'one', { expiresAt: days(1) });
    await backUp(context);
    expect(await cleanUp(context)).toMatchObject({ done: 0, kept: 3 });
    const events = async () =>
      (await listAuditLogs(context, {})).items
        .map((item) => auditLogDocument.parse(item))
        .filter(({ action }) => /CLEANUP|DELETE/.test(action));
    expect(await events()).toEqual([]);
    await cleanUp(context, { now: days(2) });
    expect(await events()).toMatchObject([
      { action: 'EXPIRED_BACKUPS_CLEANUP', outcome: 'done', details: { removed: 1, failed: 0, kept: 2 } },
      { action: 'DELETE_MODULE_BACKUP', backupId: gone.id, details: { reason: 'expired' } },
    ]);
    expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(2);
  });

  it('a dry run gives the same numbers and changes nothing at all', async () => {
    const { context, db, clock, store } = await shop();
    await policy(context, { retentionDays: 30 });
    const first = await backUp(context);
    await db.query('UPDATE item SET price = price + 1 WHERE store_id = 1');
    await backUp(context);
    await deleteBackup(context, { backup: first.id });
    await db.query('UPDATE item SET price = price + 1 WHERE store_id = 1');
    await backUp(context);
    await backUp(context, 'two');
    await db.query(`DELETE FROM public.module_implementations WHERE key = 'two'`);
    await planRestore(context, { backup: 'latest' });
    clock.ms += 13 * 3_600_000;
    await cleanUp(context);
    clock.ms += 26 * 3_600_000;
    const state = async () => {
      const { rows } = await db.query(`
        SELECT (SELECT jsonb_agg(b ORDER BY id) FROM module_backups b) AS backups,
               (SELECT jsonb_agg(s ORDER BY implementation_id) FROM cofre.implementation_settings s) AS settings,
               (SELECT jsonb_agg(a ORDER BY id) FROM audit_logs a) AS audit,
               (SELECT jsonb_agg(p ORDER BY id) FROM cofre.plans p) AS plans,
               (SELECT jsonb_agg(n ORDER BY id) FROM admin_notifications n) AS notices`);
      const objects: [string, string][] = [];
      for await (const { path } of store.list(''))
        objects.push([path, Buffer.from(await store.get(path)).toString('hex')]);
      return { rows, objects };
    };
    const now = days(70);
    const before = await state();
    const dry = await cleanUp(context, { now, dryRun: true });
    expect(await state()).toEqual(before);
    expect(dry).toMatchObject({ dryRun: true, done: 2, plans: 1 });
    expect(dry.freedBytes).toBeGreaterThan(0);
    expect(dry.waitingBytes).toBeGreaterThan(0);
    expect(await cleanUp(context, { now })).toEqual({ ...dry, dryRun: false });
    expect(await cleanUp(context, { now, dryRun: true })).toMatchObject({ done: 0 });
  });

  it('backups of a deleted implementation stay through their grace, counted from when it was seen, and as long as one is on hold', async () => {
    const { context, db, clock } = await shop();
    await policy(context, { retentionDays: 5 });
    const expired = await backUp(context);
    const held = await backUp(context);
    const later = await backUp(context, 'one', { expiresAt: days(90) });
    await holdBackup(context, { backup: held.id });
    await db.query(`DELETE FROM public.module_implementations WHERE key = 'one'`);
    const goneSince = async () =>
      (await db.query('SELECT deleted_at FROM cofre.implementation_settings WHERE deleted_at IS NOT NULL')).rows;
    // Long ago, but seen only now.
    clock.ms += 10 * DAY_MS;
    expect(await cleanUp(context)).toMatchObject({ done: 0, kept: 3 });
    const [seen] = await goneSince();
    expect(seen.deleted_at.getTime()).toBeGreaterThan(BEGIN + 10 * DAY_MS);
    expect(await cleanUp(context, { now: days(39.9) })).toMatchObject({ done: 0 });
    expect(await goneSince()).toEqual([seen]);
    const { rows } = await db.query('SELECT id, kept_because FROM module_backups WHERE kept_because IS NOT NULL');
    expect(rows).toContainEqual({ id: expired.id, kept_because: 'orphan-grace' });
    const after = await cleanUp(context, { now: days(40.1) });
    expect(after.items).toMatchObject([{ backupId: expired.id, reason: 'orphan-expired' }]);
    expect(await cleanUp(context, { now: days(91) })).toMatchObject({ done: 1, items: [{ backupId: later.id }] });
    expect(await idsOf(context)).toEqual([held.id]);
  });

  it('an implementation that is put back is gone no more, whoever put it back, and its grace begins anew', async () => {
    const { context, db } = await shop();
    await backUp(context, 'one', { expiresAt: days(1) });
    const { rows } = await db.query(`DELETE FROM public.module_implementations WHERE key = 'one' RETURNING *`);
    await cleanUp(context);
    const [{ id, module_id, key, name }] = rows;
    const putBack = () =>
      db.query('INSERT INTO public.module_implementations (id, module_id, key, name) VALUES ($1, $2, $3, $4)', [
        id,
        module_id,
        key,
        name,
      ]);
    await putBack();
    // Expired long ago, but the only one.
    expect(await cleanUp(context, { now: days(100) })).toMatchObject({ done: 0, kept: 1 });
    const facts = await db.query(`
      SELECT b.implementation_id = source_implementation_id AS linked, kept_because, s.deleted_at
      FROM module_backups b JOIN cofre.implementation_settings s ON s.implementation_id = source_implementation_id`);
    expect(facts.rows).toEqual([{ linked: true, kept_because: 'minimum', deleted_at: null }]);
    await db.query(`DELETE FROM public.module_implementations WHERE key = 'one'`);
    expect(await cleanUp(context, { now: days(100) })).toMatchObject({ done: 0 });
  });

  it('a held implementation keeps all of its backups; they are not deleted by hand, either', async () => {
    const { context, db } = await shop();
    const [, second] = [
      await backUp(context),
      await backUp(context, 'one', { expiresAt: days(1) }),
      await backUp(context),
    ];
    await db.query(`UPDATE cofre.implementation_settings SET held = true`);
    expect(await cleanUp(context, { now: days(2) })).toMatchObject({ done: 0, kept: 3 });
    await expect(deleteBackup(context, { backup: second?.id ?? '' })).rejects.toMatchObject({ code: 'backup/held' });
    expect((await db.query('SELECT FROM module_backups WHERE deleted_at IS NULL')).rowCount).toBe(3);
    await db.query(`UPDATE cofre.implementation_settings SET held = false`);
    expect(await cleanUp(context, { now: days(2) })).toMatchObject({ done: 1 });
  });

  it.each(['hold', 'settings'] as const)('a change (%s) between choosing and the lock wins', async (change) => {
    const { context, again } = await shop();
    await policy(context, { retentionDays: 10, minimumKept: 0 });
    const backup = await backUp(context);
    const database = {
      ...context.database,
      connect: async (options?: { readonly applicationName?: string }) => {
        if (options?.applicationName === 'cofre lock') {
          if (change === 'hold') await holdBackup(context, { backup: backup.id });
          else await policy(context, { retentionDays: 20 });
        }
        return context.database.connect(options);
      },
    };
    expect(await cleanUp(again({ database }), { now: days(11) })).toMatchObject({ done: 0, kept: 1 });
    expect(await idsOf(context)).toEqual([backup.id]);
  });

  it('a hold that comes while the backup is being marked wins', async () => {
    const { context, db, again } = await shop();
    await policy(context, { retentionDays: 10, minimumKept: 0 });
    const backup = await backUp(context);
    const client = await context.database.connect();
    await client.query('BEGIN; LOCK TABLE public.module_backups IN SHARE MODE');
    const running = cleanUp(again(), { now: days(11) });
    await untilLocked(db);
    await client.query('UPDATE public.module_backups SET held = true; COMMIT');
    await client.end();
    expect(await running).toMatchObject({ done: 0, kept: 1 });
    expect(await idsOf(context)).toEqual([backup.id]);
  });

  it('an implementation that somebody is at waits for the next run, and holds up no other', async () => {
    const { context, again } = await shop();
    for (const key of ['one', 'one', 'two', 'two']) await backUp(context, key, { expiresAt: days(1) });
    const [{ implementation }] = (await listBackups(context, { implementation: 'shop/one' })).items as [BackupDocument];
    await withImplementationLock(again(), implementation, async () => {
      expect(await cleanUp(context, { now: days(2) })).toMatchObject({ done: 1, left: 1, failed: [] });
    });
    expect(await cleanUp(context, { now: days(2) })).toMatchObject({ done: 1, left: 0 });
  });

  it('a backup that cannot be removed stays listed, is told, and holds up no other', async () => {
    let broken = '';
    const { context } = await shop({
      fault: ({ operation, path }) =>
        operation === 'delete' && broken !== '' && path.endsWith(broken)
          ? { kind: 'before', code: 'storage/not-permitted' }
          : null,
    });
    const backups = [];
    for (const key of ['one', 'one', 'two', 'two']) backups.push(await backUp(context, key, { expiresAt: days(1) }));
    broken = backups[0]?.id ?? '';
    const result = await cleanUp(context, { now: days(2) });
    expect(result).toMatchObject({ done: 1, failed: [{ implementation: 'shop/one', code: 'storage/not-permitted' }] });
    expect(await idsOf(context)).toContain(broken);
    expect(await noticesOf(context)).toEqual(['cleanup-failed']);
    broken = '';
    expect(await cleanUp(context, { now: days(2) })).toMatchObject({ done: 1, failed: [] });
  });

  it('does as many as are asked for, and leaves what there is no time for', async () => {
    const { context } = await shop();
    for (let count = 0; count < 3; count++)
      for (const key of ['one', 'two']) await backUp(context, key, { expiresAt: days(1), type: 'config_only' });
    for (const key of ['one', 'two']) await backUp(context, key);
    const now = days(2);
    expect(await cleanUp(context, { now, limit: 2, dryRun: true })).toMatchObject({ done: 2, left: 4 });
    expect(await cleanUp(context, { now, limit: 2 })).toMatchObject({ done: 2, left: 4 });
    let asked = 0;
    const budget = { mayStart: () => ++asked <= 3, sliceBytesMax: null, concurrency: 1 };
    const stopped = await cleanupExpiredBackups(context, { now, freeSpace: 'now' }, budget);
    expect(stopped.done).toBeGreaterThan(0);
    expect(stopped).toMatchObject({ done: stopped.done, left: 4 - stopped.done, deferred: 1 });
    expect(await cleanUp(context, { now })).toMatchObject({ done: 4 - stopped.done, left: 0 });
  });

  it('two at once remove each backup once, and both end well', async () => {
    const { context, again, db } = await shop();
    for (let count = 0; count < 4; count++)
      for (const key of ['one', 'two']) await backUp(context, key, { expiresAt: days(1), type: 'config_only' });
    const runs = await Promise.all([1, 2, 3].map(() => cleanUp(again(), { now: days(2) })));
    expect(runs.flatMap(({ failed }) => failed)).toEqual([]);
    await cleanUp(context, { now: days(2) });
    const { items } = await listAuditLogs(context, { action: 'DELETE_MODULE_BACKUP' });
    expect(items).toHaveLength(6);
    expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(2);
  });

  it('a clock here that is ahead of the database removes nothing early; one behind waits', async () => {
    const { context, again } = await shop();
    await policy(context, { retentionDays: 1, minimumKept: 0 });
    const real = again({ clock: { now: () => new Date() } });
    await backUp(real);
    const ahead = again({ clock: { now: () => new Date(Date.now() + 2 * DAY_MS) } });
    expect(await cleanUp(ahead)).toMatchObject({ done: 0, kept: 1 });
    const behind = again({ clock: { now: () => new Date(Date.now() - 3_600_000) } });
    expect(await cleanUp(behind)).toMatchObject({ done: 0, kept: 1 });
    const tomorrow = new Date(Date.now() + 1.01 * DAY_MS).toISOString();
    expect(await cleanUp(real, { now: tomorrow })).toMatchObject({ done: 1 });
  });

  it('frees the space a day later, and tells administrators when it was much', async () => {
    const { context, clock, store } = await shop();
    await updateSettings(context, { place: {}, set: { spaceFreedThresholdBytes: 10 } });
    await policy(context, { minimumKept: 0 });
    const kept = await backUp(context, 'two');
    const gone = await backUp(context, 'one', { expiresAt: days(1) });
    clock.ms += 2 * DAY_MS;
    const first = await cleanUp(context);
    expect(first).toMatchObject({ done: 1, freedBytes: 0, waitingBytes: gone.stats.bytesStored });
    clock.ms += GARBAGE_GRACE_MS + 60_000;
    expect(await cleanUp(context)).toMatchObject({
      freedBytes: gone.stats.bytesStored,
      freedObjects: 1,
      waitingBytes: 0,
    });
    const { items } = await listNotifications(context, {});
    expect(items.filter(({ kind }) => kind === 'space-freed')).toMatchObject([
      { params: { freedBytes: gone.stats.bytesStored } },
    ]);
    let bytes = 0;
    for await (const { sizeBytes } of store.list('packs/')) bytes += sizeBytes;
    expect(bytes).toBe(kept.stats.bytesStored);
    // What calls every few minutes opens the manifests once an hour.
    expect(await cleanupExpiredBackups(context, {})).toMatchObject({ deferred: 0, freedObjects: 0 });
  });

  it('a manifest that cannot be opened stops the freeing, not the clean-up: told, and every object stays', async () => {
    const { context, clock, store } = await shop();
    const damaged = await backUp(context, 'two');
    await backUp(context, 'one', { expiresAt: days(1) });
    const path = damaged.filePath ?? '';
    await store.put(path, (await store.get(path)).fill(0, 100, 104));
    await backUp(context);
    clock.ms += 3 * DAY_MS;
    const result = await cleanUp(context);
    expect(result).toMatchObject({ done: 1, garbageError: { code: 'repository/damaged' }, freedObjects: 0 });
    expect(await noticesOf(context)).toEqual(['cleanup-failed']);
    const { items } = await listAuditLogs(context, { action: 'EXPIRED_BACKUPS_CLEANUP' });
    expect(items).toMatchObject([{ outcome: 'done', details: { removed: 1, code: 'repository/damaged' } }]);
  });

  it('deletes expired plans and half written ones, never one that an undo needs', async () => {
    const { context, clock, store, db } = await shop();
    await backUp(context);
    await db.query('UPDATE item SET price = 0 WHERE store_id = 1');
    const damaged = (await db.query('SELECT sum(price) FROM item')).rows;
    const applied = await planRestore(context, { backup: 'latest' });
    const restore = await applyRestore(context, { plan: applied.id });
    const unused = await planRestore(context, { backup: 'latest' });
    const half = 'plans/99999999-9999-4999-8999-999999999999/0-0';
    await store.put(half, Buffer.from('half'));
    const plans = async () => {
      const ids = new Set<string>();
      for await (const { path } of store.list('plans/')) ids.add(path.split('/')[1] ?? '');
      return [...ids].toSorted();
    };
    clock.ms += 24 * 3_600_000;
    await cleanUp(context);
    expect(await plans()).toHaveLength(3);
    clock.ms += 2 * 3_600_000;
    expect(await cleanUp(context)).toMatchObject({ plans: 1 });
    expect(new Set(await plans())).toEqual(new Set([applied.id, half.split('/')[1]]));
    expect((await db.query('SELECT id FROM cofre.plans ORDER BY id')).rows).toHaveLength(2);
    await undoRestore(context, { restore: restore.id });
    expect((await db.query('SELECT sum(price) FROM item')).rows).toEqual(damaged);
    clock.ms += 31 * DAY_MS;
    await cleanUp(context);
    expect(await plans()).toEqual([]);
    expect((await db.query('SELECT FROM cofre.plans')).rowCount).toBe(0);
    expect(unused.id).not.toBe(applied.id);
  });

  it('with no repository yet there is nothing to do, and that is no error', async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db, { init: false });
    made.push(async () => service[Symbol.asyncDispose]());
    expect(await cleanUp(service.context)).toMatchObject({ done: 0, failed: [], freedBytes: 0 });
    expect(await noticesOf(service.context)).toEqual([]);
  });

  it('after any history of backups, deletions, expiries and clean-ups that die, what is listed is whole (I1, I3)', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('back-up'), explicit: fc.boolean(), full: fc.boolean() }),
      fc.record({ kind: fc.constant('delete'), which: fc.nat(5) }),
      fc.record({ kind: fc.constant('hold'), which: fc.nat(5) }),
      fc.record({ kind: fc.constant('clean-up'), dies: fc.option(fc.nat(60)), after: fc.boolean() }),
      fc.record({ kind: fc.constant('wait'), hours: fc.constantFrom(1, 13, 25, 49) }),
    );
    let dies: { at: number; after: boolean } | null = null;
    let calls = 0;
    const { context, db, clock, again } = await shop({
      fault: ({ operation }) => {
        if (dies === null || operation === 'get') return null;
        return calls++ < dies.at ? null : { kind: dies.after && calls === dies.at + 1 ? 'after' : 'before' };
      },
    });
    await policy(context, { retentionDays: 2 });
    const sums = new Map<string, string>();
    const sum = async () =>
      (await db.query(`SELECT md5(string_agg(i::text, ',' ORDER BY item_id)) AS sum FROM item i WHERE store_id = 1`))
        .rows[0].sum as string;
    const at = async (which: number) => {
      const ids = await idsOf(context);
      return ids[which % Math.max(1, ids.length)];
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
        for (const step of steps) {
          if (step.kind === 'wait') clock.ms += ('hours' in step ? step.hours : 0) * 3_600_000;
          if ('explicit' in step) {
            await db.query(
              'UPDATE item SET price = price + 1 WHERE store_id = 1 AND item_id % 7 = (random() * 7)::int',
            );
            const expiresAt = new Date(clock.ms + 30 * 3_600_000).toISOString();
            const type = step.full ? 'full' : 'incremental';
            const { id } = await backUp(again(), 'one', { type, ...(step.explicit ? { expiresAt } : {}) });
            sums.set(id, await sum());
          }
          if ('which' in step) {
            const id = await at(step.which);
            if (id !== undefined && step.kind === 'hold') await holdBackup(context, { backup: id });
            if (id !== undefined && step.kind === 'delete')
              await deleteBackup(again(), { backup: id }).catch((error: unknown) =>
                expect(error).toMatchObject({ code: 'backup/held' }),
              );
          }
          if ('dies' in step) {
            const process = again();
            await process.openRepository();
            [dies, calls] = [step.dies === null ? null : { at: step.dies, after: step.after }, 0];
            await cleanUp(process).catch(() => undefined);
            dies = null;
          }
        }
        const { items } = await listBackups(again(), { limit: 500, status: 'completed' });
        for (const { id } of items) {
          expect((await verifyBackup(context, { backup: id })).damage).toEqual([]);
        }
        // One of them is put back, and gives the rows of its moment.
        const [restored] = items;
        if (restored !== undefined) {
          const plan = await planRestore(again(), { backup: restored.id, tables: ['item'] });
          await applyRestore(again(), { plan: plan.id, safetyBackup: false });
          expect(await sum()).toBe(sums.get(restored.id));
        }
      }),
      { numRuns: 12 },
    );
    // Two quiet days: nothing lies there that nothing needs.
    for (let run = 0; run < 3; run++) {
      clock.ms += 25 * 3_600_000;
      expect(await cleanUp(again())).toMatchObject({ failed: [] });
    }
    expect(await cleanUp(again())).toMatchObject({ waitingBytes: 0 });
  }, 240_000);
});

/** Until somebody waits for a lock on the list of backups. */
async function untilLocked(db: TestDatabase): Promise<void> {
  for (;;) {
    const { rows } = await db.query(
      `SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.module_backups'::regclass`,
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
