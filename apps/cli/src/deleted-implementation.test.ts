import { backupDocument, cleanupDocument, planDocument, restoreDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';
import { costlyTestServers } from '../../../tests/support/long-tests.ts';

async function state({ db }: Shell): Promise<unknown> {
  const { rows } = await db.query(`
    SELECT (SELECT jsonb_agg(i ORDER BY key) FROM module_implementations i) AS implementations,
           (SELECT jsonb_agg(a ORDER BY id) FROM tenant_module_assignments a) AS assignments,
           (SELECT jsonb_agg(s.settings) FROM cofre.backup_settings s) AS settings,
           (SELECT jsonb_agg(s.backup_scope ORDER BY implementation_id) FROM cofre.implementation_settings s
             WHERE deleted_at IS NULL) AS scopes,
           (SELECT md5(string_agg(i::text, ',' ORDER BY item_id)) FROM item i) AS items,
           (SELECT bool_and(implementation_id = source_implementation_id) FROM module_backups) AS linked`);
  return rows[0];
}

describe.each(costlyTestServers())('on PostgreSQL $name', (server) => {
  it('an implementation that was deleted in SQL comes back with all that is its own; undo takes that back', async () => {
    const shell = await shopShell({}, server);
    await shell.db.query(`
      UPDATE module_implementations SET config = '{"theme": "dark"}', version = '2.1', name = 'The first' WHERE key = 'one';
      INSERT INTO tenants (slug, name) VALUES ('acme', 'Acme'), ('other', 'Other');
      INSERT INTO tenant_module_assignments (tenant_id, implementation_id, custom_config)
        SELECT t.id, i.id, jsonb_build_object('of', t.slug) FROM tenants t, module_implementations i WHERE i.key = 'one'`);
    await shell.ok('policy set --implementation shop/one --keep-last 7');
    const backup = await shell.json(backupDocument, 'backup create shop/one');
    const before = await state(shell);
    await shell.db.query(`
      DELETE FROM module_implementations WHERE key = 'one';
      DELETE FROM sale WHERE item_id IN (SELECT item_id FROM item WHERE store_id = 1);
      DELETE FROM item WHERE store_id = 1; DELETE FROM store WHERE store_id = 1`);
    expect(await shell.json(cleanupDocument, 'cleanup run')).toMatchObject({ done: 0, kept: 1 });
    expect(await shell.ok('backup list')).toContain('shop/one');
    const gone = await state(shell);
    expect(gone).not.toEqual(before);

    const plan = await shell.json(planDocument, `restore plan ${backup.id}`);
    expect(plan.tables).toContainEqual(expect.objectContaining({ table: 'public.module_implementations', inserts: 1 }));
    expect(plan.tables).toContainEqual(
      expect.objectContaining({ table: 'public.tenant_module_assignments', inserts: 2 }),
    );
    const restore = await shell.json(restoreDocument, `restore apply ${plan.id} --yes`);
    expect(await state(shell)).toEqual(before);
    expect(await shell.ok('implementation list')).toContain('The first');
    await shell.ok('backup create shop/one --type incremental');

    await shell.ok(`restore undo ${restore.id} --yes`);
    // It is seen gone again by the next clean-up.
    await shell.ok('cleanup run');
    expect(await state(shell)).toEqual(gone);
    await shell.ok(`restore apply ${backup.id} --yes`);
    expect(await state(shell)).toEqual(before);
  });
});
