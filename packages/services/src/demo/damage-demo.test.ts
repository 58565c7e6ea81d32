import { demoDamageDocument, demoStateDocument } from '@cofre/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { applyDefinition } from '../modules/apply-definition.ts';
import { checksumDatabase, differences, INVENTORY_SLICE } from './checksums.ts';
import { damageDemo, demoTarget } from './damage-demo.ts';
import { DEMO_DEFINITIONS } from './definitions.ts';
import { loadDemo } from './load-demo.ts';
import { showDemoState } from './show-demo-state.ts';

describe.each(costlyTestServers())('the demo’s accident on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });
  const checksums = () => checksumDatabase(db.database, INVENTORY_SLICE, demoTarget().id);
  const failures = async () =>
    (await listAuditLogs(service.context, { action: 'DAMAGE_DEMO', outcome: 'failed' })).items;

  it('is not offered where the demo is not loaded, and asked for all the same changes nothing and is logged', async () => {
    expect(await showDemoState(service.context)).toEqual({ damageable: null });
    await expect(damageDemo(service.context)).rejects.toMatchObject({ code: 'demo/not-alone' });
    expect(await failures()).toMatchObject([{ actor: { name: 'tester' }, details: { code: 'demo/not-alone' } }]);
  });

  it('hits the slice of one implementation once, even for two who ask at once, and is logged by counts', async () => {
    await loadDemo(db.database);
    for (const source of Object.values(DEMO_DEFINITIONS)) await applyDefinition(service.context, { source });
    expect(demoStateDocument.parse(await showDemoState(service.context)).damageable).toEqual(demoTarget());
    const before = await checksums();
    const [one, other] = await Promise.all([damageDemo(service.context), damageDemo(service.again())]);
    const [first, second] = one.settingsBroken > 0 ? [one, other] : [other, one];
    for (const count of ['pricesChanged', 'productsDeleted', 'childrenDeleted', 'settingsBroken'] as const) {
      expect(demoDamageDocument.parse(first)[count]).toBeGreaterThan(0);
      expect(second[count]).toBe(0);
    }
    const after = await checksums();
    expect(differences(before.slice, after.slice)).toContain('public.products');
    expect(differences(before.others, after.others)).toEqual([]);
    const { items } = await listAuditLogs(service.context, { action: 'DAMAGE_DEMO', outcome: 'done' });
    const { implementation: _hit, ...counts } = first;
    expect(items.map(({ details }) => details)).toContainEqual(counts);
  });

  it.each([
    [
      'a tenant',
      `INSERT INTO public.tenants (slug, name) VALUES ('ours', 'Ours')`,
      `DELETE FROM public.tenants WHERE slug = 'ours'`,
    ],
    [
      'a module',
      `INSERT INTO public.base_modules (slug, name) VALUES ('ours', 'Ours')`,
      `DELETE FROM public.base_modules WHERE slug = 'ours'`,
    ],
    [
      'an implementation',
      `INSERT INTO public.module_implementations (module_id, key, name) SELECT id, 'ours', 'Ours' FROM public.base_modules WHERE slug = 'crm'`,
      `DELETE FROM public.module_implementations WHERE key = 'ours'`,
    ],
    ['a table of the name', `COMMENT ON TABLE public.products IS 'Ours'`, null],
  ])('is refused beside %s of somebody’s own', async (_what, add, remove) => {
    await db.query(add);
    const before = await checksums();
    expect(await showDemoState(service.context)).toEqual({ damageable: null });
    await expect(damageDemo(service.context)).rejects.toMatchObject({ code: 'demo/not-alone' });
    const after = await checksums();
    expect([...differences(before.slice, after.slice), ...differences(before.others, after.others)]).toEqual([]);
    if (remove !== null) await db.query(remove);
  });
});
