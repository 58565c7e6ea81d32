import { afterEach, describe, expect, it } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createScheduledShop, DUE, DUE_NEXT, type ScheduledShop } from '../../../../tests/support/scheduled-shop.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { listBackups } from '../backups/list-backups.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { verifyAllBackups } from '../backups/verify-all-backups.ts';
import { applyDefinition } from '../modules/apply-definition.ts';
import { checkRepository } from '../repository/check-repository.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

const DAY_MS = 86_400_000;

describe.each(costlyTestServers())('scheduled backups of unchanged slices on PostgreSQL $name', (server) => {
  const made: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const scene of made.splice(0)) await scene[Symbol.asyncDispose]();
  });

  /** Both stores backed up once, and to be backed up again if they changed. */
  async function shop(settings: Parameters<typeof updateSettings>[1]['set'] = {}): Promise<ScheduledShop> {
    const scene = await createScheduledShop(server);
    made.push(scene);
    await updateSettings(scene.context, { place: {}, set: { skipUnchanged: true, ...settings } });
    scene.clock.set(DUE);
    expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 2, unchanged: 0 });
    return scene;
  }

  async function nextDay({ clock, context }: ScheduledShop) {
    clock.pass(DAY_MS);
    return executeScheduledBackups(context);
  }

  async function objects({ store }: ScheduledShop): Promise<string[]> {
    const paths: string[] = [];
    for await (const { path } of store.list('')) paths.push(path);
    return paths.sort();
  }

  const rows = async ({ db }: ScheduledShop): Promise<{ id: string; status: string; key: string }[]> =>
    (await db.query('SELECT id, status, implementation_key AS key FROM module_backups ORDER BY created_at, id')).rows;

  it('nothing is kept: no row, no object, no lease; and it counts as done', async () => {
    const scene = await shop();
    const before = { objects: await objects(scene), rows: await rows(scene) };
    expect(await nextDay(scene)).toEqual({ done: 2, unchanged: 2, failed: [], deferred: 0, left: 0 });
    expect({ objects: await objects(scene), rows: await rows(scene) }).toEqual(before);
    const standing = await scene.db.query(
      'SELECT DISTINCT last_scheduled_at, next_backup_at, failures FROM cofre.implementation_settings',
    );
    expect(standing.rows).toEqual([
      { last_scheduled_at: new Date(DUE_NEXT), next_backup_at: new Date('2025-02-04T03:00:00Z'), failures: 0 },
    ]);
    const logged = await scene.db.query(`SELECT details ->> 'unchanged' AS unchanged FROM audit_logs
      WHERE action = 'SCHEDULED_BACKUPS_EXECUTED' ORDER BY created_at`);
    expect(logged.rows).toEqual([{ unchanged: '0' }, { unchanged: '2' }]);
  });

  it.each([
    [
      'a value',
      'UPDATE sale SET quantity = quantity + 1 WHERE sale_id = (SELECT min(sale_id) FROM sale JOIN item USING (item_id) WHERE store_id = 1)',
    ],
    ['a row more', 'INSERT INTO item (store_id, sku) VALUES (1, $$new$$)'],
    [
      'a row less',
      'DELETE FROM sale WHERE sale_id = (SELECT max(sale_id) FROM sale JOIN item USING (item_id) WHERE store_id = 1)',
    ],
    [
      'a table of it that was emptied',
      'DELETE FROM sale USING item WHERE item.item_id = sale.item_id AND store_id = 1',
    ],
    ['configuration', `UPDATE store SET settings = '{}' WHERE store_id = 1`],
  ])('%s that changed is kept, and only there', async (_, change) => {
    const scene = await shop();
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
    await scene.db.query(change);
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 1 });
    expect((await rows(scene)).map(({ key }) => key).sort()).toEqual(['s1', 's1', 's2']);
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
    expect(await verifyAllBackups(scene.context)).toMatchObject({ ok: true });
    expect(await checkRepository(scene.context, { readData: true })).toMatchObject({
      ok: true,
      checked: { backups: 3 },
    });
  });

  it('rows that were changed and changed back are unchanged; rewritten they are not kept, either', async () => {
    const scene = await shop();
    await scene.db.query('UPDATE item SET price = price + 1; UPDATE item SET price = price - 1');
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
  });

  it.each([
    ['a column', 'ALTER TABLE item ADD COLUMN note text'],
    ['a default', `ALTER TABLE item ALTER COLUMN price SET DEFAULT 7`],
    ['a foreign key', 'ALTER TABLE sale DROP CONSTRAINT sale_item_id_fkey'],
    ['an index that is unique', 'CREATE UNIQUE INDEX ON sale (sale_id, item_id)'],
  ])('%s that changed is kept: to restore it needs another structure', async (_, change) => {
    const scene = await shop();
    await scene.db.query(change);
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 0 });
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 2 });
  });

  it('a definition that changed is kept', async () => {
    const scene = await shop();
    const { rows: kept } = await scene.db.query('SELECT source FROM cofre.module_definitions');
    await applyDefinition(scene.context, { source: kept[0].source.replace('role: data', 'role: config') });
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 0 });
  });

  it('a table with no key is compared, too', async () => {
    const scene = await shop();
    await scene.db.query('ALTER TABLE sale DROP CONSTRAINT sale_pkey');
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 0 });
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 2 });
    await scene.db.query(
      'INSERT INTO sale SELECT s.* FROM sale AS s JOIN item USING (item_id) WHERE store_id = 2 LIMIT 1',
    );
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 1 });
  });

  it('configuration alone may stand in an earlier backup of everything; everything in none of configuration', async () => {
    const scene = await shop();
    const setType = (defaultType: 'full' | 'config_only' | 'incremental') =>
      updateSettings(scene.context, { place: {}, set: { defaultType } });
    await setType('config_only');
    await scene.db.query('UPDATE item SET price = price + 1');
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
    await scene.db.query('UPDATE store SET name = name || $$!$$');
    expect(await nextDay(scene)).toMatchObject({ unchanged: 0 });
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
    await setType('incremental');
    expect(await nextDay(scene)).toMatchObject({ unchanged: 0 });
    expect(await nextDay(scene)).toMatchObject({ unchanged: 2 });
    for (const { id, type } of (await listBackups(scene.context, {})).items) {
      if (type === 'full') await deleteBackup(scene.context, { backup: id });
    }
    for (const { id, type } of (await listBackups(scene.context, {})).items) {
      if (type === 'incremental') await deleteBackup(scene.context, { backup: id });
    }
    await setType('full');
    expect(await nextDay(scene)).toMatchObject({ unchanged: 0 });
  });

  it('it is kept all the same where the earlier one ends before the next time, unless that is on hold', async () => {
    const scene = await shop({ retentionDays: 2 });
    // Made on the 2nd at three, it ends on the 4th at three: the run of the 3rd leads up to just then.
    const [first, second] = (await listBackups(scene.context, {})).items;
    await holdBackup(scene.context, { backup: first?.id ?? '' });
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 1 });
    expect((await rows(scene)).filter(({ key }) => key === second?.implementation.key)).toHaveLength(2);
  });

  it('it is kept where the earlier one was deleted or is missing', async () => {
    const scene = await shop();
    const [first, second] = (await listBackups(scene.context, {})).items;
    await deleteBackup(scene.context, { backup: first?.id ?? '' });
    await scene.db.query('UPDATE module_backups SET missing_at = now() WHERE id = $1', [second?.id]);
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 0 });
  });

  it('what an earlier one needs and is gone is stored anew, and not taken for unchanged', async () => {
    const scene = await shop();
    for await (const { path } of scene.store.list('packs/')) await scene.store.delete(path);
    expect(await nextDay(scene)).toMatchObject({ done: 2, unchanged: 0, failed: [] });
    const [newest, other] = (await listBackups(scene.context, {})).items;
    for (const backup of [newest, other])
      expect(await verifyBackup(scene.context, { backup: backup?.id ?? '' })).toMatchObject({ ok: true });
  });

  it('one that fails while it is not known yet whether it changed is listed as failed', async () => {
    const scene = await shop();
    const blocker = await scene.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE store');
    const { failed } = await nextDay(scene);
    await blocker.end();
    expect(failed).toMatchObject([{ code: 'database/lock-timeout' }, { code: 'database/lock-timeout' }]);
    expect((await rows(scene)).map(({ status }) => status)).toEqual(['completed', 'completed', 'failed', 'failed']);
  });
});
