import type { Definition } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  sakilaFolder,
  type TestDatabase,
  testServers,
} from '../../../../tests/support/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { type Discovered, discover } from './discover.ts';
import { parseDefinition } from './parse-definition.ts';
import { resolveSlice } from './resolve-slice.ts';

const SETUP = `
CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY);
CREATE TABLE module_implementations (id uuid PRIMARY KEY, module_id uuid);
CREATE TABLE tenant_module_assignments (id uuid PRIMARY KEY, tenant_id int, implementation_id uuid REFERENCES module_implementations);
CREATE TABLE currencies (code text PRIMARY KEY);
CREATE TABLE rates (code text REFERENCES currencies, rate numeric);
CREATE TABLE shops (id int PRIMARY KEY, code text UNIQUE, parent int REFERENCES shops, currency text REFERENCES currencies, head int);
ALTER TABLE tenant_module_assignments ADD FOREIGN KEY (tenant_id) REFERENCES shops;
CREATE TABLE shop_settings (shop int PRIMARY KEY REFERENCES shops, api_key text, made_by uuid REFERENCES auth.users);
CREATE TABLE staff (id int PRIMARY KEY, shop int NOT NULL REFERENCES shops, boss int REFERENCES staff);
ALTER TABLE shops ADD FOREIGN KEY (head) REFERENCES staff;
CREATE TABLE by_code (id int PRIMARY KEY, shop_code text NOT NULL REFERENCES shops (code));
CREATE TABLE orders (shop int NOT NULL REFERENCES shops, no int, seller int REFERENCES staff, PRIMARY KEY (shop, no));
CREATE TABLE order_lines (shop int, no int, line int, PRIMARY KEY (shop, no, line), FOREIGN KEY (shop, no) REFERENCES orders ON DELETE CASCADE);
CREATE TABLE payments (id int PRIMARY KEY, shop int NOT NULL, no int NOT NULL, seller int NOT NULL REFERENCES staff, FOREIGN KEY (shop, no) REFERENCES orders);
CREATE TABLE payments_old () INHERITS (payments);
CREATE TABLE payments_new (FOREIGN KEY (shop, no) REFERENCES orders) INHERITS (payments);
CREATE TABLE notes (id int PRIMARY KEY, staff int REFERENCES staff, text text);
CREATE TABLE circle_a (id int PRIMARY KEY, staff int NOT NULL REFERENCES staff, b int);
CREATE TABLE circle_b (id int PRIMARY KEY, a int NOT NULL REFERENCES circle_a);
ALTER TABLE circle_a ADD FOREIGN KEY (b) REFERENCES circle_b;
CREATE TABLE visits (id int, at date, shop int NOT NULL REFERENCES shops, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits DEFAULT;
CREATE TABLE calls (id int, staff int) PARTITION BY LIST (id);
CREATE TABLE calls_1 PARTITION OF calls FOR VALUES IN (1);
ALTER TABLE calls_1 ADD FOREIGN KEY (staff) REFERENCES staff;
CREATE TABLE "Odd
# 📦, ""x"": {y}" ("true" int PRIMARY KEY, "the: shop" int NOT NULL REFERENCES shops);
INSERT INTO shops (id, code) VALUES (1, 'one'), (2, 'two');
INSERT INTO staff VALUES (10, 1, NULL), (20, 2, 10);
INSERT INTO orders VALUES (1, 1, 10), (1, 2, 20), (2, 1, 20);
INSERT INTO payments VALUES (1, 1, 1, 10), (2, 1, 2, 20), (3, 2, 1, 20);
CREATE VIEW a_view AS SELECT 1; CREATE TABLE no_key (id int); CREATE TABLE lonely (id uuid PRIMARY KEY);
CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree);`;

describe.each(testServers())('discover on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  let found: Discovered;
  let definition: Definition;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(SETUP);
    client = await db.database.connect();
    await pinSession(client);
    found = await discover(client, { root: 'shops' });
    definition = parseDefinition(found.yaml).definition;
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });

  const entry = (table: string) => definition.tables.find((candidate) => candidate.table === table);

  it('prints what resolves against the live schema, parents first', async () => {
    const slice = await resolveSlice(
      client,
      definition,
      { id: 1 },
      { implementationId: '11111111-2222-4333-8444-555555555555' },
    );
    expect(slice.tables.length).toBe(definition.tables.length + 2);
    expect(definition).toMatchObject({ version: 1, module: 'shops', root: { table: 'public.shops', key: ['id'] } });
    expect(definition.tables[0]).toEqual({ table: 'public.shops', role: 'config', scope: { columns: { id: 'id' } } });
  });

  it('owns what points at the root by the root key itself, also in names that YAML would read otherwise', () => {
    expect(entry('public.staff')?.scope).toEqual({ columns: { shop: 'id' } });
    expect(entry('public.orders')?.scope).toEqual({ columns: { shop: 'id' } });
    expect(entry('public.visits')?.scope).toEqual({ columns: { shop: 'id' } });
    const odd = definition.tables.find(({ table }) => table.includes('📦'));
    expect(odd?.scope).toEqual({ columns: { 'the: shop': 'id' } });
  });

  it('goes through the root table where another key of it is pointed at', () => {
    expect(entry('public.by_code')?.scope).toEqual({ parent: 'public.shops', columns: { shop_code: 'code' } });
  });

  it('follows composite keys, and of several ways takes the one that is nearest in meaning', () => {
    expect(entry('public.order_lines')?.scope).toEqual({
      parent: 'public.orders',
      columns: { shop: 'shop', no: 'no' },
    });
    expect(entry('public.payments')?.scope).toEqual({ parent: 'public.orders', columns: { shop: 'shop', no: 'no' } });
    expect(found.undecided).toContainEqual(
      expect.stringContaining(
        'public.payments also leads to the root through public.staff by seller (1 row of the example point at another root)',
      ),
    );
  });

  it('lists inheritance children with the scope of their parent, and says which lack its foreign key', () => {
    const scope = entry('public.payments')?.scope;
    expect(entry('public.payments_old')?.scope).toEqual(scope);
    expect(entry('public.payments_new')?.scope).toEqual(scope);
    expect(found.undecided.filter((text) => text.includes('has no foreign key to public.orders of its own'))).toEqual([
      expect.stringContaining('public.payments_old'),
    ]);
  });

  it('takes a circle from its end towards the root', () => {
    expect(entry('public.circle_a')?.scope).toEqual({ parent: 'public.staff', columns: { staff: 'id' } });
    expect(entry('public.circle_b')?.scope).toEqual({ parent: 'public.circle_a', columns: { a: 'id' } });
  });

  it('says what it could not decide', () => {
    expect(found.undecided).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^public\.shops points at itself by parent/),
        expect.stringMatching(/^public\.shops points at public\.staff by head, which points back: a circle/),
        expect.stringMatching(/^public\.staff points at itself by boss/),
        expect.stringMatching(/^public\.notes\.staff may be NULL/),
        expect.stringMatching(/^public\.rates hang on public\.currencies alone, which is shared/),
        expect.stringMatching(/^auth\.users is pointed at by public\.shop_settings\.made_by and cannot be listed/),
        expect.stringMatching(
          /^public\.calls_1 leads to the root and was left out: it is a partition with a foreign key of its own/,
        ),
        expect.stringMatching(
          /^public\.staff is owned by its shop, yet rows of another root may point at it by .*public\.orders\.seller/,
        ),
      ]),
    );
    const inFile = found.yaml.split('\n').filter((line) => line.includes('# UNDECIDED: '));
    expect(inFile).toHaveLength(found.undecided.length);
  });

  it('names what is pointed at, guesses roles and secrets, and counts rows', () => {
    expect(definition.references).toEqual(['public.currencies']);
    expect(entry('public.shop_settings')).toMatchObject({ role: 'config', secret: ['api_key'] });
    expect(entry('public.orders')?.role).toBe('data');
    expect(found.yaml).toContain('# 2 of 3 rows.\n');
    expect(found.yaml).toContain('The example is id = 1.');
  });

  it("leaves the platform's own tables to every slice", () => {
    expect(definition.tables.map(({ table }) => table)).not.toContain('public.tenant_module_assignments');
  });

  it('starts from the implementations themselves without naming a root', async () => {
    const { yaml, undecided } = await discover(client, { root: 'public.module_implementations', module: 'platform' });
    expect(undecided.find((text) => text.includes('hang on public.shops'))).toContain(
      'scope: { parent: public.tenant_module_assignments, columns: { the: shop: tenant_id } }',
    );
    expect(parseDefinition(yaml).definition).toEqual({
      version: 1,
      module: 'platform',
      tables: [
        { table: 'public.module_implementations', role: 'config', scope: { columns: { id: 'id' } } },
        {
          table: 'public.tenant_module_assignments',
          role: 'config',
          scope: { columns: { implementation_id: 'id' } },
        },
      ],
      references: ['public.shops'],
    });
  });

  it('stays with a root that nothing points at, and that has no rows', async () => {
    const { yaml, undecided } = await discover(client, { root: 'lonely' });
    expect(parseDefinition(yaml).definition.tables).toHaveLength(1);
    expect(undecided).toEqual([]);
  });

  it.each([
    ['public.nothing', 'There is no table public.nothing'],
    ['not a name', 'There is no table not a name'],
    ['a_view', 'public.a_view is a view, not a table'],
    ['no_key', 'public.no_key has no key'],
    ['auth.users', 'auth.users belongs to the schema auth'],
  ])('refuses %s as a root', async (root, message) => {
    await expect(discover(client, { root })).rejects.toMatchObject({
      code: 'usage/invalid',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a module that is no slug', async () => {
    await expect(discover(client, { root: 'tree', module: 'No Slug' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
  });
});

describe.skipIf(sakilaFolder() === null).each(testServers())('discover of Sakila on PostgreSQL $name', (server) => {
  it('proposes the module of rentals', async () => {
    const db = await createTestDatabase(server, { template: 'sakila' });
    const client = await db.database.connect();
    try {
      await pinSession(client);
      const { yaml } = await discover(client, { root: 'public.store', module: 'rentals' });
      const { definition } = parseDefinition(yaml);
      const scopes = definition.tables.map(({ table, role, scope }) => [
        table,
        role,
        scope.parent ?? Object.keys(scope.columns).join(),
      ]);
      const children = ['01', '02', '03', '04', '05', '06'].map((month) => [
        `public.payment_p2007_${month}`,
        'data',
        'public.rental',
      ]);
      expect(scopes).toEqual([
        ['public.store', 'config', 'store_id'],
        ['public.customer', 'data', 'store_id'],
        ['public.inventory', 'data', 'store_id'],
        ['public.staff', 'data', 'store_id'],
        ['public.rental', 'data', 'public.inventory'],
        ['public.payment', 'data', 'public.rental'],
        ...children,
      ]);
      expect(definition.references).toEqual(['public.address', 'public.film']);
      expect(yaml.replaceAll('\n  # ', ' ')).toContain(
        'public.customer by customer_id (3597 rows of the example point at another root)',
      );
    } finally {
      await client.end();
      await db.drop();
    }
  });
});
