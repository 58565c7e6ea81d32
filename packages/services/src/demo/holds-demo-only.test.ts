import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, createTestService } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { applyDefinition } from '../modules/apply-definition.ts';
import { DEMO_DEFINITIONS } from './definitions.ts';
import { holdsDemoOnly } from './holds-demo-only.ts';
import { loadDemo } from './load-demo.ts';

describe.each(costlyTestServers())('the demo’s platform on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function database() {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    return db;
  }

  it('is known again as `cofre demo` leaves it, and no longer once somebody has added to it', async () => {
    const db = await database();
    const { context, ...service } = await createTestService(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await loadDemo(db.database);
    for (const source of Object.values(DEMO_DEFINITIONS)) await applyDefinition(context, { source });
    expect(await holdsDemoOnly(context)).toBe(true);
    await addImplementation(context, { module: 'crm', key: 'ours', name: 'Ours' });
    expect(await holdsDemoOnly(context)).toBe(false);
  });

  it('is not what somebody’s own database has, nor an empty one', async () => {
    const db = await database();
    const { context, ...shop } = await createShop(db);
    made.push(async () => shop[Symbol.asyncDispose]());
    expect(await holdsDemoOnly(context)).toBe(false);
    await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    expect(await holdsDemoOnly(context)).toBe(false);
  });
});
