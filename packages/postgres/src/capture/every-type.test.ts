import { buffer } from 'node:stream/consumers';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collected, collectSlice, shopDefinition } from '../../../../tests/support/collect-rows.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { EVERY_TYPE, UNSTORABLE } from '../../../../tests/support/every-type.ts';
import { buildTypeTables, HOSTILE_SETTINGS, type TypeTable } from '../../../../tests/support/type-tables.ts';
import { databaseFromUrl } from '../session/database.ts';
import { pinSession } from '../session/pin-session.ts';
import { quoteIdentifier, quoteTable } from '../session/quote.ts';
import { copyInto } from '../restore/copy-into.ts';

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
