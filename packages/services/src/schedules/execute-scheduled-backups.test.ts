import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '@cofre/engine';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { listBackups } from '../backups/list-backups.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

/** Goes on only when the test says so. */
class SetClock implements Clock {
  #time = Date.parse('2025-02-01T12:00:00Z');
  now = (): Date => new Date(this.#time);
  set(iso: string): void {
    this.#time = Date.parse(iso);
  }
}

describe.each(testServers())('scheduled backups on PostgreSQL $name', (server) => {
  const made: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  interface Scene extends TestService {
    readonly db: TestDatabase;
    readonly clock: SetClock;
    readonly context: ServiceContext;
  }

  /** Stores 1 … n of the shop, each an implementation. */
  async function shop(stores = 2): Promise<Scene> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const clock = new SetClock();
    const service = await createShop(db);
    made.push(() => service[Symbol.asyncDispose]());
    const context = service.again({ clock });
    await db.query(`INSERT INTO public.store SELECT i, 'Store ' || i FROM generate_series(3, $1::int) AS i`, [stores]);
    for (let store = 1; store <= stores; store += 1) {
      await addImplementation(context, { module: 'shop', key: `s${store}`, scope: { store_id: store } });
    }
    return { ...service, context, db, clock };
  }

  it('what is due is backed up, and due next after now', async () => {
    const { context, clock, db } = await shop();
    expect(await executeScheduledBackups(context)).toEqual({ done: 0, unchanged: 0, failed: [], deferred: 0, left: 0 });
    await updateSettings(context, { place: {}, set: { schedule: '0 3 * * *' } });
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, left: 0 });
    clock.set('2025-02-02T03:00:00Z');
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 2, failed: [], left: 0 });
    expect(await executeScheduledBackups(context)).toMatchObject({ done: 0, left: 0 });
    expect((await listBackups(context, {})).items).toMatchObject([
      { status: 'completed', type: 'full', createdBy: 'schedule' },
      { status: 'completed', type: 'full', createdBy: 'schedule' },
    ]);
    const { rows } = await db.query('SELECT DISTINCT next_backup_at FROM cofre.implementation_settings');
    expect(rows).toEqual([{ next_backup_at: new Date('2025-02-03T03:00:00Z') }]);
  });
});
