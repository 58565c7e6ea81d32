import { RECENT_CHANGES_MS, recentChangesDocument } from '@cofre/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { startOwnServer } from '../../../../tests/support/own-server.ts';
import { createShop } from '../../../../tests/support/service-context.ts';
import type { TestServer } from '../../../../tests/support/test-servers.ts';
import { createBackup } from '../backups/create-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { showRecentChanges } from './show-recent-changes.ts';

const made: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of made.splice(0).reverse()) await end();
});

async function shop(server: TestServer) {
  const db = await createTestDatabase(server, { template: 'migrated' });
  made.push(() => db.drop());
  const service = await createShop(db);
  made.push(async () => service[Symbol.asyncDispose]());
  for (const [key, store] of Object.entries({ one: 1, two: 2 }))
    await addImplementation(service.context, { module: 'shop', key, scope: { store_id: store } });
  const look = async (earlier?: string) =>
    recentChangesDocument.parse(
      await showRecentChanges(service.context, {
        implementation: 'shop/one',
        ...(earlier === undefined ? {} : { look: earlier }),
      }),
    );
  return { db, look, context: service.context };
}

const itemsOf = (store: number, count: number) =>
  `(SELECT item_id FROM public.item WHERE store_id = ${store} ORDER BY item_id LIMIT ${count})`;
const update = (db: TestDatabase, store: number, count: number) =>
  db.query(`UPDATE public.item SET price = price + 1 WHERE item_id IN ${itemsOf(store, count)}`);

describe.each(testServers())('rows that are still being changed, on PostgreSQL $name', (server) => {
  it('are not known from one look, and are those of the implementation from the second on', async () => {
    const { db, look } = await shop(server);
    const first = await look();
    expect(first).toMatchObject({ since: null, by: null, rows: 0, tables: [] });
    expect(await look(first.look)).toMatchObject({ since: first.lookedAt, by: 'look', rows: 0 });
    await update(db, 2, 5);
    expect(await look(first.look)).toMatchObject({ rows: 0 });
    await update(db, 1, 3);
    const second = await look(first.look);
    expect(second).toMatchObject({ by: 'look', rows: 3, tables: [{ table: 'public.item', rows: 3 }] });
    expect(Date.parse(second.lookedAt)).toBeGreaterThan(Date.parse(first.lookedAt));
    // It goes on from the first look until that is too old; the second says that it has been quiet since.
    expect(await look(first.look)).toMatchObject({ rows: 3 });
    expect(await look(second.look)).toMatchObject({ rows: 0 });
  });

  it('that went are missed, too, as far as the counts tell', async () => {
    const { db, look } = await shop(server);
    const first = await look();
    const gone = await db.query(`DELETE FROM public.sale WHERE item_id IN ${itemsOf(1, 2)}`);
    expect(gone.rowCount).toBeGreaterThan(0);
    expect(await look(first.look)).toMatchObject({ rows: gone.rowCount, tables: [{ table: 'public.sale' }] });
  });

  it('are not those of before the look, however long somebody’s transaction stays open, and are its own once it ends', async () => {
    const { db, look } = await shop(server);
    const other = await db.database.connect({ applicationName: 'somebody' });
    try {
      await other.query('BEGIN');
      await other.query('UPDATE public.item SET price = 7 WHERE item_id IN ' + itemsOf(1, 1));
      await db.query(`UPDATE public.store SET name = 'Before' WHERE store_id = 1`);
      const first = await look();
      expect(await look(first.look)).toMatchObject({ rows: 0 });
      await other.query('COMMIT');
      expect(await look(first.look)).toMatchObject({ rows: 1, tables: [{ table: 'public.item', rows: 1 }] });
    } finally {
      await other.end();
    }
  });

  it('are known at the first look where any backup was made in the last minutes, and not by an older one', async () => {
    const { db, look, context } = await shop(server);
    await createBackup(context, { implementation: 'shop/two' });
    expect(await look()).toMatchObject({ by: 'backup', rows: 0 });
    await update(db, 1, 4);
    const found = await look();
    expect(found).toMatchObject({ by: 'backup', rows: 4 });
    expect(Date.parse(found.lookedAt) - Date.parse(found.since ?? '')).toBeLessThan(RECENT_CHANGES_MS);
    await db.query(`UPDATE cofre.lineage SET created_at = now() - interval '6 minutes'`);
    expect(await look()).toMatchObject({ by: null, rows: 0 });
  });

  it('are not looked for since a look that nobody gave', async () => {
    const { look } = await shop(server);
    const forged = { at: '2026-01-01T00:00:00Z', xmax: `1'; DROP`, running: [], rows: {} };
    for (const text of ['', 'nonsense', 'e30', Buffer.from(JSON.stringify(forged)).toString('base64url')])
      await expect(look(text)).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});

describe('rows that are still being changed, where the server notes when transactions were committed', () => {
  it('are known at the first look', async () => {
    const own = await startOwnServer({ settings: { track_commit_timestamp: 'on' } });
    made.push(async () => own[Symbol.asyncDispose]());
    const { db, look } = await shop(own.server);
    const first = await look();
    expect(first).toMatchObject({ by: 'commit-times' });
    // All of them have just been loaded.
    expect(first.rows).toBeGreaterThan(1000);
    expect(Date.parse(first.lookedAt) - Date.parse(first.since ?? '')).toBe(RECENT_CHANGES_MS);
    await db.query('DELETE FROM public.sale WHERE item_id IN ' + itemsOf(1, 2));
    expect((await look(first.look)).tables).toContainEqual({ table: 'public.sale', rows: 1000 });
  });
});
