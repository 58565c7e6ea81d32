import { afterEach, describe, expect, it } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import {
  createScheduledShop,
  DUE,
  DUE_NEXT,
  type ScheduledShop,
  type ScheduledShopOptions,
} from '../../../../tests/support/scheduled-shop.ts';
import { listBackups } from '../backups/list-backups.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe.each(costlyTestServers())('clocks that jump, on PostgreSQL $name', (server) => {
  const made: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const scene of made.splice(0)) await scene[Symbol.asyncDispose]();
  });

  async function shop(options?: ScheduledShopOptions): Promise<ScheduledShop> {
    const scene = await createScheduledShop(server, { implementations: 1, ...options });
    made.push(scene);
    return scene;
  }

  const count = async ({ context }: ScheduledShop) => (await listBackups(context, { limit: 500 })).items.length;

  it.each(['0 3 * * *', '0 * * * *', '*/15 * * * *'])(
    'an hour back: nothing is doubled, and it goes on where it was (%s)',
    async (schedule) => {
      const scene = await shop({ schedule });
      const { clock, context } = scene;
      clock.set(DUE);
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
      const { next } = await scene.standing('s1');
      clock.pass(-HOUR_MS);
      for (let minutes = 0; minutes < 60; minutes += 5) {
        expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, left: 0 });
        clock.pass(5 * 60_000);
      }
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 0 });
      expect(await count(scene)).toBe(1);
      expect((await scene.standing('s1')).next).toBe(next);
      clock.set(next ?? '');
      expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    },
  );

  it('a day on: what was missed is caught up once', async () => {
    const scene = await shop({ schedule: '0 * * * *' });
    scene.clock.pass(DAY_MS);
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1 });
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0, left: 0 });
  });

  it.each([
    ['daily', '0 3 * * *', DUE_NEXT],
    ['hourly', '0 * * * *', '2025-02-02T04:00:00.000Z'],
  ])('a day on, and put right: %s, nothing waits for a time that was wrong', async (_, schedule, next) => {
    const scene = await shop({ schedule });
    const { clock, context } = scene;
    clock.set(DUE);
    clock.pass(DAY_MS + 1000);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    clock.pass(-DAY_MS);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, left: 0 });
    expect((await scene.standing('s1')).next).toBe(next);
    clock.set(next);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 1 });
    expect(await count(scene)).toBe(2);
  });

  it('a time that lies far ahead, whoever wrote it, is put right', async () => {
    const scene = await shop();
    await scene.db.query(`UPDATE cofre.implementation_settings SET next_backup_at = '2031-01-01'`);
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0 });
    expect((await scene.standing('s1')).next).toBe(DUE);
  });

  it('a time that is imagined far ahead is put right by the next run that imagines none', async () => {
    const scene = await shop();
    const { context } = scene;
    const now = '2031-01-01T03:00:00Z';
    expect(await executeScheduledBackups(context, { now })).toMatchObject({ done: 1 });
    expect(await executeScheduledBackups(context, { now })).toMatchObject({ done: 0 });
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 0 });
    expect((await scene.standing('s1')).next).toBe(DUE);
  });

  it('a claim that a clock wrote which was a day ahead is not waited for', async () => {
    const scene = await shop();
    scene.clock.set(DUE);
    await scene.db.query(
      `UPDATE cofre.implementation_settings SET claimed_by = 'who is gone', claimed_until = '2025-02-03T03:02:00Z'`,
    );
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1 });
  });
});
