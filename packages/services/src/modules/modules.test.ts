import {
  appliedDefinitionDocument,
  implementationDocument,
  moduleDetailDocument,
  moduleDocument,
} from '@cofre/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, loadShop, SHOP_DEFINITION } from '../../../../tests/support/service-context.ts';
import { addImplementation } from './add-implementation.ts';
import { applyDefinition } from './apply-definition.ts';
import { discoverModule } from './discover-module.ts';
import { listImplementations } from './list-implementations.ts';
import { listModules } from './list-modules.ts';
import { showModule } from './show-module.ts';

describe.each(costlyTestServers())('modules on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop() {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    await loadShop(db);
    const service = await createTestService(db, { init: false });
    made.push(async () => service[Symbol.asyncDispose]());
    return { db, context: service.context };
  }

  it('a definition makes its module, is kept with its comments, and changes nothing when it is the same', async () => {
    const { context } = await shop();
    const applied = await applyDefinition(context, { source: SHOP_DEFINITION });
    expect(appliedDefinitionDocument.parse(applied)).toEqual({
      module: 'shop',
      revision: 1,
      changed: true,
      tables: 3,
      warnings: [],
    });
    expect(await applyDefinition(context, { source: SHOP_DEFINITION })).toMatchObject({ revision: 1, changed: false });
    const other = SHOP_DEFINITION.replace('secret: [api_key]', 'secret: [api_key, name]');
    expect(await applyDefinition(context, { source: other })).toMatchObject({ revision: 2, changed: true });
    expect(moduleDetailDocument.parse(await showModule(context, { module: 'shop' }))).toMatchObject({
      name: 'Shop',
      source: other,
      revision: 2,
    });
    expect((await listModules(context)).map((module) => moduleDocument.parse(module).slug)).toEqual(['shop']);
  });

  it('a definition with faults is refused with every one of them, and the kept one stays', async () => {
    const { context } = await shop();
    await applyDefinition(context, { source: SHOP_DEFINITION });
    const source = SHOP_DEFINITION.replace('public.store, role', 'public.shop, role').replace(
      'public.sale,  role',
      'public.sail,  role',
    );
    await expect(applyDefinition(context, { source })).rejects.toMatchObject({
      code: 'definition/invalid',
      params: { faults: expect.arrayContaining([expect.stringMatching(/^5:/), expect.stringMatching(/^7:/)]) },
    });
    expect(await showModule(context, { module: 'shop' })).toMatchObject({ revision: 1, source: SHOP_DEFINITION });
  });

  it('tables that Cofre itself runs on are refused', async () => {
    const { context } = await shop();
    const source = SHOP_DEFINITION.replace('public.sale', 'cofre.restores').replace('item_id: item_id', 'id: item_id');
    await expect(applyDefinition(context, { source })).rejects.toMatchObject({ code: 'definition/invalid' });
  });

  it('what discover proposes is accepted as it stands', async () => {
    const { context } = await shop();
    const { yaml } = await discoverModule(context, { root: 'public.store', name: 'found' });
    await applyDefinition(context, { source: yaml });
    const { definition } = await showModule(context, { module: 'found' });
    expect(definition?.tables.map(({ table }) => table)).toEqual(['public.store', 'public.item', 'public.sale']);
  });

  it('an implementation says what it stands for, once', async () => {
    const { context } = await shop();
    await expect(addImplementation(context, { module: 'shop', key: 'one' })).rejects.toMatchObject({
      code: 'module/not-found',
    });
    await applyDefinition(context, { source: SHOP_DEFINITION });
    await expect(addImplementation(context, { module: 'shop', key: 'one' })).rejects.toMatchObject({
      code: 'implementation/scope-missing',
    });
    const refused: [Record<string, string | number>, string][] = [
      [{ store: 1 }, 'implementation/scope-missing'],
      [{ store_id: 'one' }, 'definition/invalid'],
      [{ store_id: 1, more: 2 }, 'definition/invalid'],
    ];
    for (const [scope, code] of refused) {
      await expect(addImplementation(context, { module: 'shop', key: 'one', scope })).rejects.toMatchObject({ code });
    }
    expect(await listImplementations(context)).toEqual([]);
    const one = await addImplementation(context, {
      module: 'shop',
      key: 'one',
      name: 'Store one',
      scope: { store_id: 1 },
    });
    expect(implementationDocument.parse(one)).toMatchObject({
      module: 'shop',
      key: 'one',
      name: 'Store one',
      scope: { store_id: 1 },
      backups: 0,
    });
    await expect(
      addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 2 } }),
    ).rejects.toMatchObject({ code: 'implementation/exists' });
    expect(await listImplementations(context)).toEqual([one]);
  });

  it('an implementation of the platform that has no scope is given one, and is named when a definition comes to ask for it', async () => {
    const { context, db } = await shop();
    await db.query(`INSERT INTO public.base_modules (slug, name) VALUES ('shop', 'The shop')`);
    await db.query(
      `INSERT INTO public.module_implementations (module_id, key, name) SELECT id, 'one', 'One' FROM public.base_modules`,
    );
    expect(await applyDefinition(context, { source: SHOP_DEFINITION })).toMatchObject({
      warnings: [expect.stringContaining('shop/one')],
    });
    expect(await listImplementations(context)).toMatchObject([{ key: 'one', scope: null }]);
    const [before] = await listImplementations(context);
    const added = await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    expect(added).toMatchObject({ id: before?.id, name: 'One', scope: { store_id: 1 } });
  });

  it('with the default root an implementation stands for itself', async () => {
    const { context, db } = await shop();
    await db.query('CREATE TABLE public.note (id int PRIMARY KEY, implementation_id uuid NOT NULL)');
    const source =
      'version: 1\nmodule: notes\ntables:\n  - { table: public.note, role: data, scope: { columns: { implementation_id: id } } }\n';
    await applyDefinition(context, { source });
    const added = await addImplementation(context, { module: 'notes', key: 'default' });
    expect(added.scope).toEqual({ id: added.id });
  });

  it('a definition under which two implementations share rows is refused', async () => {
    const { context, db } = await shop();
    await applyDefinition(context, { source: SHOP_DEFINITION });
    await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    await addImplementation(context, { module: 'shop', key: 'two', scope: { store_id: 2 } });
    // By a value that items of both stores have, a sale belongs to both.
    await db.query('ALTER TABLE public.item ADD COLUMN shelf int NOT NULL DEFAULT 3');
    const source = SHOP_DEFINITION.replace('columns: { item_id: item_id }', 'columns: { quantity: shelf }');
    await expect(applyDefinition(context, { source })).rejects.toMatchObject({ code: 'definition/overlap' });
    expect(await showModule(context, { module: 'shop' })).toMatchObject({ revision: 1 });
  });
});
