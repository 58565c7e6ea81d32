import { afterEach, describe, expect, it } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createScheduledShop, DUE, type ScheduledShop } from '../../../../tests/support/scheduled-shop.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listImplementations } from '../modules/list-implementations.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';
import { readOverdue } from './read-overdue.ts';

const MINUTE_MS = 60_000;

describe.each(costlyTestServers())('overdue backups on PostgreSQL $name', (server) => {
  const made: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const scene of made.splice(0)) await scene[Symbol.asyncDispose]();
  });

  async function shop(): Promise<ScheduledShop> {
    const scene = await createScheduledShop(server);
    made.push(scene);
    return scene;
  }

  const overdue = async ({ context, clock }: ScheduledShop) =>
    (await readOverdue(context.catalogue, clock.now())).map(({ ref }) => ref.key);
  const listed = async ({ context }: ScheduledShop) =>
    (await listImplementations(context)).map(({ key, nextBackupAt, overdue: is }) => [key, nextBackupAt, is]);

  it('show where nothing runs at all, when the grace of the settings is over', async () => {
    const scene = await shop();
    const { context, clock } = scene;
    await updateSettings(context, { place: { implementation: 'shop/s2' }, set: { overdueGraceMinutes: 5 } });
    expect(await overdue(scene)).toEqual([]);
    clock.set(DUE);
    clock.pass(5 * MINUTE_MS);
    expect(await overdue(scene)).toEqual([]);
    clock.pass(1000);
    expect(await overdue(scene)).toEqual(['s2']);
    expect(await listed(scene)).toEqual([
      ['s1', DUE, false],
      ['s2', DUE, true],
    ]);
    clock.pass(60 * MINUTE_MS);
    const found = await readOverdue(context.catalogue, clock.now());
    expect(found).toHaveLength(2);
    expect(found).toContainEqual({
      ref: expect.objectContaining({ module: 'shop', key: 's1' }),
      dueAt: new Date(DUE),
      failures: 0,
      lastErrorCode: null,
    });
    await executeScheduledBackups(context);
    expect(await overdue(scene)).toEqual([]);
    expect((await listed(scene)).every(([, , is]) => is === false)).toBe(true);
  });

  it('an implementation that was added while nothing runs is missed, too', async () => {
    const scene = await shop();
    await scene.db.query(`INSERT INTO store VALUES (3, 'Three')`);
    const added = await addImplementation(scene.context, { module: 'shop', key: 's3', scope: { store_id: 3 } });
    expect(added).toMatchObject({ nextBackupAt: DUE, overdue: false, failures: 0, lastErrorCode: null });
    scene.clock.set('2025-02-03T00:00:00Z');
    expect(await overdue(scene)).toHaveLength(3);
  });

  it('one without a schedule, or that was deleted, is never missed', async () => {
    const scene = await shop();
    await updateSettings(scene.context, { place: { implementation: 'shop/s1' }, set: { schedule: null } });
    await scene.db.query(`DELETE FROM module_implementations WHERE key = 's2'`);
    scene.clock.set('2025-03-01T00:00:00Z');
    expect(await overdue(scene)).toEqual([]);
    expect(await listed(scene)).toEqual([['s1', null, false]]);
  });

  it('what failed is told with how often and why', async () => {
    const scene = await shop();
    await scene.db.query('ALTER TABLE sale RENAME TO sales');
    scene.clock.set(DUE);
    await executeScheduledBackups(scene.context);
    expect(await listImplementations(scene.context)).toMatchObject([
      { key: 's1', overdue: false, failures: 1, lastErrorCode: 'definition/invalid' },
      { key: 's2', failures: 1 },
    ]);
  });
});
