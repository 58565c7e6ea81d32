import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { releaseBackup } from '../backups/release-backup.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { undoRestore } from '../restores/undo-restore.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { listAuditLogs } from './list-audit-logs.ts';

describe.each(costlyTestServers())('the audit log on PostgreSQL $name (I13)', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    return { ...service, db };
  }
  const one = { implementation: 'shop/one' };

  it('has everything that was done, by whom, to what; values of rows are not in it', async () => {
    const { context, db } = await shop();
    const { id } = await createBackup(context, one);
    await verifyBackup(context, { backup: id });
    await db.query(`UPDATE store SET name = 'Damaged' WHERE store_id = 1`);
    const plan = await planRestore(context, { backup: id });
    const restore = await applyRestore(context, { plan: plan.id });
    await undoRestore(context, { restore: restore.id });
    await holdBackup(context, { backup: id, reason: 'the audit of May' });
    await expect(deleteBackup(context, { backup: id })).rejects.toMatchObject({ code: 'backup/held' });
    await releaseBackup(context, { backup: id });
    await deleteBackup(context, { backup: id });
    const { items } = await listAuditLogs(context, {});
    expect(items.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'DELETE_MODULE_BACKUP done',
      'RELEASE_MODULE_BACKUP done',
      'DELETE_MODULE_BACKUP refused',
      'HOLD_MODULE_BACKUP done',
      'UNDO_MODULE_RESTORE done',
      'RESTORE_MODULE_BACKUP done',
      'PREVIEW_MODULE_RESTORE done',
      'VERIFY_MODULE_BACKUP done',
      'CREATE_MODULE_BACKUP done',
      'UPDATE_MODULE_DEFINITION done',
    ]);
    expect(items.slice(0, -1)).toSatisfy((all: typeof items) =>
      all.every(
        ({ actor, implementation, backupId }) =>
          actor.kind === 'operator' && actor.name === 'tester' && implementation === 'shop/one' && backupId === id,
      ),
    );
    expect(JSON.stringify(items)).not.toMatch(/Damaged|key-of-one|"One"/);
  });

  it('a restore and its entry come and go together', async () => {
    const { context, db } = await shop();
    const { id } = await createBackup(context, one);
    await db.query(`UPDATE store SET name = 'Damaged' WHERE store_id = 1`);
    const plan = await planRestore(context, { backup: id });
    await db.query(`UPDATE store SET name = 'Changed since' WHERE store_id = 1`);
    await expect(applyRestore(context, { plan: plan.id })).rejects.toMatchObject({ code: 'plan/stale' });
    expect((await listAuditLogs(context, { action: 'RESTORE_MODULE_BACKUP' })).items).toMatchObject([
      { outcome: 'failed', details: { code: 'plan/stale' } },
    ]);
  });

  it('what failed is logged with its code; the settings silence only what succeeds and destroys nothing', async () => {
    const { context, db } = await shop();
    await updateSettings(context, {
      place: one,
      set: { audit: { CREATE_MODULE_BACKUP: false, VERIFY_MODULE_BACKUP: false } },
    });
    const { id } = await createBackup(context, one);
    await verifyBackup(context, { backup: id });
    await db.query('ALTER TABLE sale RENAME TO sold');
    await expect(createBackup(context, one)).rejects.toMatchObject({ code: 'definition/invalid' });
    await db.query('ALTER TABLE sold RENAME TO sale');
    await deleteBackup(context, { backup: id });
    const { items } = await listAuditLogs(context, { limit: 3 });
    expect(items.map(({ action, outcome, details }) => [action, outcome, details['code']])).toEqual([
      ['DELETE_MODULE_BACKUP', 'done', undefined],
      ['CREATE_MODULE_BACKUP', 'failed', 'definition/invalid'],
      ['UPDATE_BACKUP_POLICY', 'done', undefined],
    ]);
  });

  it('is read in pages, newest first, by action, by who, by what and since when', async () => {
    const { context } = await shop();
    for (let count = 1; count <= 5; count += 1) await updateSettings(context, { place: {}, set: { keepLast: count } });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listAuditLogs>> = await listAuditLogs(context, {
        action: 'UPDATE_BACKUP_POLICY',
        limit: 2,
        ...(cursor === null ? {} : { cursor }),
      });
      seen.push(...page.items.map(({ details }) => JSON.stringify(details['after'])));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual([5, 4, 3, 2, 1].map((keepLast) => JSON.stringify({ keepLast })));
    expect((await listAuditLogs(context, { outcome: 'refused' })).items).toEqual([]);
    await expect(listAuditLogs(context, { cursor: 'AAAA' })).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});
