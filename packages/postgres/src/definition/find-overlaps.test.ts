import type { Definition, DefinitionTable, RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { findOverlaps, overlapError } from './find-overlaps.ts';

const SETUP = `
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE shops (id int, region text, PRIMARY KEY (id, region));
CREATE TABLE shelves (id int8 PRIMARY KEY, shop int8, region text COLLATE blind, label text);
CREATE TABLE boxes (id int PRIMARY KEY, shelf int, label text);
CREATE TABLE things (id int, box int);
CREATE TABLE module_implementations (id uuid PRIMARY KEY, module_id uuid);
CREATE TABLE tenant_module_assignments (id uuid PRIMARY KEY, tenant_id uuid, implementation_id uuid);
CREATE TABLE orders (id int PRIMARY KEY, tenant_id uuid, mark text);
INSERT INTO shelves VALUES (1, 1, 'north', 'x'), (2, 1, 'South', 'y'), (3, 2, 'north', 'x'), (4, 3, 'north', NULL);
INSERT INTO boxes VALUES (10, 1, 'x'), (11, 2, 'y'), (12, 3, 'x'), (13, 4, NULL), (14, 4, 'x');
INSERT INTO things VALUES (100, 10), (101, 12);`;

const ids = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
const claim = (n: number, rootKey: RootKey) => ({ implementationId: ids[n] ?? '', name: `test/${n}`, rootKey });
const table = (name: string, scope: DefinitionTable['scope']): DefinitionTable => ({
  table: name,
  role: 'data',
  scope,
});
const define = (...tables: DefinitionTable[]): Definition => ({
  version: 1,
  module: 'test',
  root: { table: 'public.shops', key: ['id', 'region'] },
  tables,
});

describe.each(testServers())('overlaps on PostgreSQL $name', (server) => {
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
  afterEach(() => client.query('ROLLBACK'));

  async function found(definition: Definition, ...keys: RootKey[]): Promise<unknown[]> {
    const overlaps = await findOverlaps(
      client,
      definition,
      keys.map((key, n) => claim(n, key)),
    );
    return overlaps.map((overlap) => [overlap.table, overlap.rows, ...overlap.claims.map(({ name }) => name)]);
  }
  /** What is read while nobody may read these tables was proved without reading them. */
  async function withoutReading(tables: string, work: () => Promise<void>): Promise<void> {
    await db.query(`BEGIN; LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`);
    try {
      await client.query("SET lock_timeout = '1ms'");
      await work();
    } finally {
      await client.query('RESET lock_timeout');
      await db.query('ROLLBACK');
    }
  }

  const whole = define(
    table('shelves', { columns: { shop: 'id', region: 'region' } }),
    table('boxes', { parent: 'shelves', columns: { shelf: 'id' } }),
    table('things', { parent: 'boxes', columns: { box: 'id' } }),
  );

  it('different root keys and unique parents are proved disjoint without reading a table', async () => {
    await withoutReading('shelves, boxes, things', async () => {
      expect(
        await found(whole, { id: 1, region: 'north' }, { id: 2, region: 'north' }, { id: 1, region: 'south' }),
      ).toEqual([]);
    });
  });

  it('one implementation alone has nothing to share', async () => {
    expect(await found(whole, { id: 1, region: 'north' })).toEqual([]);
  });

  it('root keys that are the same to the database are found, whatever they look like', async () => {
    expect(await found(whole, { id: 1, region: 'south' }, { id: '1', region: 'SOUTH' })).toEqual([
      ['public.shelves', 1, 'test/0', 'test/1'],
    ]);
    expect(await found(whole, { id: 9, region: 'south' }, { id: '9', region: 'SOUTH' })).toEqual([]);
  });

  it('a scope by a part of the root key is shared by those who have the part in common', async () => {
    const definition = define(table('shelves', { columns: { shop: 'id' } }));
    expect(await found(definition, { id: 1, region: 'a' }, { id: 1, region: 'b' }, { id: 2, region: 'a' })).toEqual([
      ['public.shelves', 2, 'test/0', 'test/1'],
    ]);
  });

  it('a parent that matches several times is read, and the row with two owners is found', async () => {
    const definition = define(
      table('shelves', { columns: { shop: 'id', region: 'region' } }),
      table('boxes', { parent: 'shelves', columns: { label: 'label' } }),
      table('things', { parent: 'boxes', columns: { box: 'id' } }),
    );
    const one = { id: 1, region: 'north' };
    const two = { id: 2, region: 'north' };
    expect(await found(definition, one, two, { id: 3, region: 'north' })).toEqual([
      ['public.boxes', 3, 'test/0', 'test/1'],
    ]);
    expect(await found(definition, one, { id: 1, region: 'south' })).toEqual([]);
    await expect(withoutReading('boxes', async () => void (await found(definition, one, two)))).rejects.toMatchObject({
      code: 'database/lock-timeout',
    });
  });

  it.each([
    ['partial', 'CREATE UNIQUE INDEX ON public.shelves (label) WHERE id < 3'],
    ['of more columns', 'CREATE UNIQUE INDEX ON public.shelves (label, id)'],
    ['over an expression', 'CREATE UNIQUE INDEX ON public.shelves (lower(label), id)'],
  ])('a unique index that is %s proves nothing', async (_, sql) => {
    await client.query(`BEGIN; ${sql}`);
    const definition = define(
      table('shelves', { columns: { shop: 'id', region: 'region' } }),
      table('boxes', { parent: 'shelves', columns: { label: 'label' } }),
    );
    expect(await found(definition, { id: 1, region: 'north' }, { id: 2, region: 'north' })).toEqual([
      ['public.boxes', 3, 'test/0', 'test/1'],
    ]);
  });

  it('a unique index under a collation that equates more proves nothing', async () => {
    await client.query(`BEGIN; CREATE TABLE public.names (name text COLLATE public.blind, shop int);
      CREATE UNIQUE INDEX ON public.names (name COLLATE "C");
      INSERT INTO public.names VALUES ('x', 1), ('X', 2)`);
    const definition = define(
      table('names', { columns: { shop: 'id' } }),
      table('boxes', { parent: 'names', columns: { label: 'name' } }),
    );
    expect(await found(definition, { id: 1, region: '' }, { id: 2, region: '' })).toEqual([
      ['public.boxes', 3, 'test/0', 'test/1'],
    ]);
  });

  it('a tenant assigned to two implementations of a module has its rows in both', async () => {
    const { root: _, ...definition } = define(
      table('orders', { parent: 'public.tenant_module_assignments', columns: { tenant_id: 'tenant_id' } }),
    );
    await client.query(`BEGIN;
      INSERT INTO public.tenant_module_assignments VALUES
        (gen_random_uuid(), '${ids[0]}', '${ids[0]}'), (gen_random_uuid(), '${ids[0]}', '${ids[1]}'), (gen_random_uuid(), '${ids[1]}', '${ids[1]}');
      INSERT INTO public.orders VALUES (1, '${ids[0]}'), (2, '${ids[0]}'), (3, '${ids[1]}')`);
    expect(await found(definition, {}, {}, {})).toEqual([['public.orders', 2, 'test/0', 'test/1']]);
    const rooted = { ...definition, root: { table: 'public.shops', key: ['id'] } };
    expect(await found(rooted, { id: 1 }, { id: 2 })).toEqual([['public.orders', 2, 'test/0', 'test/1']]);
  });

  it('an implementation with a scope that means nothing does not stop the others', async () => {
    const definition = define(table('shelves', { columns: { shop: 'id' } }));
    await client.query('BEGIN');
    expect(await found(definition, { id: 1, region: 'a' }, { id: 'one', region: 'b' }, { id: 1, region: 'c' })).toEqual(
      [['public.shelves', 2, 'test/0', 'test/2']],
    );
    expect(await found(definition, { id: 1, region: 'a' }, { region: 'b' })).toEqual([]);
  });

  it('the refusal names tables, counts and implementations', () => {
    const error = overlapError([{ table: 'public.boxes', rows: 3, claims: [claim(0, {}), claim(1, {})] }]);
    expect(error).toMatchObject({ code: 'definition/overlap', params: { tables: ['public.boxes'] } });
    expect(error.message).toBe('3 rows of public.boxes belong to test/0 and test/1. Nothing was written.');
  });
});
