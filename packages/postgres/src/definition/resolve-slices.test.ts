import { CofreError, type Definition, type DefinitionTable, type RootKey } from '@cofre/contracts';
import type { RowBatch } from '@cofre/engine';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { copyRows } from '../capture/copy-rows.ts';
import { sliceTableSql } from '../capture/read-slice-table.ts';
import { rowsOfMembers } from '../capture/rows-of-members.ts';
import { pinSession } from '../session/pin-session.ts';
import { resolveSlice } from './resolve-slice.ts';
import { resolveSlices } from './resolve-slices.ts';

const SETUP = `
CREATE EXTENSION IF NOT EXISTS citext;
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE shops (id int, region text COLLATE blind, PRIMARY KEY (id, region));
CREATE TABLE shelves (id int8 PRIMARY KEY, shop int8, region text COLLATE blind, label citext);
CREATE TABLE boxes (id int PRIMARY KEY, shelf int, label text);
CREATE TABLE things (id int, box int, note text);
CREATE TABLE tags (label citext, n int, PRIMARY KEY (label, n));
INSERT INTO shops VALUES (1, 'north'), (1, 'south'), (2, 'north'), (3, 'north');
INSERT INTO shelves VALUES (1, 1, 'north', 'x'), (2, 1, 'South', 'y'), (3, 2, 'North', 'z'), (4, 3, 'north', NULL), (5, 1, 'NORTH', 'X');
INSERT INTO boxes SELECT i, 1 + i % 5, E'tab\\there ' || i FROM generate_series(1, 5000) AS i;
INSERT INTO things SELECT i % 7, 1 + i % 5000, CASE i % 3 WHEN 0 THEN NULL ELSE E'line\\nbreak \\\\' END FROM generate_series(1, 9000) AS i;
INSERT INTO tags SELECT l, n FROM unnest(ARRAY['x', 'Y', 'z', 'w']::citext[]) AS l, generate_series(1, 3) AS n;`;

const table = (name: string, scope: DefinitionTable['scope']): DefinitionTable => ({
  table: name,
  role: 'data',
  scope,
});
const DEFINITION: Definition = {
  version: 1,
  module: 'test',
  root: { table: 'public.shops', key: ['id', 'region'] },
  tables: [
    table('shelves', { columns: { shop: 'id', region: 'region' } }),
    table('boxes', { parent: 'shelves', columns: { shelf: 'id' } }),
    table('things', { parent: 'boxes', columns: { box: 'id' } }),
    // Two shelves of one shop may have the same label; a tag belongs to it once all the same.
    table('tags', { parent: 'shelves', columns: { label: 'label' } }),
  ],
};
const KEYS: readonly RootKey[] = [
  { id: 1, region: 'north' },
  { id: 'one', region: 'north' },
  { id: 1, region: 'south' },
  { id: 99, region: 'nowhere' },
  { id: 2, region: 'north' },
  { id: 3 },
  { id: 3, region: 'north' },
];

describe.each(testServers())('slices resolved together on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(SETUP);
    client = await db.database.connect();
    await pinSession(client);
  });
  afterAll(async () => {
    await client?.end();
    await db?.drop();
  });

  const members = KEYS.map((rootKey, n) => ({ implementationId: `${n}aaaaaaa-0000-4000-8000-000000000000`, rootKey }));
  const good = [0, 2, 3, 4, 6];

  it('each is what it would be alone; what is wrong with one root key is that one’s', async () => {
    const { slices } = await resolveSlices(client, DEFINITION, members);
    for (const [index, member] of members.entries()) {
      const slice = slices[index];
      const alone = await resolveSlice(client, DEFINITION, member.rootKey, member).catch((error: unknown) => error);
      if (!good.includes(index)) {
        expect(slice).toBeInstanceOf(CofreError);
        expect(slice).toMatchObject({ code: alone instanceof CofreError ? alone.code : '' });
        continue;
      }
      const shape = (found: unknown) => JSON.parse(JSON.stringify(found));
      expect(shape(slice)).toEqual(shape(alone));
    }
  });

  it('the rows of all in one pass are those of each, in their order, and of no other', async () => {
    const { slices, togetherSql } = await resolveSlices(client, DEFINITION, members);
    for (const [at, { table: name }] of DEFINITION.tables.entries()) {
      const together = new Map<number, string>();
      for await (const { member, batches } of rowsOfMembers(copyRows(client, togetherSql(at, good))))
        together.set(member, await textOf(batches));
      for (const index of good) {
        const slice = slices[index];
        const own = slice === undefined || slice instanceof CofreError ? undefined : slice.tables[at];
        if (own === undefined) throw new Error(`${name} is not in the slice`);
        expect(together.get(index) ?? '').toBe(await textOf(copyRows(client, sliceTableSql(own))));
      }
      expect([...together.keys()].every((index) => good.includes(index))).toBe(true);
    }
  });

  it('tables are read once, not once for each', async () => {
    const { togetherSql } = await resolveSlices(client, DEFINITION, members);
    const query = /^COPY \((.*)\) TO STDOUT$/s.exec(togetherSql(2, good))?.[1] ?? '';
    const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(
      `EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ${query}`,
    );
    const loops: [string, number][] = [];
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('Relation Name' in node && 'Actual Loops' in node)
        loops.push([String(node['Relation Name']), Number(node['Actual Loops'])]);
      for (const value of Object.values(node)) walk(value);
    };
    walk(rows);
    expect(Object.fromEntries(loops)).toMatchObject({ things: 1, boxes: 1 });
  });

  it('with the root that every definition has, the ids themselves are the roots', async () => {
    await db.query(`CREATE TABLE notes (id int PRIMARY KEY, of uuid)`);
    await db.query('INSERT INTO notes SELECT n, ($1::uuid[])[1 + n % 3] FROM generate_series(1, 9) AS n', [
      members.slice(0, 3).map(({ implementationId }) => implementationId),
    ]);
    const definition: Definition = { version: 1, module: 'test', tables: [table('notes', { columns: { of: 'id' } })] };
    const own = members.slice(0, 3).map(({ implementationId }) => ({ implementationId, rootKey: {} }));
    const { togetherSql } = await resolveSlices(client, definition, own);
    const counts: number[] = [];
    for await (const { batches } of rowsOfMembers(copyRows(client, togetherSql(0, [0, 1, 2]))))
      counts.push((await textOf(batches)).split('\n').length - 1);
    expect(counts).toEqual([3, 3, 3]);
  });
});

async function textOf(batches: AsyncIterable<RowBatch>): Promise<string> {
  const parts: string[] = [];
  for await (const { bytes } of batches) parts.push(bytes.toString('utf8'));
  return parts.join('');
}
