import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { migrate, readMigrations } from '../catalogue/migrations.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listImplementations } from '../modules/list-implementations.ts';
import { cleanupExpiredBackups } from '../retention/cleanup-expired-backups.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { applyRestore } from './apply-restore.ts';
import { planRestore } from './plan-restore.ts';
import { undoRestore } from './undo-restore.ts';

/** An application that had tables of these names before, with a meaning of their own: ours then live in schema cofre. */
const TAKEN = `
  CREATE TABLE public.module_implementations (id serial PRIMARY KEY, label text);
  INSERT INTO public.module_implementations (label) VALUES ('something else')`;
const TAKEN_ASSIGNMENTS = 'CREATE TABLE public.tenant_module_assignments (tenant text PRIMARY KEY, module text)';

const LAYOUTS = {
  'all of the platform the application’s': '',
  'implementations ours': TAKEN,
  'assignments ours': TAKEN_ASSIGNMENTS,
  'both ours': TAKEN + ';' + TAKEN_ASSIGNMENTS,
} as const;
const migrations = path.resolve(import.meta.dirname, '../../../../supabase/migrations');

describe.each(
  costlyTestServers().flatMap((server) =>
    (Object.keys(LAYOUTS) as (keyof typeof LAYOUTS)[]).map((layout) => ({ server, layout, name: server.name })),
  ),
)('a deleted implementation on PostgreSQL $name, $layout', ({ server, layout }) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop() {
    const db = await createTestDatabase(server);
    made.push(() => db.drop());
    await db.query(LAYOUTS[layout]);
    await migrate(db.database, await readMigrations(migrations));
    const service = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    const { context } = service;
    const { id } = await addImplementation(context, {
      module: 'shop',
      key: 'one',
      name: 'The first',
      scope: { store_id: 1 },
    });
    await db.query(`
      UPDATE cofre.v_module_implementations SET config = '{"theme": "dark"}', version = '1.2';
      INSERT INTO cofre.v_tenants (slug, name) VALUES ('acme', 'Acme'), ('other', 'Other');
      INSERT INTO cofre.v_tenant_module_assignments (tenant_id, implementation_id, custom_config)
        SELECT t.id, i.id, jsonb_build_object('tenant', t.slug) FROM cofre.v_tenants t, cofre.v_module_implementations i`);
    await updateSettings(context, {
      place: { implementation: 'shop/one' },
      set: { retentionDays: 90, schedule: '@daily' },
    });
    return { ...service, db, id };
  }

  async function platform(db: TestDatabase) {
    const { rows } = await db.query(`
      SELECT (SELECT jsonb_agg(i ORDER BY id) FROM cofre.v_module_implementations i) AS implementations,
             (SELECT jsonb_agg(a ORDER BY id) FROM cofre.v_tenant_module_assignments a) AS assignments,
             (SELECT jsonb_agg(s.settings ORDER BY scope) FROM cofre.backup_settings s) AS settings,
             (SELECT jsonb_agg(s.backup_scope) FROM cofre.implementation_settings s WHERE deleted_at IS NULL) AS scopes,
             (SELECT jsonb_agg(s ORDER BY store_id) FROM store s) AS stores,
             (SELECT jsonb_agg(i ORDER BY item_id) FROM item i) AS items,
             (SELECT bool_and(implementation_id = source_implementation_id) FROM module_backups) AS linked`);
    return rows[0];
  }

  it('comes back with its row, assignments, settings, scope and backups; undo takes that back', async () => {
    const { db, context, id } = await shop();
    await createBackup(context, { implementation: id });
    const before = await platform(db);
    await db.query('DELETE FROM cofre.v_module_implementations');
    await db.query('DELETE FROM sale; DELETE FROM item WHERE store_id = 1; DELETE FROM store WHERE store_id = 1');
    const gone = await platform(db);
    expect(gone).toMatchObject({ implementations: null, assignments: null, linked: null });
    const plan = await planRestore(context, { backup: 'latest' });
    expect(plan.applicable).toBe(true);
    const isTold = plan.warnings.some((warning) => warning.startsWith('shop/one was deleted; it comes back'));
    expect(isTold || plan.tables.some(({ table, inserts }) => table.endsWith('implementations') && inserts === 1)).toBe(
      true,
    );
    const restore = await applyRestore(context, { plan: plan.id });
    expect(await platform(db)).toEqual(before);
    expect(await listImplementations(context)).toMatchObject([{ id, key: 'one', name: 'The first', backups: 2 }]);
    await undoRestore(context, { restore: restore.id });
    expect(await platform(db)).toMatchObject({ implementations: null, assignments: null, items: gone.items });
    await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    expect(await platform(db)).toEqual(before);
    expect(await createBackup(context, { implementation: id })).toMatchObject({ status: 'completed' });
  });

  it('what happened to it meanwhile is said, or left as it is', async () => {
    const { db, context, id } = await shop();
    await createBackup(context, { implementation: id });
    const before = await platform(db);
    await db.query(`DELETE FROM cofre.v_module_implementations; DELETE FROM cofre.implementation_settings`);
    // Clean-up notes since when it is gone, in a row that knows no scope.
    await cleanupExpiredBackups(context);
    const isOurs = layout === 'implementations ours' || layout === 'both ours';
    // Somebody has made another of its name.
    const named = await db.query(`
      INSERT INTO cofre.v_module_implementations (module_id, key, name)
      SELECT id, 'one', 'Another' FROM cofre.v_base_modules RETURNING id`);
    const clashing = await planRestore(context, { backup: 'latest' });
    const refused = applyRestore(context, { plan: clashing.id, safetyBackup: false });
    await expect(refused).rejects.toMatchObject({ code: isOurs ? 'implementation/exists' : 'plan/conflicts' });
    await db.query('DELETE FROM cofre.v_module_implementations WHERE id = $1', [named.rows[0].id]);
    // Only some tables: the implementation is not among them.
    const some = await planRestore(context, { backup: 'latest', tables: ['item'] });
    await applyRestore(context, { plan: some.id, safetyBackup: false });
    expect(await platform(db)).toMatchObject({ implementations: null });
    if (layout === 'both ours') {
      await db.query(`DELETE FROM cofre.v_tenants WHERE slug = 'other'`);
      const plan = await planRestore(context, { backup: 'latest' });
      const { id: restore } = await applyRestore(context, { plan: plan.id });
      expect(await platform(db)).toMatchObject({ assignments: [{ custom_config: { tenant: 'acme' } }] });
      await db.query(`
        INSERT INTO cofre.v_tenants (slug, name) VALUES ('late', 'Late');
        INSERT INTO cofre.v_tenant_module_assignments (tenant_id, implementation_id)
        SELECT t.id, i.id FROM cofre.v_tenants t, cofre.v_module_implementations i WHERE t.slug = 'late'`);
      await expect(undoRestore(context, { restore })).rejects.toMatchObject({ code: 'plan/stale' });
      await db.query(`DELETE FROM cofre.v_tenants WHERE slug = 'late'`);
      await undoRestore(context, { restore });
      expect(await platform(db)).toMatchObject({ implementations: null, assignments: null });
      return;
    }
    await applyRestore(context, { plan: (await planRestore(context, { backup: 'latest' })).id });
    expect(await platform(db)).toEqual(before);
  });
});
