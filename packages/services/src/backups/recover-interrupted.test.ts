import { isCofreError } from '@cofre/contracts';
import { withFaults } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { checkRepository } from '../repository/check-repository.ts';
import { createBackup } from './create-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import { listBackups } from './list-backups.ts';
import { verifyBackup } from './verify-backup.ts';

describe.each(costlyTestServers())('what a killed process leaves behind, on PostgreSQL $name', (server) => {
  const made: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db);
    made.push(() => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    return { ...service, db };
  }

  const one = { implementation: 'shop/one' };
  const LEFT_RUNNING = `UPDATE public.module_backups SET status = 'running', completed_at = NULL, file_path = NULL,
    checksum = NULL, stats = NULL, size_bytes = NULL, backup_data = NULL WHERE id = $1`;

  it('a backup without a manifest is marked failed when somebody looks (I3)', async () => {
    const { context, db, store } = await shop();
    const { id, filePath } = await createBackup(context, one);
    await store.delete(filePath ?? '');
    await db.query(LEFT_RUNNING, [id]);
    expect((await listBackups(context, {})).items).toMatchObject([
      { id, status: 'failed', error: { code: 'backup/interrupted' } },
    ]);
  });

  it('a backup whose manifest was put is completed, for the manifest is the commit (I1)', async () => {
    const { context, db } = await shop();
    const { verifiedAt: _, completedAt, ...backup } = await createBackup(context, one);
    await db.query(LEFT_RUNNING, [backup.id]);
    const [found] = (await listBackups(context, {})).items;
    expect(found).toMatchObject(backup);
    expect(found?.completedAt).not.toBeNull();
    expect(await verifyBackup(context, { backup: backup.id })).toMatchObject({ ok: true });
    expect(completedAt).not.toBeNull();
  });

  it('a backup whose packs are not all there is not completed, though its manifest was put', async () => {
    const { context, db, store } = await shop();
    const { id } = await createBackup(context, one);
    await db.query(LEFT_RUNNING, [id]);
    for await (const { path } of store.list('packs/')) await store.delete(path);
    expect((await listBackups(context, {})).items).toMatchObject([{ id, status: 'failed' }]);
  });

  it('waits for a command that has the key where the repository cannot be opened', async () => {
    const { context, db, again } = await shop();
    const { id } = await createBackup(context, one);
    await db.query(LEFT_RUNNING, [id]);
    const keyless = again({ key: { kind: 'passphrase', passphrase: 'not for this one' } });
    expect((await listBackups(keyless, {})).items).toMatchObject([{ id, status: 'running' }]);
    expect((await listBackups(context, {})).items).toMatchObject([{ id, status: 'completed' }]);
  });

  it('a deletion is gone on with, and no other backup is harmed (I3)', async () => {
    const { context, db } = await shop();
    const first = await createBackup(context, one);
    const second = await createBackup(context, { ...one, type: 'incremental' });
    await db.query('UPDATE public.module_backups SET deleted_at = now() WHERE id = $1', [first.id]);
    expect((await listBackups(context, {})).items).toMatchObject([{ id: second.id }]);
    expect(await checkRepository(context, { readData: true })).toMatchObject({ ok: true, checked: { backups: 1 } });
    expect((await db.query('SELECT id FROM public.module_backups')).rows).toEqual([{ id: second.id }]);
  });

  it('a store that deletes nothing now: the backup stays listed, and an unfinished deletion keeps nobody from anything', async () => {
    const { context, db, store, again } = await shop();
    const { id } = await createBackup(context, one);
    const keeping = again({
      store: withFaults(store, ({ operation }) =>
        operation === 'delete' ? { kind: 'before', code: 'storage/not-permitted' } : null,
      ),
    });
    await expect(deleteBackup(keeping, { backup: id })).rejects.toMatchObject({ code: 'storage/not-permitted' });
    expect((await listBackups(keeping, {})).items).toMatchObject([{ id, status: 'completed' }]);
    await db.query('UPDATE public.module_backups SET deleted_at = now() WHERE id = $1', [id]);
    expect((await listBackups(keeping, {})).items).toEqual([]);
    await expect(createBackup(keeping, one)).resolves.toMatchObject({ status: 'completed' });
    expect((await listBackups(context, {})).items).toHaveLength(1);
    expect((await db.query('SELECT FROM public.module_backups')).rows).toHaveLength(1);
  });

  it('two that delete the same backup: it is deleted once, and the other is told', async () => {
    const { context, again } = await shop();
    const { id } = await createBackup(context, one);
    const outcomes = await Promise.allSettled([
      deleteBackup(context, { backup: id }),
      deleteBackup(again(), { backup: id }),
    ]);
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(failures.length).toBeLessThan(2);
    for (const error of failures)
      expect(isCofreError(error, 'backup/not-found') || isCofreError(error, 'backup/busy')).toBe(true);
  });

  it('configuration that the catalogue cannot hold as JSON stays text, and the backup completes', async () => {
    const { context, db } = await shop();
    await db.query(`ALTER TABLE store ALTER settings TYPE json`);
    const deep = `${'['.repeat(3000)}1${']'.repeat(3000)}`;
    for (const json of ['{"a": "\\u0000"}', '{"a": "\\ud83d\\ud83d"}', deep]) {
      await db.query('UPDATE store SET settings = $1 WHERE store_id = 1', [json]);
      const { id } = await createBackup(context, { ...one, type: 'config_only' });
      const { rows } = await db.query(
        `SELECT status, backup_data #> '{config,public.store,0,settings}' AS settings FROM module_backups WHERE id = $1`,
        [id],
      );
      expect(rows).toEqual([{ status: 'completed', settings: json === deep ? JSON.parse(deep) : json }]);
    }
  });
});
