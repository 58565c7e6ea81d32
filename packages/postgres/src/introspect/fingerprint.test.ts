import type { Definition, RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { resolveSlice } from '../definition/resolve-slice.ts';
import { pinSession } from '../session/pin-session.ts';

const SETUP = `
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE inner_pair AS (m mood, t text);
CREATE DOMAIN pairs AS inner_pair[];
CREATE TYPE text_range AS RANGE (subtype = text, collation = "C");
CREATE TABLE shop (id int PRIMARY KEY, name text);
CREATE TABLE shelf (id int PRIMARY KEY, shop int);
CREATE TABLE item (id int PRIMARY KEY, shelf int, plain text, deep pairs, range text_range, folded citext) PARTITION BY RANGE (id);
CREATE TABLE item_low PARTITION OF item FOR VALUES FROM (0) TO (100);
CREATE TABLE item_high PARTITION OF item FOR VALUES FROM (100) TO (200);
CREATE TABLE other (id int PRIMARY KEY);
INSERT INTO shop SELECT n FROM generate_series(1, 50) n;
INSERT INTO shelf SELECT n, n % 5 FROM generate_series(1, 50) n;
INSERT INTO item SELECT n, n % 50 FROM generate_series(1, 150) n;
VACUUM ANALYZE;`;

const DEFINITION: Definition = {
  version: 1,
  module: 'test',
  root: { table: 'public.shop', key: ['id'] },
  tables: [
    { table: 'public.shop', role: 'config', scope: { columns: { id: 'id' } } },
    { table: 'public.shelf', role: 'data', scope: { columns: { shop: 'id' } } },
    { table: 'public.item', role: 'data', scope: { parent: 'public.shelf', columns: { shelf: 'id' } } },
  ],
};

describe.each(testServers())('fingerprints on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  let before: Record<string, string>;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    for (const statement of SETUP.split(';\n')) await db.query(statement);
    client = await db.database.connect();
    await pinSession(client);
  });
  beforeEach(async () => {
    before = await fingerprints();
  });
  afterAll(async () => {
    await client.end();
    await db.drop();
  });

  async function fingerprints(definition = DEFINITION, rootKey: RootKey = { id: 1 }): Promise<Record<string, string>> {
    const slice = await resolveSlice(client, definition, rootKey, {
      implementationId: '11111111-2222-4333-8444-555555555555',
    });
    return Object.fromEntries(slice.tables.map(({ facts, fingerprint }) => [facts.name, fingerprint]));
  }
  const changed = async (after?: Record<string, string>) => {
    const now = after ?? (await fingerprints());
    return Object.keys(before).filter((name) => now[name] !== before[name]);
  };

  it('are hexadecimal SHA-256, one for each table, and the same each time', async () => {
    expect(Object.values(before)).toEqual(Array(3).fill(expect.stringMatching(/^[0-9a-f]{64}$/)));
    expect(new Set(Object.values(before)).size).toBe(3);
    expect(await changed()).toEqual([]);
  });

  it.each([
    [
      'rows',
      "INSERT INTO item VALUES (50000 % 200, 1) ON CONFLICT DO NOTHING; UPDATE item SET plain = 'x'; DELETE FROM item WHERE id = 7",
    ],
    ['VACUUM', 'VACUUM'],
    ['VACUUM of the catalogues', 'VACUUM FREEZE pg_class'],
    ['VACUUM FREEZE', 'VACUUM FREEZE'],
    ['ANALYZE', 'ANALYZE'],
    ['CHECKPOINT', 'CHECKPOINT'],
    ['other tables', 'CREATE TABLE another (id int); ALTER TABLE other ADD x int'],
    ['an index', 'CREATE INDEX ON shelf (shop)'],
    ['REINDEX', 'REINDEX TABLE shelf'],
  ])('do not change with %s', async (_, sql) => {
    await db.query(sql);
    expect(await changed()).toEqual([]);
  });

  it('do not change with VACUUM and ANALYZE after all rows were rewritten', async () => {
    for (let round = 0; round < 3; round++) {
      await db.query(`UPDATE shelf SET id = id; UPDATE item SET plain = '${'x'.repeat(round * 500)}'`);
      for (const sql of ['VACUUM (ANALYZE) shelf', 'VACUUM (ANALYZE) item', 'ANALYZE', 'VACUUM (FREEZE, ANALYZE)'])
        await db.query(sql);
      expect(await changed()).toEqual([]);
    }
  });

  it.each([
    ['TRUNCATE', 'TRUNCATE shelf', ['shelf', 'item']],
    ['VACUUM FULL', 'VACUUM FULL item_low', ['item']],
    ['an added column', 'ALTER TABLE shelf ADD note text', ['shelf', 'item']],
    [
      'an added column with a default that is kept in the catalogue',
      'ALTER TABLE shop ADD level int DEFAULT 3',
      ['shop'],
    ],
    ['a dropped column', 'ALTER TABLE shop DROP level', ['shop']],
    [
      'a column renamed there and back',
      'ALTER TABLE shop RENAME name TO title; ALTER TABLE shop RENAME title TO name',
      ['shop'],
    ],
    ['a changed modifier', 'ALTER TABLE shop ALTER name TYPE varchar(30)', ['shop']],
    [
      'a type changed there and back with no rewrite',
      'ALTER TABLE shop ALTER name TYPE varchar; ALTER TABLE shop ALTER name TYPE text',
      ['shop'],
    ],
    [
      'an enum label renamed there and back',
      "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'; ALTER TYPE mood RENAME VALUE 'fine' TO 'ok'",
      ['item'],
    ],
    ['an added enum label', "ALTER TYPE mood ADD VALUE 'great'", ['item']],
    ['a renamed attribute of a nested composite', 'ALTER TYPE inner_pair RENAME ATTRIBUTE t TO text', ['item']],
    ['an attribute of a nested composite that changed its type', 'ALTER TYPE inner_pair ADD ATTRIBUTE n int', ['item']],
    ['a changed domain', "ALTER DOMAIN pairs SET DEFAULT '{}'", ['item']],
    ['an attached partition', 'CREATE TABLE item_top PARTITION OF item FOR VALUES FROM (200) TO (300)', ['item']],
    [
      'a partition detached and attached again',
      'ALTER TABLE item DETACH PARTITION item_high; ALTER TABLE item ATTACH PARTITION item_high FOR VALUES FROM (100) TO (200)',
      ['item'],
    ],
    [
      'another version of the extension that owns a type',
      "UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'citext'",
      ['item'],
    ],
    ['another version of a collation', `UPDATE pg_collation SET collversion = '0' WHERE collname = 'C'`, ['item']],
    ['a dropped primary key', 'ALTER TABLE shop DROP CONSTRAINT shop_pkey', ['shop']],
    ['a table dropped and made again', 'DROP TABLE shop; CREATE TABLE shop (id int PRIMARY KEY, name text)', ['shop']],
  ])('change with %s', async (_, sql, tables) => {
    for (const statement of sql.split('; ')) await db.query(statement);
    expect(await changed()).toEqual(tables);
  });

  it('change with the scope values and with the definition, of the tables that these concern', async () => {
    expect(await changed(await fingerprints(DEFINITION, { id: 2 }))).toEqual(['shop', 'shelf', 'item']);
    const [shop, shelf, item] = DEFINITION.tables;
    if (shop === undefined || shelf === undefined || item === undefined)
      throw new Error('the definition has three tables');
    const omitted = { ...DEFINITION, tables: [shop, shelf, { ...item, omit: ['plain'] }] };
    expect(await changed(await fingerprints(omitted))).toEqual(['item']);
    const shorter = { ...DEFINITION, tables: [shelf, item] };
    expect(await changed({ ...(await fingerprints(shorter)), shop: before['shop'] ?? '' })).toEqual([]);
    const otherRoad = { ...DEFINITION, tables: [shop, shelf, { ...item, scope: { columns: { shelf: 'id' } } }] };
    expect(await changed(await fingerprints(otherRoad))).toEqual(['item']);
  });

  it('are read without waiting for a table that is being changed', async () => {
    await db.query('BEGIN; LOCK TABLE shop, item IN ACCESS EXCLUSIVE MODE');
    try {
      await client.query("SET lock_timeout = '1ms'");
      expect(await changed()).toEqual([]);
    } finally {
      await client.query('RESET lock_timeout');
      await db.query('ROLLBACK');
    }
  });
});
