import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { databaseFromUrl } from './database.ts';
import { pinSession } from './pin-session.ts';

const HOSTILE_SETTINGS = [
  "DateStyle = 'SQL, DMY'",
  "IntervalStyle = 'iso_8601'",
  "TimeZone = 'America/Sao_Paulo'",
  "bytea_output = 'escape'",
  'extra_float_digits = -10',
  "xmlbinary = 'hex'",
  "search_path = 'public', 'pg_catalog'",
  "client_encoding = 'LATIN1'",
  'standard_conforming_strings = off',
  'row_security = on',
  'statement_timeout = 150',
  'lock_timeout = 151',
  'idle_in_transaction_session_timeout = 152',
  'default_transaction_isolation = serializable',
  'jit = on',
];

const VALUES = `SELECT timestamptz '2024-02-01 12:00:00+00' AS at, interval '-1 mon +2 days -00:00:00.1' AS long,
  '\\x00ff'::bytea AS bytes, 0.1::float8 + 0.2 AS float, xmlelement(name a, '\\x00ff'::bytea) AS xml, '1.50'::money AS money`;

describe.each(testServers())('a pinned session on PostgreSQL $name', (server) => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await createTestDatabase(server);
    const { name } = (await test.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS) await test.query(`ALTER DATABASE ${name} SET ${setting}`);
  });
  afterAll(async () => {
    await test?.drop();
  });

  it('writes values the same way whatever the settings of the database are', async () => {
    const client = await databaseFromUrl(test.url).connect();
    try {
      await pinSession(client);
      const row = (await client.query(`SELECT v::text FROM (${VALUES}) AS v`)).rows[0];
      expect(row.v).toBe(
        `("2024-02-01 12:00:00+00","-1 mons +2 days -00:00:00.1","\\\\x00ff",0.30000000000000004,<a>AP8=</a>,$1.50)`,
      );
    } finally {
      await client.end();
    }
  });

  it('has no timeout, no search path, and sees all rows or none', async () => {
    const client = await databaseFromUrl(test.url).connect();
    try {
      await pinSession(client);
      const shown = async (name: string) => (await client.query('SELECT current_setting($1) AS is', [name])).rows[0].is;
      for (const name of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
        expect([name, await shown(name)]).toEqual([name, '0']);
      }
      expect(await shown('search_path')).toBe('');
      expect(await shown('row_security')).toBe('off');
      expect(await shown('transaction_isolation')).toBe('read committed');
      expect(await shown('standard_conforming_strings')).toBe('on');
    } finally {
      await client.end();
    }
  });
});
