import { buffer } from 'node:stream/consumers';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collected, collectSlice, shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { EVERY_TYPE, SETUP_TYPES, seededRandom, UNSTORABLE } from '../../../../tests/support/every-type.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { quoteIdentifier, quoteTable } from '../session/quote.ts';
import { copyInto } from '../restore/copy-into.ts';

const RANDOM_VALUES = 60;

/** Of these the array constructors make something else than an array of them. */
const ARRAYS_BY_THEMSELVES: ReadonlySet<string> = new Set(['int2vector', 'oidvector', 'public.tags']);

interface TypeTable {
  readonly type: string;
  readonly table: string;
}

/** Settings of the database that would each spoil some value, were the session not pinned. */
const HOSTILE_SETTINGS = [
  "DateStyle = 'SQL, DMY'",
  "IntervalStyle = 'iso_8601'",
  "TimeZone = 'America/Sao_Paulo'",
  "bytea_output = 'escape'",
  'extra_float_digits = -10',
  "lc_monetary = 'C.UTF-8'",
  "search_path = 'public', 'pg_catalog'",
  "client_encoding = 'LATIN1'",
  'array_nulls = off',
  'standard_conforming_strings = off',
  "xmloption = 'document'",
  'statement_timeout = 200',
  'default_transaction_isolation = serializable',
];

/** A table per type, with a column of it and one of its array. */
async function buildTypeTables(client: pg.Client): Promise<TypeTable[]> {
  await client.query(
    `CREATE TABLE public.shop (id int PRIMARY KEY); INSERT INTO public.shop VALUES (1); ${SETUP_TYPES}`,
  );
  const next = seededRandom(2);
  const tables: TypeTable[] = [];
  for (const [type, sample] of Object.entries(EVERY_TYPE)) {
    const known = await client.query('SELECT pg_catalog.to_regtype($1) IS NOT NULL AS known', [type]);
    if (known.rows[0].known !== true) continue;
    const { random } = sample;
    const more = random === undefined ? [] : Array.from({ length: RANDOM_VALUES }, () => random(next));
    const table = `e${tables.length}`;
    await client.query(
      `CREATE TABLE public.${table} (shop int NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, v ${type}, vs ${type}[], PRIMARY KEY (shop, id))`,
    );
    await client.query(
      `INSERT INTO public.${table} (shop, v) SELECT 1, x::${type} FROM unnest($1::text[]) AS x UNION ALL SELECT 1, NULL`,
      [[...sample.values, ...more]],
    );
    await client.query(`INSERT INTO public.${table} (shop, vs) VALUES (1, '{}'), (1, '{NULL}')`);
    if (!ARRAYS_BY_THEMSELVES.has(type)) {
      await client.query(
        `INSERT INTO public.${table} (shop, vs)
           SELECT 1, array_agg(v) FROM public.${table}
           UNION ALL SELECT 1, ARRAY[ARRAY[v, NULL], ARRAY[NULL, v]] FROM public.${table} WHERE v IS NOT NULL
           UNION ALL SELECT 1, array_fill(v, ARRAY[2], ARRAY[-3]) FROM public.${table} WHERE v IS NOT NULL`,
      );
    }
    tables.push({ type, table });
  }
  return tables;
}

describe.each(testServers())('every type on PostgreSQL $name', (server) => {
  let test: TestDatabase;
  let client: pg.Client;
  let tables: TypeTable[];
  let collected: Collected;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    const { name } = (await test.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS) await test.query(`ALTER DATABASE ${name} SET ${setting}`);
    client = await databaseFromUrl(test.url).connect();
    await pinSession(client);
    tables = await buildTypeTables(client);
    collected = await collectSlice({
      database: databaseFromUrl(test.url),
      definition: shopDefinition(tables.map(({ table }) => `public.${table}`)),
    });
  });
  afterAll(async () => {
    await client?.end();
    await test?.drop();
  });

  it('has a sample of each type of the catalogue that can hold a value', async () => {
    const sampled = await client.query('SELECT to_regtype(x)::oid AS oid FROM unnest($1::text[]) AS x', [
      Object.keys(EVERY_TYPE),
    ]);
    const all = await client.query<{ oid: number; name: string }>(
      `SELECT oid, typname AS name FROM pg_type
        WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typname NOT LIKE '\\_%'`,
    );
    const have = new Set(sampled.rows.map((row) => row.oid));
    const without = all.rows.filter((row) => !have.has(row.oid) && !UNSTORABLE.has(row.name)).map((row) => row.name);
    expect(without).toEqual([]);
    expect(tables.length).toBeGreaterThan(90);
  });

  it('gives back every value as it was, in text and in binary form (I1)', async () => {
    await client.query('CREATE SCHEMA copy');
    const withoutBinary: string[] = [];
    for (const { type, table } of tables) {
      await client.query(`CREATE TABLE copy.${table} (LIKE public.${table} INCLUDING ALL)`);
      const slice = collected.tables.get(`public.${table}`);
      const lines = collected.lines.get(`public.${table}`) ?? [];
      const columns = slice?.columns.map((column) => quoteIdentifier(column.name)).join(', ');
      const target = quoteTable({ schema: 'copy', name: table });
      const rows = await copyInto(client, `COPY ${target} (${columns}) FROM STDIN`, [
        Buffer.from(lines.map((line) => `${line}\n`).join('')),
      ]);
      expect([type, rows]).toEqual([type, lines.length]);
      const checksum = (schema: string) =>
        `(SELECT md5(string_agg(t::text, E'\\n' ORDER BY id)) FROM ${schema}.${table} AS t)`;
      const sums = await client.query(`SELECT ${checksum('public')} AS was, ${checksum('copy')} AS is`);
      expect([type, sums.rows[0].is]).toEqual([type, sums.rows[0].was]);
      const was = await binaryRows(client, `public.${table}`);
      if (was === null) withoutBinary.push(type);
      else expect([type, (await binaryRows(client, `copy.${table}`))?.equals(was)]).toEqual([type, true]);
    }
    // These have no binary form at all, so text is all that can be compared.
    const known = ['aclitem', 'pg_snapshot', 'public.cube', 'public.seg', 'public.isbn13'];
    expect(withoutBinary.filter((type) => !known.includes(type))).toEqual([]);
  });
});

/** null: the type has no binary output function. */
async function binaryRows(client: pg.Client, table: string): Promise<Buffer | null> {
  try {
    const sql = `COPY (SELECT * FROM ${table} ORDER BY shop, id) TO STDOUT (FORMAT binary)`;
    return await buffer(client.query(copyTo(sql)));
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '42883') return null;
    throw error;
  }
}
