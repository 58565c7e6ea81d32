import { compareKeys, linesOf, type RowLayout } from '@cofre/engine';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { copyRows } from '../capture/copy-rows.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { quoteLiteral } from '../session/quote.ts';
import { readTableFacts } from './read-table-facts.ts';
import { keyOrder, keyOrderSql, wholeRowOrderSql } from './row-order.ts';

const TEXTS = [
  '',
  ' ',
  'a',
  'A',
  'aa',
  'a b',
  'ab',
  'é',
  'e\u0301',
  'z',
  'Z',
  '\u{1F4E6}',
  '\uFFFD',
  'tab\there',
  'new\nline',
  'back\\slash',
  '\\N',
  '\u0001',
  '\v',
  '10',
  '9',
  'ß',
  'ss',
];
const TIMES = [
  '-infinity',
  '4713-01-01 BC',
  '0044-03-15 BC',
  '0001-01-01 BC',
  '0001-01-01',
  '1999-12-31',
  '2000-01-01',
  '9999-12-31',
  '10000-01-01',
  '99999-06-30',
  'infinity',
];
const CLOCKS = [
  '2024-01-01 00:00:00',
  '2024-01-01 00:00:00.1',
  '2024-01-01 00:00:00.000001',
  '2024-01-01 00:00:01',
  '2024-01-01 12:00:00.99',
  '0044-03-15 13:00:00 BC',
  '0044-03-15 12:00:00 BC',
];

/** Values that are distinct for their type, of every kind of key that there is. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  int2: ['-32768', '-1', '0', '9', '10', '32767'],
  int4: ['-2147483648', '-10', '-9', '0', '7', '70', '2147483647'],
  int8: ['-9223372036854775808', '-5', '0', '5', '9223372036854775807', '1000', '999'],
  oid: ['0', '1', '10', '9', '4294967295', '2147483648'],
  numeric: [
    'NaN',
    'Infinity',
    '-Infinity',
    '0',
    '0.10',
    '0.1000001',
    '-0.5',
    '-0.50001',
    '1e20',
    '99999999999999999999.5',
    '-1e-9',
    '10',
    '9',
  ],
  date: TIMES,
  timestamp: [...TIMES, ...CLOCKS.slice(1)],
  timestamptz: [...TIMES.filter((time) => !time.startsWith('4713')), ...CLOCKS.slice(1), '2024-01-01 00:30:00+01'],
  text: TEXTS,
  varchar: TEXTS,
  name: TEXTS,
  'bpchar(12)': TEXTS.filter((text) => !text.endsWith(' ')),
  '"char"': ['a', 'B', '0', '', '\\', '\t'],
  uuid: [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'a0000000-0000-0000-0000-000000000000',
    '9fffffff-0000-0000-0000-000000000000',
  ],
  bytea: ['', '\\x00', '\\x0000', '\\xff', '\\x09', '\\x5c', '\\x9f', '\\xa0', '\\x61', '\\x6162'],
  bool: ['t', 'f'],
  time: ['00:00:00', '24:00:00', '12:00:00', '12:00:00.5', '12:00:00.000001'],
  timetz: ['00:00:00+00', '12:00:00+02', '12:00:00-02', '12:00:00.5+02'],
  inet: ['10.0.0.1', '10.0.0.1/8', '9.0.0.1', '::1', 'fe80::/10', '192.168.0.0/16'],
  cidr: ['10.0.0.0/8', '10.0.0.0/16', '::/0', '0.0.0.0/0'],
  macaddr: ['08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'],
  'bit(4)': ['0000', '1111', '0110'],
  varbit: ['', '0', '1', '10', '01', '111'],
  money: ['-1', '1', '0.05', '1000000', '-1000'],
  pg_lsn: ['0/0', '16/B374D848', 'F/1', 'FFFFFFFF/FFFFFFFF'],
  xid8: ['0', '9', '10', '18446744073709551615'],
  'public.mood': ['sad', 'ok', 'HAPPY', 'a b', 'tab\there'],
  'public.code': TEXTS,
  'public.small': ['-3', '10', '9'],
  'public.price': ['1.0', '10', '9.99'],
};

const SETUP = `
CREATE TYPE public.mood AS ENUM ('ok', 'sad', 'HAPPY', 'a b', E'tab\\there');
CREATE DOMAIN public.code0 AS varchar(40);
CREATE DOMAIN public.code AS public.code0 CHECK (length(VALUE) < 40);
CREATE DOMAIN public.small AS int2;
CREATE DOMAIN public.price AS numeric;
CREATE TYPE public.pair AS (a int, b text)`;

async function linesIn(client: pg.ClientBase, sql: string): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  for await (const batch of copyRows(client, `COPY (${sql}) TO STDOUT`))
    lines.push(...[...linesOf(batch)].map((line) => Buffer.from(line)));
  return lines;
}

/** Adjacent lines that the engine does not find in rising order. */
function disorder(layout: RowLayout, lines: readonly Buffer[]): string[] {
  return lines.slice(1).flatMap((line, index) => {
    const before = lines[index] ?? Buffer.alloc(0);
    return compareKeys(layout, before, line) < 0 ? [] : [`${before.toString()} before ${line.toString()}`];
  });
}

describe.each(testServers())('the order of rows on PostgreSQL $name', (server) => {
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

  it.each(Object.entries(KEYS))('%s: the server sorts keys as the engine compares them', async (type, values) => {
    await client.query(`CREATE TEMPORARY TABLE sorted (k ${type} PRIMARY KEY)`);
    try {
      const rows = values.map((value) => `(CAST(${quoteLiteral(value)} AS ${type}))`);
      await client.query(`INSERT INTO pg_temp.sorted VALUES ${rows.join(', ')}`);
      const column = await columnOf(client);
      const lines = await linesIn(
        client,
        `SELECT k FROM pg_temp.sorted AS t ORDER BY ${keyOrderSql(column, 'UTF8')('t')}`,
      );
      expect(lines).toHaveLength(values.length);
      expect(disorder({ columns: ['k'], key: [{ name: 'k', order: keyOrder(column) }] }, lines)).toEqual([]);
    } finally {
      await client.query('DROP TABLE pg_temp.sorted');
    }
  });

  it.each(['text', 'varchar(40)', 'bpchar(12)', 'public.code'])(
    '%s of a linguistic collation is sorted by bytes',
    async (type) => {
      const values = TEXTS.filter((text) => !text.endsWith(' '));
      await client.query(`CREATE TEMPORARY TABLE sorted (k ${type} COLLATE "und-x-icu" PRIMARY KEY)`);
      try {
        await client.query(
          `INSERT INTO pg_temp.sorted VALUES ${values.map((value) => `(${quoteLiteral(value)})`).join(', ')}`,
        );
        const layout: RowLayout = { columns: ['k'], key: [{ name: 'k', order: 'bytes' }] };
        const orders = [
          keyOrderSql(await columnOf(client), 'UTF8')('t'),
          wholeRowOrderSql([await columnOf(client)], 'UTF8')('t'),
        ];
        for (const order of orders) {
          const lines = await linesIn(client, `SELECT k FROM pg_temp.sorted AS t ORDER BY ${order}`);
          expect(lines).toHaveLength(values.length);
          expect(disorder(layout, lines)).toEqual([]);
        }
      } finally {
        await client.query('DROP TABLE pg_temp.sorted');
      }
    },
  );

  it('a table with no key is sorted by the bytes of all its columns, NULLs last', async () => {
    await client.query(
      'CREATE TABLE public.loose (a text, b float8, c public.pair, d jsonb, e text[], f bpchar, g xml)',
    );
    const oid = await oidOf(client, 'public.loose');
    await client.query(`INSERT INTO public.loose
      SELECT a, b, c, d, e, f, g
      FROM (VALUES (NULL), (''), ('A'), ('a'), (E'a\\tb'), (E'\\\\N')) x(a), (VALUES ('-0'::float8), (0), ('NaN'), (1e300)) y(b),
           (VALUES (NULL::public.pair, NULL::jsonb, NULL::text[], NULL::bpchar, NULL::xml), (ROW(NULL, NULL)::public.pair, 'null', '{}', '', '<a/>'),
                   (ROW(1, E'x"\\\\y')::public.pair, '{"b": "\\\\n"}', ARRAY[NULL, 'n"l'], 'a  ', 'b'), (ROW(NULL, '')::public.pair, '10', '{{a},{b}}', 'a', 'B')) z(c, d, e, f, g)`);
    const facts = (await readTableFacts(client, [oid])).get(oid);
    const lines = await linesIn(
      client,
      `SELECT * FROM public.loose AS t ORDER BY ${wholeRowOrderSql(facts?.columns ?? [], 'UTF8')('t')}`,
    );
    expect(lines).toHaveLength(6 * 4 * 4);
    expect(disorder({ columns: facts?.columns.map(({ name }) => name) ?? [], key: [] }, lines)).toEqual([]);
  });

  it('in a database of another encoding, text is sorted by its UTF-8', async () => {
    await db.query(
      "CREATE DATABASE other_encoding LOCALE_PROVIDER libc ENCODING 'WIN1252' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    const url = new URL(db.url);
    url.pathname = '/other_encoding';
    const other = await databaseFromUrl(url.href).connect();
    try {
      await pinSession(other);
      await other.query(
        "CREATE TABLE public.sorted (k text PRIMARY KEY); INSERT INTO public.sorted VALUES ('€'), ('é'), ('Š'), ('z'), ('ÿ'), ('…')",
      );
      const [facts] = (await readTableFacts(other, [await oidOf(other, 'public.sorted')])).values();
      const key = facts === undefined || 'none' in facts.key ? undefined : facts.key.columns[0];
      const lines = await linesIn(other, `SELECT k FROM public.sorted AS t ORDER BY ${key?.orderSql('t')}`);
      expect(lines).toHaveLength(6);
      expect(disorder({ columns: ['k'], key: [{ name: 'k', order: 'bytes' }] }, lines)).toEqual([]);
    } finally {
      await other.end();
      await db.query('DROP DATABASE other_encoding WITH (FORCE)');
    }
  });
});

async function oidOf(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ oid: number }>('SELECT $1::regclass::oid AS oid', [table]);
  return rows[0]?.oid ?? 0;
}

async function columnOf(client: pg.ClientBase) {
  const { rows } = await client.query<{ oid: number }>("SELECT 'pg_temp.sorted'::regclass::oid AS oid");
  const [facts] = (await readTableFacts(client, [rows[0]?.oid ?? 0])).values();
  const column = facts?.columns[0];
  if (column === undefined) throw new Error('the table has a column');
  return column;
}
