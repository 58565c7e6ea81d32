import type { BackupDocument } from '@cofre/contracts';
import type { BlobStore } from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import {
  createShop,
  createTestService,
  type TestService,
  type TestServiceOptions,
} from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { listBackups } from '../backups/list-backups.ts';
import { proposeBackup } from '../backups/propose-backup.ts';
import { showBackup } from '../backups/show-backup.ts';
import { verifyAllBackups } from '../backups/verify-all-backups.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { checkRepository } from './check-repository.ts';
import { importBackups } from './import-backups.ts';

describe.each(costlyTestServers())('the catalogue and the repository, on PostgreSQL $name', (server) => {
  const made: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  type Shop = TestService & { readonly db: TestDatabase };

  async function migrated(): Promise<TestDatabase> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    return db;
  }

  async function shop(options: TestServiceOptions = {}): Promise<Shop> {
    const db = await migrated();
    const service = await createShop(db, options);
    made.push(() => service[Symbol.asyncDispose]());
    for (const [key, store_id] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      await addImplementation(service.context, { module: 'shop', key, scope: { store_id } });
    }
    return { ...service, db };
  }

  const one = { implementation: 'shop/one' } as const;
  const two = { implementation: 'shop/two' } as const;

  /** All that the list says of each, but for what only the catalogue knew. */
  async function known({ context }: TestService): Promise<readonly unknown[]> {
    const { items } = await listBackups(context, {});
    return items.map(({ completedAt: _, verifiedAt: __, provenAt: ___, origin: ____, ...backup }) => backup);
  }

  const forget = ({ db }: Shop) => db.query('DELETE FROM public.module_backups');
  const columns = async ({ db }: Shop, { id }: BackupDocument) =>
    (await db.query('SELECT * FROM public.module_backups WHERE id = $1', [id])).rows[0];

  it('rows that were lost come back as they were, and what they name verifies and restores', async () => {
    const scene = await shop({ key: { kind: 'passphrase', passphrase: 'correct horse' } });
    const { context, db } = scene;
    const full = await createBackup(context, { ...one, description: 'before the sale' });
    await createBackup(context, { ...one, type: 'incremental', expiresAt: '2030-01-01T00:00:00.000Z' });
    await createBackup(context, { ...two, type: 'config_only', compression: 'gzip', expiresAt: null });
    const before = await known(scene);
    const row = await columns(scene, full);
    await forget(scene);
    expect(await importBackups(context)).toEqual({ imported: 3, present: 0, missing: 0, unreadable: [] });
    expect(await known(scene)).toEqual(before);
    expect(await columns(scene, full)).toEqual({
      ...row,
      completed_at: expect.any(Date),
      origin: 'imported',
      expiry_source: 'explicit',
      created_by: null,
    });
    expect(await verifyAllBackups(context)).toMatchObject({ ok: true, checked: { backups: 3 } });
    await db.query('UPDATE item SET price = 0 WHERE item_id = 2');
    expect(await planRestore(context, { backup: full.id })).toMatchObject({ applicable: true });
    // They are built on as they were before.
    expect(await createBackup(context, { ...one, type: 'incremental' })).toMatchObject({ type: 'incremental' });
  });

  it('a second import finds nothing to do and changes nothing, and each is in the audit log', async () => {
    const scene = await shop();
    const { context, db } = scene;
    const backup = await createBackup(context, one);
    await db.query(`UPDATE public.module_backups SET description = 'renamed since', held = true`);
    const row = await columns(scene, backup);
    const nothing = { imported: 0, present: 1, missing: 0, unreadable: [] };
    expect(await importBackups(context)).toEqual(nothing);
    expect(await importBackups(context)).toEqual(nothing);
    expect(await columns(scene, backup)).toEqual(row);
    const { rows } = await db.query(
      `SELECT outcome, details FROM cofre.v_audit_logs WHERE action = 'IMPORT_BACKUPS' ORDER BY created_at`,
    );
    const entry = { outcome: 'done', details: { ...nothing, unreadable: 0 } };
    expect(rows).toEqual([entry, entry]);
  });

  it('a fresh database is given what the repository holds, of implementations that it does not have, and is pinned to it', async () => {
    const lost = await shop();
    const backup = await createBackup(lost.context, one);
    const { checksum } = backup;
    const db = await migrated();
    const service = await createTestService(db, { store: lost.store, init: false });
    made.push(() => service[Symbol.asyncDispose]());
    expect(await importBackups(service.context)).toMatchObject({ imported: 1, unreadable: [] });
    expect(await known(service)).toMatchObject([{ id: backup.id, implementation: backup.implementation, checksum }]);
    expect((await db.query('SELECT implementation_id FROM public.module_backups')).rows).toEqual([
      { implementation_id: null },
    ]);
    expect(await verifyBackup(service.context, { backup: backup.id })).toMatchObject({ ok: true });
    expect((await db.query('SELECT repository_id FROM cofre.repository_pin')).rows).toHaveLength(1);
  });

  it('an end that a policy gave is again the policy’s, and one that somebody chose stays theirs', async () => {
    const scene = await shop();
    const { context } = scene;
    await updateSettings(context, { place: one, set: { retentionDays: 30 } });
    const byPolicy = await createBackup(context, one);
    const chosen = await createBackup(context, { ...one, expiresAt: '2025-02-20T12:00:00.123Z' });
    await forget(scene);
    await importBackups(context);
    expect(await columns(scene, byPolicy)).toMatchObject({
      expiry_source: 'policy',
      expires_at: new Date(byPolicy.expiresAt ?? ''),
    });
    expect(await columns(scene, chosen)).toMatchObject({ expiry_source: 'explicit' });
  });

  it('after a rollback, what was made since is listed again, and what was deleted since is marked and used no more', async () => {
    const scene = await shop();
    const { context, db, store } = scene;
    const kept = await createBackup(context, one);
    const deleted = await createBackup(context, one);
    const row = await columns(scene, deleted);
    await deleteBackup(context, { backup: deleted.id });
    const newest = await createBackup(context, two);
    // The database as it was after the second backup.
    await db.query('DELETE FROM public.module_backups WHERE id = $1', [newest.id]);
    await db.query(
      'INSERT INTO public.module_backups SELECT * FROM jsonb_populate_record(NULL::public.module_backups, $1)',
      [JSON.stringify(row)],
    );
    const path = deleted.filePath ?? '';
    const check = await checkRepository(context, {});
    expect(check).toMatchObject({ ok: false, comparedWithCatalogue: true });
    expect(check.damage).toEqual([{ object: path, kind: 'manifest-missing', backups: [deleted.id] }]);

    expect(await importBackups(context)).toEqual({ imported: 1, present: 1, missing: 1, unreadable: [] });
    const missing = await showBackup(context, { backup: deleted.id });
    expect(missing.missingAt).toEqual(expect.any(String));
    expect(await importBackups(context)).toEqual({ imported: 0, present: 2, missing: 1, unreadable: [] });
    expect(await showBackup(context, { backup: deleted.id })).toEqual(missing);
    expect((await showBackup(context, { backup: newest.id })).missingAt).toBeUndefined();

    await expect(planRestore(context, { backup: deleted.id })).rejects.toMatchObject({
      code: 'repository/object-missing',
    });
    const before = '2026-01-01T00:00:00.000Z';
    expect((await proposeBackup(context, { ...one, before })).backup?.id).toBe(kept.id);
    expect((await createBackup(context, { ...one, type: 'incremental' })).parentId).toBe(kept.id);
    await db.query('DELETE FROM public.module_backups WHERE created_at > $1 OR id = $2', [row.created_at, newest.id]);
    expect((await showBackup(context, { backup: 'latest' })).id).toBe(kept.id);

    // Nobody has to live with it.
    await deleteBackup(context, { backup: deleted.id });
    expect(await store.stat(path)).toBeNull();
    expect(await importBackups(context)).toMatchObject({ missing: 0 });
    expect(await checkRepository(context, {})).toMatchObject({ ok: true });
  });

  it('a manifest that is there again clears the mark', async () => {
    const scene = await shop();
    const { context, store } = scene;
    const { id, filePath } = await createBackup(context, one);
    const object = await store.get(filePath ?? '');
    await store.delete(filePath ?? '');
    expect(await importBackups(context)).toMatchObject({ present: 0, missing: 1 });
    await store.put(filePath ?? '', object);
    expect(await importBackups(context)).toMatchObject({ present: 1, missing: 0 });
    expect((await showBackup(context, { backup: id })).missingAt).toBeUndefined();
    expect(await checkRepository(context, {})).toMatchObject({ ok: true });
  });

  it('a deletion that was under way is finished, and not taken back', async () => {
    const scene = await shop();
    const { context, db, store } = scene;
    const { filePath } = await createBackup(context, one);
    await db.query('UPDATE public.module_backups SET deleted_at = now()');
    expect(await importBackups(context)).toEqual({ imported: 0, present: 0, missing: 0, unreadable: [] });
    expect(await store.stat(filePath ?? '')).toBeNull();
    expect((await listBackups(context, {})).items).toEqual([]);
  });

  it('a manifest that cannot be opened is named and stops no other, nor does one that is no backup’s', async () => {
    const scene = await shop();
    const { context, store } = scene;
    const hurt = await createBackup(context, one);
    const whole = await createBackup(context, two);
    const path = hurt.filePath ?? '';
    const bytes = Buffer.from(await store.get(path));
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    await store.put(path, bytes);
    const moved = `backups/${whole.implementation.id}/${hurt.id}`;
    await store.put(moved, await store.get(whole.filePath ?? ''));
    await store.put('backups/README', Buffer.from('not a manifest'));
    await forget(scene);
    const { unreadable, ...counts } = await importBackups(context);
    expect(counts).toEqual({ imported: 1, present: 0, missing: 0 });
    expect(unreadable.map(({ object }) => object).toSorted()).toEqual([path, moved].toSorted());
    expect(unreadable.map(({ error }) => error.code)).toEqual(['repository/damaged', 'repository/damaged']);
    expect((await listBackups(context, {})).items.map(({ id }) => id)).toEqual([whole.id]);
  });

  it('a listing that leaves manifests out marks none as missing, and a repository that is away ends it', async () => {
    const memory = new MemoryStore();
    const scene = await shop({ store: memory });
    await createBackup(scene.context, one);
    const forgetful: BlobStore = {
      url: memory.url,
      put: (path, bytes, options) => memory.put(path, bytes, options),
      get: (path, range) => memory.get(path, range),
      stat: (path) => memory.stat(path),
      async *list(prefix) {
        for await (const info of memory.list(prefix)) if (!info.path.startsWith('backups/')) yield info;
      },
      delete: (path) => memory.delete(path),
    };
    const nothing = { imported: 0, present: 0, missing: 0, unreadable: [] };
    expect(await importBackups(scene.again({ store: forgetful }))).toEqual(nothing);
    expect(await checkRepository(scene.again({ store: forgetful }), {})).toMatchObject({ damage: [] });
    // Opened, and then unmounted.
    const opened = await scene.context.openRepository();
    for await (const { path } of memory.list('')) await memory.delete(path);
    const away = scene.again({ openRepository: () => Promise.resolve(opened) });
    await expect(importBackups(away)).rejects.toMatchObject({ code: 'repository/not-found' });
    expect((await scene.db.query('SELECT missing_at FROM public.module_backups')).rows).toEqual([{ missing_at: null }]);
  });

  it('more manifests than fit into one batch are all listed', async () => {
    const scene = await shop();
    const { context, db } = scene;
    const made = await createBackup(context, { ...one, type: 'config_only' });
    const repository = await context.openRepository();
    const [info] = await Array.fromAsync(repository.listManifests());
    if (info === undefined) throw new Error('no manifest');
    const manifest = await repository.readManifest(info.implementationId, info.backupId);
    for (let index = 0; index < 250; index++) {
      const backupId = context.random.uuid();
      const path = `backups/${info.implementationId}/${backupId}`;
      await repository.putObject(path, 'manifest', Buffer.from(JSON.stringify({ ...manifest, backupId })));
    }
    expect(await importBackups(context)).toEqual({ imported: 250, present: 1, missing: 0, unreadable: [] });
    const { rows } = await db.query('SELECT count(*)::int, count(DISTINCT checksum)::int AS sums FROM module_backups');
    expect(rows).toEqual([{ count: 251, sums: 251 }]);
    expect(await verifyBackup(context, { backup: made.id })).toMatchObject({ ok: true });
  });

  it('check needs no catalogue, and says whether it had one', async () => {
    const { context } = await shop();
    const { filePath } = await createBackup(context, one);
    const { store, codecs, key, clock, random, accepted } = context;
    const alone = { store, codecs, key, clock, random, accepted };
    expect(await checkRepository(alone, {})).toMatchObject({ ok: true, comparedWithCatalogue: false });
    await store.delete(filePath ?? '');
    expect(await checkRepository(alone, {})).toMatchObject({ ok: true, comparedWithCatalogue: false });
    expect(await checkRepository(context, {})).toMatchObject({ ok: false, comparedWithCatalogue: true });
  });
});
