import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { backupExportDocument } from '@cofre/contracts';
import type { ExportFile } from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { loadByPsql, psqlVersion } from '../../../../tests/support/psql.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { createBackup } from './create-backup.ts';
import { exportBackup } from './export-backup.ts';

const psql = await psqlVersion();

async function contentOf({ chunks }: ExportFile): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

async function filesOf(files: AsyncIterable<ExportFile>): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const file of files) found.set(file.name, (await contentOf(file)).toString('utf8'));
  return found;
}

describe.each(costlyTestServers())('an export of a backup on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let store: MemoryStore;
  let service: TestService;
  let latest: string;
  const made: (() => Promise<unknown>)[] = [];

  /** A chain with deltas: the newest backup is read out of all of it. */
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    store = new MemoryStore();
    service = await createShop(db, { store, key: { kind: 'key-file', bytes: Buffer.alloc(32, 7) } });
    const { context } = service;
    await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    await db.query(
      `INSERT INTO item (store_id, sku, price) SELECT 1, 'large ' || n, n FROM generate_series(1, 20000) AS n`,
    );
    await createBackup(context, { implementation: 'shop/one' });
    await db.query(`UPDATE item SET price = price + 0.5 WHERE sku LIKE 'large %00'; DELETE FROM item WHERE sku LIKE 'large %77';
      INSERT INTO item (store_id, sku, price) VALUES (1, NULL, NULL), (1, '', 0), (1, E'a "b", c\\r\\n=1+1\\t\\\\.', 12345678901234567890.12::numeric % 100000)`);
    const backup = await createBackup(context, { implementation: 'shop/one', type: 'incremental' });
    expect(backup.probe).toMatchObject({ used: true });
    latest = backup.id;
  });
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  async function emptyDatabase(): Promise<TestDatabase> {
    const target = await createTestDatabase(server);
    made.push(() => target.drop());
    return target;
  }

  const rowsOf = async (from: TestDatabase, sql: string) => (await from.query(sql)).rows;
  const PLATFORM = ['public.module_implementations', 'public.tenant_module_assignments'];
  const STORE = 'SELECT s::text FROM (SELECT * FROM public.store WHERE store_id = 1) AS s';
  const ITEMS = 'SELECT i::text FROM public.item AS i WHERE store_id = 1 ORDER BY item_id';
  const SALES =
    'SELECT s::text FROM public.sale AS s JOIN public.item AS i USING (item_id) WHERE store_id = 1 ORDER BY sale_id';

  it.skipIf(psql === null)(
    'as SQL is loaded by psql into an empty database, which then holds the slice and works',
    async () => {
      const target = await emptyDatabase();
      const exported = await exportBackup(service.context, { backup: latest, format: 'sql', withSecrets: true });
      expect(backupExportDocument.parse(exported.document)).toMatchObject({ complete: true, format: 'sql' });
      const { name, chunks, mediaType } = exported.download();
      expect([name, mediaType]).toEqual([`shop-one-${latest.slice(0, 8)}.sql`, 'application/sql']);
      const sql = await contentOf({ name, chunks, mediaType });
      expect(await loadByPsql(target.url, sql)).toMatchObject({ code: 0 });
      for (const query of [STORE, ITEMS, SALES]) expect(await rowsOf(target, query)).toEqual(await rowsOf(db, query));
      // Sequences stand behind the rows, keys and what points at them are there again.
      const top = Number((await rowsOf(target, 'SELECT max(item_id) AS top FROM item'))[0]?.top);
      await target.query(`INSERT INTO item (store_id, sku) VALUES (1, 'next')`);
      expect(await rowsOf(target, `SELECT item_id FROM item WHERE sku = 'next'`)).toEqual([{ item_id: top + 1 }]);
      await expect(target.query(`INSERT INTO item (store_id, sku) VALUES (1, 'next')`)).rejects.toThrow(/item_sku_key/);
      await expect(target.query('INSERT INTO sale (item_id, sold_at) VALUES (-1, now())')).rejects.toThrow(
        /sale_item_id_fkey/,
      );
      // A second time there is something, and nothing of it changes.
      const again = await loadByPsql(target.url, sql);
      expect(again.code).not.toBe(0);
      expect(again.output).toContain('already exists');
    },
  );

  it.skipIf(psql === null)('of rows alone fills tables that are there', async () => {
    const target = await emptyDatabase();
    const whole = await exportBackup(service.context, { backup: latest, format: 'sql' });
    await loadByPsql(target.url, await contentOf(whole.download()));
    await target.query(`TRUNCATE store, item, sale, ${PLATFORM.join(', ')}`);
    const rows = await exportBackup(service.context, { backup: latest, format: 'sql', dataOnly: true });
    const sql = await contentOf(rows.download());
    expect(sql.toString()).not.toContain('CREATE');
    expect(await loadByPsql(target.url, sql)).toMatchObject({ code: 0 });
    for (const query of [ITEMS, SALES]) expect(await rowsOf(target, query)).toEqual(await rowsOf(db, query));
  });

  it('leaves secret columns out unless they are asked for, and says that it is not whole', async () => {
    for (const format of ['sql', 'csv', 'jsonl'] as const) {
      const kept = await exportBackup(service.context, { backup: latest, format });
      expect(kept.document.complete).toBe(false);
      const [withheld] = kept.document.tables.filter(({ table }) => table === 'public.store');
      expect(withheld?.leftOut).toEqual([{ name: 'api_key', why: 'secret' }]);
      const text = [...(await filesOf(kept.files())).values()].join('\n');
      expect(text).not.toContain('key-of-one');
      expect(text).toContain(format === 'sql' ? 'NOT COMPLETE' : 'Not complete');
      const told = await exportBackup(service.context, { backup: latest, format, withSecrets: true });
      expect(told.document.complete).toBe(true);
      expect([...(await filesOf(told.files())).values()].join('\n')).toContain('key-of-one');
    }
  });

  it('as CSV is read back by PostgreSQL, with NULL and the empty text apart', async () => {
    const files = await filesOf((await exportBackup(service.context, { backup: latest, format: 'csv' })).files());
    expect([...files.keys()]).toEqual([
      'README.md',
      ...PLATFORM.map((table) => `${table}.csv`),
      'public.store.csv',
      'public.item.csv',
      'public.sale.csv',
      'export.json',
    ]);
    const target = await emptyDatabase();
    await target.query('CREATE TABLE public.item (item_id int, store_id int, sku text, price numeric(10, 2))');
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-export-'));
    made.push(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, 'item.csv'), files.get('public.item.csv') ?? '');
    const { stderr } = await promisify(execFile)('psql', [
      '-X',
      '-v',
      'ON_ERROR_STOP=1',
      target.url,
      '-c',
      String.raw`\copy public.item from '${folder}/item.csv' (format csv, header match)`,
    ]);
    expect(stderr).toBe('');
    expect(await rowsOf(target, ITEMS)).toEqual(await rowsOf(db, ITEMS));
  });

  it('as JSON lines gives numbers, JSON and NULL as what they are', async () => {
    const exported = await exportBackup(service.context, {
      backup: latest,
      format: 'jsonl',
      tables: ['store', 'public.item'],
    });
    expect(exported.document).toMatchObject({ complete: false, tables: [{ file: 'public.store.jsonl' }, {}] });
    const files = await filesOf(exported.files());
    const lines = (files.get('public.item.jsonl') ?? '').trimEnd().split('\n');
    const items = lines.map((line) => JSON.parse(line));
    const wanted = await rowsOf(
      db,
      'SELECT item_id, store_id, sku, price::float8 FROM item WHERE store_id = 1 ORDER BY 1',
    );
    expect(items).toEqual(wanted);
    expect(JSON.parse(files.get('public.store.jsonl') ?? '')).toEqual({
      store_id: 1,
      name: 'One',
      settings: { vat: 23, hours: [8, 18] },
    });
    expect(files.get('public.store.jsonl')).toContain('23.0');
    const contents = JSON.parse(files.get('export.json') ?? '');
    expect(contents.tables[1]).toMatchObject({
      rows: items.length,
      bytes: Buffer.byteLength(files.get('public.item.jsonl') ?? ''),
    });
  });

  it('is one ZIP archive for a browser, which opens and holds the same files', async () => {
    const exported = await exportBackup(service.context, { backup: latest, format: 'csv' });
    const archive = exported.download();
    expect([archive.name, archive.mediaType]).toEqual([`shop-one-${latest.slice(0, 8)}-csv.zip`, 'application/zip']);
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-export-'));
    made.push(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, 'a.zip'), await contentOf(archive));
    await promisify(execFile)('unzip', ['-q', 'a.zip'], { cwd: folder });
    for (const [name, content] of await filesOf(exported.files()))
      expect(await readFile(path.join(folder, name), 'utf8')).toBe(content);
  });

  it('that is given up half way reads no more of the repository, and one of a damaged backup never ends', async () => {
    const half = (await exportBackup(service.context, { backup: latest, format: 'csv' })).download();
    for await (const chunk of half.chunks) if (chunk.length > 0) break;
    const damaged = await exportBackup(service.context, { backup: latest, format: 'jsonl' });
    const broken = service.again({ store: await withoutPacks(store) });
    for (const format of ['sql', 'jsonl'] as const) {
      const download = (await exportBackup(broken, { backup: latest, format })).download();
      await expect(contentOf(download)).rejects.toMatchObject({ code: 'repository/object-missing' });
    }
    expect((await filesOf(damaged.files())).size).toBe(7);
    const { items } = await listAuditLogs(service.context, { action: 'EXPORT_MODULE_BACKUP', outcome: 'failed' });
    expect(items).toMatchObject([{ details: { code: 'repository/object-missing' } }, {}]);
  });

  it('is in the audit log before its first row is read, with what was taken', async () => {
    await exportBackup(service.context, { backup: latest, format: 'csv', tables: ['item'], withSecrets: true });
    const { items } = await listAuditLogs(service.context, { action: 'EXPORT_MODULE_BACKUP', limit: 1 });
    expect(items).toMatchObject([
      { outcome: 'done', backupId: latest, details: { format: 'csv', secrets: 'written', tables: 1 } },
    ]);
  });
});

async function withoutPacks(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { path: object } of store.list(''))
    if (!object.startsWith('packs/')) await copy.put(object, await store.get(object));
  return copy;
}
