import { setTimeout as sleep } from 'node:timers/promises';
import { backupDocument, backupRowsDocument, checkDocument, diffDocument } from '@cofre/contracts';
import { MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { checkRepository } from '../repository/check-repository.ts';
import { createBackup } from './create-backup.ts';
import { createBackups } from './create-backups.ts';
import { deleteBackup } from './delete-backup.ts';
import { diffBackups } from './diff-backups.ts';
import { listBackups } from './list-backups.ts';
import { readBackupRows } from './read-backup-rows.ts';
import { showBackup } from './show-backup.ts';
import { MASK } from './show-row.ts';
import { verifyBackup } from './verify-backup.ts';

const KEY = { kind: 'passphrase', passphrase: 'correct horse' } as const;

describe.each(costlyTestServers())('backups on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(options: TestServiceOptions = {}): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db, options);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    await addImplementation(service.context, { module: 'shop', key: 'two', scope: { store_id: 2 } });
    return { ...service, db };
  }

  const one = (input: object = {}) => ({ implementation: 'shop/one', ...input });

  it('a full backup holds the slice and is listed, shown, verified and read as it was', async () => {
    const { context } = await shop();
    const backup = await createBackup(context, one({ description: 'before the sale' }));
    expect(backupDocument.parse(backup)).toMatchObject({
      type: 'full',
      status: 'completed',
      parentId: null,
      description: 'before the sale',
      createdBy: 'tester',
      stats: { tables: 5, rows: 1 + 1 + 200 + 1000 },
      checksum: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(await listBackups(context, {})).toEqual({ items: [backup], nextCursor: null });
    expect(await showBackup(context, { backup: backup.id.slice(0, 6) })).toEqual(backup);
    const check = await verifyBackup(context, { backup: 'latest' });
    expect(checkDocument.parse(check)).toMatchObject({ ok: true, checked: { backups: 1 } });
    expect((await showBackup(context, { backup: 'latest:full' })).verifiedAt).not.toBeNull();
    const rows = await readBackupRows(context, { backup: 'latest', table: 'public.item', limit: 2 });
    expect(backupRowsDocument.parse(rows)).toMatchObject({
      columns: ['item_id', 'store_id', 'sku', 'price'],
      rows: [{ item_id: '2', store_id: '1', sku: 'sku-2', price: '2.20' }, { item_id: '4' }],
      rowsTotal: 200,
    });
  });

  it('secret columns are masked when looked at, and left out of backup_data', async () => {
    const { context, db } = await shop();
    await createBackup(context, one());
    const rows = await readBackupRows(context, { backup: 'latest', table: 'store' });
    expect(rows.rows).toEqual([
      { store_id: '1', name: 'One', settings: '{"vat": 23.0, "hours": [8, 18]}', api_key: MASK },
    ]);
    expect(rows.secretColumns).toEqual(['api_key']);
    await db.query(`UPDATE store SET api_key = 'new-key', name = 'Uno' WHERE store_id = 1`);
    const diff = await diffBackups(context, { from: 'latest', to: 'live', rows: true });
    expect(diffDocument.parse(diff).tables.find(({ table }) => table === 'public.store')?.rows).toEqual([
      {
        op: 'update',
        key: { store_id: '1' },
        before: { name: 'One', api_key: MASK },
        after: { name: 'Uno', api_key: MASK },
      },
    ]);
    const data = await db.query('SELECT backup_data FROM public.module_backups');
    expect(data.rows[0].backup_data.config['public.store']).toEqual([
      // A number that JavaScript would write otherwise stays text.
      { store_id: 1, name: 'One', settings: '{"vat": 23.0, "hours": [8, 18]}' },
    ]);
    expect(JSON.stringify(data.rows)).not.toContain('key-of-one');
  });

  it('an encrypted backup leaves no row of the application in the catalogue or, readable, in the repository (I10)', async () => {
    const { context, db, store } = await shop({ key: KEY });
    const backup = await createBackup(context, one());
    expect(backup.encrypted).toBe(true);
    const { rows } = await db.query('SELECT to_jsonb(b) AS row FROM public.module_backups b');
    expect(rows[0].row.backup_data).toMatchObject({ config: null, configLeftOut: 'encrypted' });
    for await (const { path } of store.list('')) {
      expect(Buffer.from(await store.get(path)).includes('sku-2')).toBe(false);
    }
    expect((await readBackupRows(context, { backup: 'latest', table: 'item', limit: 1 })).rows[0]?.['sku']).toBe(
      'sku-2',
    );
  });

  it('config_only holds the tables of role config alone', async () => {
    const { context } = await shop();
    const backup = await createBackup(context, one({ type: 'config_only' }));
    expect(backup).toMatchObject({ type: 'config_only', stats: { rows: 2 } });
    await expect(readBackupRows(context, { backup: 'latest', table: 'item' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
  });

  it('an incremental stores only changed blocks, and restores the same rows as a full of that moment (I2)', async () => {
    const { context, db } = await shop();
    const full = await createBackup(context, one());
    const same = await createBackup(context, one({ type: 'incremental' }));
    expect(same).toMatchObject({ type: 'incremental', parentId: full.id, stats: { blocksNew: 0, rowsChanged: 0 } });
    await db.query('UPDATE item SET price = price + 1 WHERE item_id = 20');
    const third = await createBackup(context, one({ type: 'incremental' }));
    expect(third).toMatchObject({ parentId: same.id, stats: { rowsChanged: 1 } });
    expect(third.stats.bytesStored).toBeLessThan(full.stats.bytesStored);
    expect(third.probe).toMatchObject({ used: false, reason: expect.any(String) });
    const again = await createBackup(context, one());
    expect(
      (await diffBackups(context, { from: third.id, to: again.id })).tables.every(
        (table) => table.inserted + table.updated + table.deleted === 0,
      ),
    ).toBe(true);
    expect(await diffBackups(context, { from: full.id, to: third.id, tables: ['item'], rows: true })).toMatchObject({
      tables: [
        {
          table: 'public.item',
          inserted: 0,
          updated: 1,
          deleted: 0,
          rows: [{ op: 'update', key: { item_id: '20' }, before: { price: '22.00' }, after: { price: '23.00' } }],
        },
      ],
    });
  });

  it('an incremental with nothing to build on becomes a full one and says so', async () => {
    const { context } = await shop();
    await createBackup(context, one({ type: 'config_only' }));
    const backup = await createBackup(context, one({ type: 'incremental' }));
    expect(backup).toMatchObject({
      type: 'full',
      parentId: null,
      probe: { used: false, reason: expect.stringContaining('no earlier backup') },
    });
  });

  it('a damaged parent is passed over: the next backup builds on the one before (I3)', async () => {
    const { context, store } = await shop();
    const full = await createBackup(context, one());
    const second = await createBackup(context, one({ type: 'incremental' }));
    await store.put(second.filePath ?? '', Buffer.from('not a manifest'));
    expect(await createBackup(context, one({ type: 'incremental' }))).toMatchObject({
      type: 'incremental',
      parentId: full.id,
    });
  });

  it('deleting a backup hurts no other, whatever builds on it (I3)', async () => {
    const { context } = await shop();
    const full = await createBackup(context, one());
    const child = await createBackup(context, one({ type: 'incremental' }));
    await deleteBackup(context, { backup: full.id });
    expect((await listBackups(context, {})).items.map(({ id }) => id)).toEqual([child.id]);
    await expect(showBackup(context, { backup: full.id })).rejects.toMatchObject({ code: 'backup/not-found' });
    expect(await verifyBackup(context, { backup: child.id })).toMatchObject({ ok: true });
    expect(await checkRepository(context, { readData: true })).toMatchObject({ ok: true, checked: { backups: 1 } });
  });

  it('a backup on hold is not deleted', async () => {
    const { context, db } = await shop();
    await createBackup(context, one());
    await db.query('UPDATE public.module_backups SET held = true');
    await expect(deleteBackup(context, { backup: 'latest' })).rejects.toMatchObject({ code: 'backup/held' });
    expect(await verifyBackup(context, { backup: 'latest' })).toMatchObject({ ok: true });
  });

  it('lists page by page, newest first, and by implementation, type, status and time', async () => {
    const { context } = await shop();
    const ids: string[] = [];
    for (const implementation of ['shop/one', 'shop/two', 'shop/one']) {
      ids.unshift((await createBackup(context, { implementation, type: 'config_only' })).id);
    }
    const first = await listBackups(context, { limit: 2 });
    const second = await listBackups(context, { limit: 2, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
    expect((await listBackups(context, { implementation: 'shop/two' })).items).toHaveLength(1);
    expect(
      (await listBackups(context, { implementation: first.items[0]?.implementation.id ?? '' })).items,
    ).toHaveLength(2);
    expect((await listBackups(context, { type: 'full' })).items).toEqual([]);
    expect((await listBackups(context, { status: 'failed' })).items).toEqual([]);
    expect((await listBackups(context, { since: first.items[1]?.createdAt ?? '' })).items).toHaveLength(2);
    await expect(listBackups(context, { cursor: 'nonsense' })).rejects.toMatchObject({ code: 'usage/invalid' });
    await expect(showBackup(context, { backup: 'ffff' })).rejects.toMatchObject({ code: 'backup/not-found' });
  });

  it('backups of an implementation that was deleted are still listed and readable', async () => {
    const { context, db } = await shop();
    await createBackup(context, one());
    await db.query(`DELETE FROM public.module_implementations WHERE key = 'one'`);
    const { items } = await listBackups(context, { implementation: 'shop/one' });
    expect(items).toMatchObject([{ implementation: { module: 'shop', key: 'one' }, status: 'completed' }]);
    expect((await readBackupRows(context, { backup: 'latest', table: 'item' })).rowsTotal).toBe(200);
  });

  it('one implementation has one backup at a time; two implementations may run beside each other', async () => {
    const { context, db } = await shop();
    const blocker = await db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const first = createBackup(context, one());
    first.catch(() => undefined);
    await untilRunning(db);
    await expect(createBackup(context, one())).rejects.toMatchObject({ code: 'backup/busy', retryable: true });
    await expect(deleteBackup(context, { backup: 'latest' })).rejects.toMatchObject({ code: 'backup/not-found' });
    await expect(createBackup(context, { implementation: 'shop/two', type: 'config_only' })).resolves.toMatchObject({
      status: 'completed',
    });
    await blocker.query('ROLLBACK');
    await expect(first).resolves.toMatchObject({ status: 'completed' });
    await blocker.end();
  });

  it('a lock that cannot be had in time fails the backup, which is listed as failed with its reason', async () => {
    const { context, db } = await shop();
    const blocker = await db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    await expect(createBackup(context, one())).rejects.toMatchObject({ code: 'database/lock-timeout' });
    await blocker.end();
    expect((await listBackups(context, {})).items).toMatchObject([
      { status: 'failed', error: { code: 'database/lock-timeout' }, checksum: null },
    ]);
    await expect(
      readBackupRows(context, { backup: (await listBackups(context, {})).items[0]?.id ?? '', table: 'item' }),
    ).rejects.toMatchObject({ code: 'backup/not-restorable' });
  });

  it('an interrupted backup is cancelled, not listed, and leaves no manifest', async () => {
    const { again, db, context } = await shop();
    const blocker = await db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const stop = new AbortController();
    const running = createBackup(again({ signal: stop.signal }), one());
    running.catch(() => undefined);
    await untilRunning(db);
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'backup/interrupted' });
    await blocker.end();
    expect((await listBackups(context, {})).items).toEqual([]);
    expect((await listBackups(context, { status: 'canceled' })).items).toHaveLength(1);
    expect(await checkRepository(context, {})).toMatchObject({ checked: { backups: 0 } });
    await expect(createBackup(context, one())).resolves.toMatchObject({ status: 'completed' });
  });

  it('a backup whose lock was lost stops, and is listed as failed', async () => {
    const { db, context } = await shop();
    const blocker = await db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const running = createBackup(context, one());
    running.catch(() => undefined);
    await untilRunning(db);
    await db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cofre lock' AND datname = current_database()`,
    );
    await expect(running).rejects.toMatchObject({ code: 'database/connection-lost' });
    await blocker.end();
    expect((await listBackups(context, {})).items).toMatchObject([
      { status: 'failed', error: { code: 'database/connection-lost' } },
    ]);
  });

  it('several implementations: one that fails does not stop the others and is counted', async () => {
    const { context, db } = await shop();
    await db.query(
      `INSERT INTO public.module_implementations (module_id, key, name) SELECT id, 'no-scope', 'No scope' FROM public.base_modules`,
    );
    const batch = await createBackups(context, { type: 'config_only', implementations: { module: 'shop' } });
    expect(batch).toMatchObject({
      items: [{ implementation: { key: 'one' } }, { implementation: { key: 'two' } }],
      failed: 1,
      failures: [{ implementation: 'shop/no-scope', error: { code: 'implementation/scope-missing' } }],
    });
    await expect(
      createBackups(context, { implementations: { named: ['shop/one', 'shop/three'] } }),
    ).rejects.toMatchObject({ code: 'implementation/not-found' });
    expect((await listBackups(context, {})).items).toHaveLength(2);
  });

  it('refuses a row that belongs to two implementations, before anything is written', async () => {
    const { context, db } = await shop();
    await db.query(`UPDATE cofre.implementation_settings SET backup_scope = '{"store_id": 1}'`);
    await expect(createBackup(context, one())).rejects.toMatchObject({ code: 'definition/overlap' });
    await expect(
      addImplementation(context, { module: 'shop', key: 'three', scope: { store_id: 1 } }),
    ).rejects.toMatchObject({ code: 'definition/overlap' });
    expect((await listBackups(context, {})).items).toEqual([]);
  });

  it('refuses another repository, or one that lost its encryption, in the place of the pinned one', async () => {
    const { context, again } = await shop({ key: KEY });
    await createBackup(context, one());
    const other = new MemoryStore();
    const { initRepository } = await import('../repository/init-repository.ts');
    await initRepository({ ...context, store: other, key: { kind: 'none' } }, { encryption: 'none' });
    await expect(createBackup(again({ store: other, key: { kind: 'none' } }), one())).rejects.toMatchObject({
      code: 'repository/identity-changed',
    });
    const pinned = again({ store: other, key: { kind: 'none' }, accepted: { id: 'other', encryption: 'none' } });
    await expect(createBackup(pinned, one())).rejects.toMatchObject({ code: 'repository/identity-changed' });
    await expect(
      createBackup(again({ key: { kind: 'passphrase', passphrase: 'wrong' } }), one()),
    ).rejects.toMatchObject({ code: 'repository/key-wrong' });
  });

  it('a differential with no full before it is one, and says so', async () => {
    const { context } = await shop();
    const backup = await createBackup(context, one({ type: 'differential' }));
    expect(backup).toMatchObject({ type: 'full', parentId: null });
    expect(backup.probe.reason).toContain('no full backup');
    expect(await createBackup(context, one({ type: 'differential' }))).toMatchObject({
      type: 'differential',
      parentId: backup.id,
    });
  });
});

async function untilRunning(db: TestDatabase): Promise<void> {
  for (;;) {
    const { rows } = await db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
    if (rows.length > 0) return;
    await sleep(20);
  }
}
