import { type Definition, type DefinitionTable, isCofreError, type RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { parseDefinition } from './parse-definition.ts';
import { resolveSlice, validateDefinition } from './resolve-slice.ts';
import type { Slice, SliceTable } from './slice.ts';

const SETUP = `
CREATE EXTENSION citext;
CREATE SCHEMA cofre; CREATE TABLE cofre.lineage (id int PRIMARY KEY, shop int);
CREATE SCHEMA "Odd 📦";
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN shop_id AS int4;
CREATE TABLE shops (id shop_id PRIMARY KEY, code varchar(5) UNIQUE, price numeric(5, 2), name citext);
CREATE TABLE shelves (shop int8 NOT NULL, no int, label text COLLATE "C", hash text GENERATED ALWAYS AS (label || '!') STORED, PRIMARY KEY (shop, no));
CREATE TABLE boxes (id int PRIMARY KEY, shop int2, no int8, note text NOT NULL, mark text NOT NULL DEFAULT '', seen text);
CREATE TABLE things (box numeric, what text COLLATE blind);
CREATE TABLE labels (label text COLLATE blind, weight float8);
CREATE TABLE "Odd 📦"."it""s" ("Box Id" int REFERENCES boxes, "ключ" text PRIMARY KEY);
CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree, shop int);
CREATE TABLE named (name text, x xml, c citext);
CREATE TABLE parents (id int PRIMARY KEY, shop int); CREATE TABLE children () INHERITS (parents);
CREATE TABLE parts (id int, shop int, PRIMARY KEY (id, shop)) PARTITION BY LIST (shop);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
CREATE VIEW shop_view AS SELECT * FROM shops;
CREATE TABLE module_backups (id int, shop int);
INSERT INTO shops VALUES (1, 'one', 1.50, 'One'), (2, 'two', 2.50, 'Two');
INSERT INTO shelves VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'A');
INSERT INTO boxes VALUES (10, 1, 1, ''), (11, 1, 2, ''), (12, 2, 1, ''), (13, NULL, 1, '');
INSERT INTO things VALUES (10.0, 'x'), (10, 'y'), (12, 'z'), (99, '?');
INSERT INTO labels VALUES ('A', 1);
INSERT INTO "Odd 📦"."it""s" VALUES (10, 'k'), (12, 'l');
INSERT INTO parents VALUES (1, 1); INSERT INTO children VALUES (2, 1), (3, 2);
INSERT INTO parts VALUES (1, 1), (2, 2);`;

const IMPLEMENTATION = '11111111-2222-4333-8444-555555555555';

function table(name: string, scope: DefinitionTable['scope'], more: Partial<DefinitionTable> = {}): DefinitionTable {
  return { table: name, role: 'data', scope, ...more };
}

const byShop = (column: string) => ({ columns: { [column]: 'id' } });

function define(tables: DefinitionTable[], more: Partial<Definition> = {}): Definition {
  return { version: 1, module: 'test', root: { table: 'public.shops', key: ['id'] }, tables, ...more };
}

describe.each(testServers())('a slice on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(SETUP);
    client = await db.database.connect();
    await pinSession(client);
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });
  afterEach(async () => {
    await client.query('ROLLBACK');
  });

  const resolve = (definition: Definition, rootKey: RootKey = { id: 1 }): Promise<Slice> =>
    resolveSlice(client, definition, rootKey, { implementationId: IMPLEMENTATION });

  /** The rows that the slice holds of a table, read as capture reads them. */
  async function rowsOf(slice: Slice, name: string): Promise<unknown[][]> {
    const found = slice.tables.find(({ facts }) => facts.name === name);
    if (found === undefined) throw new Error(`${name} is not in the slice`);
    const { fromSql, scopeSql, orderSql } = found;
    const text = `SELECT * FROM ${fromSql} AS t WHERE ${scopeSql('t')} ORDER BY ${orderSql('t')}`;
    return (await client.query({ text, rowMode: 'array' })).rows;
  }

  async function faultsOf(definition: Definition, rootKey?: RootKey): Promise<readonly string[]> {
    try {
      await resolve(definition, rootKey);
    } catch (error) {
      if (isCofreError(error, 'definition/invalid') && Array.isArray(error.params['faults']))
        return error.params['faults'];
      throw error;
    }
    return [];
  }

  describe('scopes', () => {
    it('hold the rows of one root key, through domains and across integer types', async () => {
      const slice = await resolve(define([table('public.shops', byShop('id')), table('shelves', byShop('shop'))]));
      expect(await rowsOf(slice, 'shops')).toEqual([[1, 'one', '1.50', 'One']]);
      expect(await rowsOf(slice, 'shelves')).toEqual([
        ['1', 1, 'a', 'a!'],
        ['1', 2, 'b', 'b!'],
      ]);
    });

    it('go through parents by all columns, with casts where PostgreSQL casts, and give no row twice', async () => {
      const slice = await resolve(
        define([
          table('shelves', byShop('shop')),
          table('boxes', { parent: 'public.shelves', columns: { shop: 'shop', no: 'no' } }),
          table('things', { parent: 'boxes', columns: { box: 'id' } }),
          table('"Odd 📦"."it""s"', { parent: 'public.boxes', columns: { 'Box Id': 'id' } }),
        ]),
      );
      expect((await rowsOf(slice, 'boxes')).map(([id]) => id)).toEqual([10, 11]);
      expect(await rowsOf(slice, 'things')).toEqual([
        ['10', 'y'],
        ['10.0', 'x'],
      ]);
      expect(await rowsOf(slice, 'it"s')).toEqual([[10, 'k']]);
      const things = slice.tables[2];
      expect(things?.pathOids).toHaveLength(3);
      expect(things?.scope).toMatchObject({ kind: 'parent', columns: [{ own: 'box', parent: 'id' }] });
    });

    it('with a parent that matches several times give each row once', async () => {
      const slice = await resolve(
        define([table('shelves', byShop('shop')), table('boxes', { parent: 'shelves', columns: { shop: 'shop' } })]),
      );
      expect((await rowsOf(slice, 'boxes')).map(([id]) => id)).toEqual([10, 11]);
    });

    it('compare citext as citext although the search path is empty', async () => {
      const root = { root: { table: 'shops', key: ['name'] } };
      const slice = await resolve(define([table('shops', { columns: { name: 'name' } })], root), { name: 'ONE' });
      expect(slice.tables[0]?.scopeSql('t')).toContain('OPERATOR(public.=)');
      expect(await rowsOf(slice, 'shops')).toHaveLength(1);
    });

    it('compare two collations as a foreign key would: by that of the parent', async () => {
      const slice = await resolve(
        define([table('shelves', byShop('shop')), table('labels', { parent: 'shelves', columns: { label: 'label' } })]),
        { id: 2 },
      );
      expect(await rowsOf(slice, 'labels')).toEqual([['A', 1]]);
      expect(await rowsOf(await resolve(slice.definition), 'labels')).toEqual([]);
    });

    it('read inheritance parents without their children, and partitioned tables through their root', async () => {
      const slice = await resolve(
        define([table('parents', byShop('shop')), table('children', byShop('shop')), table('parts', byShop('shop'))]),
      );
      expect(await rowsOf(slice, 'parents')).toEqual([[1, 1]]);
      expect(await rowsOf(slice, 'children')).toEqual([[2, 1]]);
      expect(await rowsOf(slice, 'parts')).toEqual([[1, 1]]);
      expect(slice.tables[2]?.pathOids).toHaveLength(3);
    });

    it('take a partition by itself where its root is not listed', async () => {
      const slice = await resolve(define([table('parts_rest', byShop('shop'))]), { id: 2 });
      expect(await rowsOf(slice, 'parts_rest')).toEqual([[2, 2]]);
    });

    it('write values as literals that nothing can break out of', async () => {
      const root = { root: { table: 'named', key: ['name'] } };
      const nasty = `\\'); DROP TABLE shops; --`;
      const slice = await resolve(define([table('named', { columns: { name: 'name' } })], root), { name: nasty });
      await db.query('INSERT INTO named (name) VALUES ($1)', [nasty]);
      for (const setting of ['off', 'on']) {
        await client.query(`SET standard_conforming_strings = ${setting}`);
        expect(await rowsOf(slice, 'named')).toHaveLength(1);
      }
    });
  });

  describe('layouts', () => {
    const layoutOf = (slice: Slice, index: number) => (slice.tables[index] as SliceTable).layout;

    it('have the key first and leave out generated and omitted columns', async () => {
      const slice = await resolve(
        define(
          [table('"Odd 📦"."it""s"', { parent: 'boxes', columns: { 'Box Id': 'id' } })].flatMap((child) => [
            table('boxes', byShop('shop'), { omit: ['mark'], secret: ['note'] }),
            child,
          ]),
        ),
      );
      expect(layoutOf(slice, 0)).toEqual({
        columns: ['id', 'shop', 'no', 'note', 'seen'],
        key: [{ name: 'id', order: 'integer' }],
      });
      expect(slice.tables[0]?.secret).toEqual(new Set(['note']));
      expect(layoutOf(slice, 1)).toEqual({ columns: ['ключ', 'Box Id'], key: [{ name: 'ключ', order: 'bytes' }] });
    });

    it('drop key columns that the scope fixes, but never the last', async () => {
      const slice = await resolve(
        define([table('shelves', byShop('shop')), table('shops', byShop('id')), table('parts', byShop('shop'))]),
      );
      expect(layoutOf(slice, 0)).toEqual({ columns: ['no', 'shop', 'label'], key: [{ name: 'no', order: 'integer' }] });
      expect(layoutOf(slice, 1).key).toEqual([{ name: 'id', order: 'integer' }]);
      expect(layoutOf(slice, 2).key).toEqual([{ name: 'id', order: 'integer' }]);
    });
  });

  describe('faults', () => {
    it('are told all at once, with their place in the file', async () => {
      const { definition, faultAt } = parseDefinition(`version: 1
module: test
root: { table: public.shops, key: [id, colour] }
tables:
  - { table: public.nowhere, role: data, scope: { columns: { shop: id } } }
  - { table: shelves, role: data, scope: { columns: { shopp: id } }, secret: [paint] }
  - { table: boxes, role: data, scope: { parent: nothing, columns: { shop: id } }, omit: [id, note] }
  - { table: shop_view, role: data, scope: { columns: { id: id } } }
references: [public.shops, shelves, gone, "a.b.c"]
tenant: { table: boxes, column: tenant }
`);
      const error: unknown = await validateDefinition(client, definition, { faultAt }).catch(
        (thrown: unknown) => thrown,
      );
      expect(isCofreError(error, 'definition/invalid') && error.params['faults']).toEqual([
        '3:40 root.key[1]: public.shops has no column "colour"',
        '5:14 tables[0].table: public.nowhere does not exist',
        '6:55 tables[1].scope.columns.shopp: public.shelves has no column "shopp"',
        '6:79 tables[1].secret[0]: public.shelves has no column "paint"',
        '7:50 tables[2].scope.parent: public.nothing is not a table of this definition, so it fixes no row',
        '7:91 tables[2].omit[0]: "id" cannot be left out: it is part of the key',
        '7:95 tables[2].omit[1]: "note" cannot be left out: it is NOT NULL and has no default, so a row could not be put back',
        '8:14 tables[3].table: public.shop_view is a view; only tables can be backed up',
        '9:28 references[1]: public.shelves is a table of this definition already',
        '9:37 references[2]: public.gone does not exist',
        '9:43 references[3]: "a.b.c" is not the name of a table: schema.table, quoted as in SQL',
        '10:33 tenant.column: public.boxes has no column "tenant"',
      ]);
    });

    const shops = table('shops', byShop('id'));
    it.each<[string, DefinitionTable[], string]>([
      [
        'a table listed twice',
        [shops, table('public.shops', byShop('id'))],
        'tables[1].table: public.shops is listed twice, first as tables[0]',
      ],
      [
        'a parent listed later',
        [table('boxes', { parent: 'shelves', columns: { shop: 'shop' } }), table('shelves', byShop('shop'))],
        'tables[0].scope.parent: public.shelves is listed later',
      ],
      [
        'a circle of scopes',
        [
          table('boxes', { parent: 'things', columns: { id: 'box' } }),
          table('shelves', { parent: 'boxes', columns: { shop: 'shop' } }),
          table('things', { parent: 'shelves', columns: { box: 'no' } }),
        ],
        'tables[0].scope.parent: scopes go round in a circle: public.boxes → public.things → public.shelves → public.boxes',
      ],
      [
        'a table that is its own parent',
        [table('tree', { parent: 'tree', columns: { up: 'id' } })],
        'tables[0].scope.parent: public.tree cannot be its own parent',
      ],
      [
        'a part that the root key does not have',
        [table('shelves', { columns: { shop: 'nr' } })],
        'the root key has no part "nr", so this fixes no row; it has: id',
      ],
      [
        'a column that cannot be compared with the root key',
        [table('named', byShop('name'))],
        '"name" is text and cannot be compared with the root key\'s id, which is public.shop_id',
      ],
      [
        'a column that cannot be compared with its parent',
        [shops, table('named', { parent: 'shops', columns: { name: 'price' } })],
        '"name" is text and cannot be compared with public.shops."price", which is numeric(5,2)',
      ],
      [
        'a column of a type without equality',
        [shops, table('named', { parent: 'shops', columns: { x: 'code' } })],
        '"x" is xml and cannot be compared',
      ],
      [
        'a column that the parent does not have',
        [shops, table('boxes', { parent: 'shops', columns: { shop: 'nr' } })],
        'tables[1].scope.columns.shop: public.shops has no column "nr"',
      ],
      [
        'an inheritance parent without its children',
        [table('parents', byShop('shop'))],
        'public.parents has children that are not listed, and it is read without them: public.children',
      ],
      [
        'a partition beside its root',
        [table('parts', byShop('shop')), table('parts_1', byShop('shop'))],
        'tables[1].table: public.parts_1 is a partition of a table that is listed too',
      ],
      [
        'an omitted scope column',
        [table('boxes', byShop('shop'), { omit: ['shop'] })],
        '"shop" cannot be left out: it decides to whom a row belongs',
      ],
      [
        'an omitted column that children join on',
        [shops, table('boxes', { parent: 'shops', columns: { shop: 'price' } })].map((entry, index) =>
          index === 0 ? { ...entry, omit: ['price'] } : entry,
        ),
        '"price" cannot be left out: it decides to whom the rows of another table belong',
      ],
      [
        'the lineage of Cofre',
        [table('cofre.lineage', byShop('shop'))],
        'cofre.lineage belongs to the schema cofre, which no module owns',
      ],
      ['the catalogue', [table('module_backups', byShop('shop'))], 'is the catalogue of backups'],
      ['the system catalogues', [table('pg_catalog.pg_class', byShop('oid'))], 'belongs to the system catalogues'],
      ['text that names no table', [table('a b', byShop('shop'))], 'tables[0].table: "a b" is not the name of a table'],
    ])('%s is refused', async (_, tables, fault) => {
      expect((await faultsOf(define(tables))).join('\n')).toContain(fault);
    });

    it.each<[string, RootKey, string]>([
      ['not of the type', { id: 'one' }, 'the implementation\'s scope, id: "one" is not a value of public.shop_id'],
      ['too large for the type', { id: 3e9 }, 'is not a value of public.shop_id'],
      ['that JSON could not hold exactly', { id: 2 ** 53 }, 'scope, id: is larger than a JSON number holds exactly'],
      ['of a part that is not there', { id: 1, nr: 2 }, 'scope, nr: the root key has no such part; it has: id'],
      ['with a zero byte', { id: '1\0' }, 'has a zero byte'],
    ])('a root value %s is refused, in a transaction or not', async (_, rootKey, fault) => {
      const definition = define([table('shops', byShop('id'))]);
      expect((await faultsOf(definition, rootKey)).join('\n')).toContain(fault);
      await client.query('BEGIN');
      expect((await faultsOf(definition, rootKey)).join('\n')).toContain(fault);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });

    it.each<[string, RootKey]>([
      ['code', { code: 'too long' }],
      ['price', { price: 1.505 }],
    ])('a %s that the type would cut or round is refused', async (column, rootKey) => {
      const definition = define([table('shops', { columns: { [column]: column } })], {
        root: { table: 'shops', key: [column] },
      });
      expect((await faultsOf(definition, rootKey)).join('\n')).toContain('it does not fit');
    });

    it('several root values are all told', async () => {
      const definition = define([table('shops', { columns: { id: 'id', price: 'price' } })], {
        root: { table: 'shops', key: ['id', 'price'] },
      });
      expect(await faultsOf(definition, { id: 'x', price: 'y' })).toHaveLength(2);
      expect(await faultsOf(definition, { id: 1 })).toEqual(["the implementation's scope, price: is missing"]);
      await expect(resolve(definition, {})).rejects.toMatchObject({ code: 'implementation/scope-missing' });
    });
  });

  describe("the platform's own rows", () => {
    beforeAll(async () => {
      await db.query(`
        CREATE TABLE module_implementations (id uuid PRIMARY KEY, module_id uuid, key text);
        CREATE TABLE tenant_module_assignments (id uuid PRIMARY KEY, tenant_id uuid, implementation_id uuid, custom_config jsonb);
        CREATE TABLE orders (id int PRIMARY KEY, tenant_id uuid);
        INSERT INTO module_implementations VALUES ('${IMPLEMENTATION}'), (gen_random_uuid());
        INSERT INTO tenant_module_assignments
          SELECT gen_random_uuid(), ('00000000-0000-4000-8000-00000000000' || n)::uuid, CASE WHEN n < 3 THEN '${IMPLEMENTATION}'::uuid END FROM generate_series(1, 4) n;
        INSERT INTO orders SELECT n, ('00000000-0000-4000-8000-00000000000' || n)::uuid FROM generate_series(1, 4) n`);
    });

    it('are in every slice, first, as config', async () => {
      const slice = await resolve(define([table('shops', byShop('id'))]));
      expect(slice.tables.map(({ facts, role }) => [facts.name, role])).toEqual([
        ['module_implementations', 'config'],
        ['tenant_module_assignments', 'config'],
        ['shops', 'data'],
      ]);
      expect(await rowsOf(slice, 'module_implementations')).toHaveLength(1);
      expect(await rowsOf(slice, 'tenant_module_assignments')).toHaveLength(2);
    });

    it('are the root of a definition that names none, and parents without being listed', async () => {
      const { root: _, ...definition } = define([
        table('orders', { parent: 'public.tenant_module_assignments', columns: { tenant_id: 'tenant_id' } }),
      ]);
      const slice = await resolve(
        { ...definition, tenant: { table: 'tenant_module_assignments', column: 'tenant_id' } },
        {},
      );
      expect(slice.rootKey).toEqual({ id: IMPLEMENTATION });
      expect((await rowsOf(slice, 'orders')).map(([id]) => id)).toEqual([1, 2]);
      expect(await faultsOf(definition, { id: '00000000-0000-4000-8000-000000000000' })).toHaveLength(1);
    });

    it('are left to a definition that lists them itself', async () => {
      const { root: _, ...definition } = define([
        table('module_implementations', { columns: { id: 'id' } }, { role: 'data' }),
        table('orders', { parent: 'tenant_module_assignments', columns: { tenant_id: 'tenant_id' } }),
      ]);
      const slice = await resolve(definition, {});
      expect(slice.tables.map(({ facts, role }) => [facts.name, role])).toEqual([
        ['tenant_module_assignments', 'config'],
        ['module_implementations', 'data'],
        ['orders', 'data'],
      ]);
    });

    it('are left out where tables of these names mean something else', async () => {
      await client.query(
        'BEGIN; ALTER TABLE public.module_implementations DROP COLUMN module_id; ALTER TABLE public.tenant_module_assignments ALTER implementation_id TYPE text',
      );
      const slice = await resolve(define([table('shops', byShop('id'))]));
      expect(slice.tables.map(({ facts }) => facts.name)).toEqual(['shops']);
    });
  });
});

describe.each(testServers())('a slice beside the catalogue on PostgreSQL $name', (server) => {
  it("has the implementation's row and assignments as the migrations make them, and nothing of Cofre", async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    const client = await db.database.connect();
    try {
      await pinSession(client);
      await db.query(`CREATE TABLE public.items (id int PRIMARY KEY, tenant_id uuid REFERENCES public.tenants)`);
      const { root: _, ...definition } = define([
        table('items', { parent: 'public.tenant_module_assignments', columns: { tenant_id: 'tenant_id' } }),
      ]);
      const slice = await resolveSlice(client, definition, {}, { implementationId: IMPLEMENTATION });
      expect(slice.tables.map(({ facts, layout }) => [facts.name, layout.key.map(({ name }) => name)])).toEqual([
        ['module_implementations', ['id']],
        ['tenant_module_assignments', ['id']],
        ['items', ['id']],
      ]);
      for (const { fromSql, scopeSql } of slice.tables)
        await client.query(`SELECT FROM ${fromSql} AS t WHERE ${scopeSql('t')}`);
    } finally {
      await client.end();
      await db.drop();
    }
  });
});
