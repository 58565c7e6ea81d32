import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { parseTableName, printTable, quoteIdentifier, quoteLiteral, quoteTable } from './quote.ts';

const NASTY = [
  'plain',
  "it's",
  "\\'; DROP TABLE x; --",
  'back\\slash',
  '\\',
  "'",
  '"',
  'emoji 📦',
  'tab\tnew\nline',
  '$$',
  '',
];

describe.each(testServers())('quoting on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server);
  });
  afterAll(() => db.drop());

  it.each(['on', 'off'])('literals arrive as they were with standard_conforming_strings %s', async (setting) => {
    await db.query(`SET standard_conforming_strings = ${setting}; SET escape_string_warning = off`);
    for (const value of NASTY) {
      const { rows } = await db.query(`SELECT ${quoteLiteral(value)} AS value`);
      expect(rows).toEqual([{ value }]);
    }
  });

  it('identifiers arrive as they were', async () => {
    for (const name of NASTY.filter((value) => value !== '')) {
      const { fields } = await db.query(`SELECT 1 AS ${quoteIdentifier(name)}`);
      expect(fields[0]?.name).toBe(name);
    }
  });

  it('a table name is read as the server reads it', async () => {
    await db.query(
      'CREATE SCHEMA "Ünit 📦"; CREATE TABLE "Ünit 📦"."a.""b" (); CREATE TABLE public.größe (); CREATE TABLE "Upper" ()',
    );
    for (const text of ['"Ünit 📦"."a.""b"', 'public.größe', 'PUBLIC.Größe', 'public."Upper"']) {
      const { rows } = await db.query(
        'SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::regclass',
        [text],
      );
      expect(parseTableName(text)).toEqual(rows[0]);
      expect(parseTableName(printTable(rows[0]))).toEqual(rows[0]);
    }
  });
});

describe('parseTableName', () => {
  it('takes a name without schema for one of public', () => {
    expect(parseTableName('store')).toEqual({ schema: 'public', name: 'store' });
  });

  it.each(['', '.', 'a.', '.a', 'a.b.c', '"a', 'a b', 'a.b c', '""', '1a', 'a-b', 'a.b;', '"a"b'])(
    'refuses %j',
    (text) => {
      expect(parseTableName(text)).toBeNull();
    },
  );
});

describe('printTable', () => {
  it('quotes only what SQL needs quoted', () => {
    expect(printTable({ schema: 'public', name: 'store' })).toBe('public.store');
    expect(printTable({ schema: 'public', name: 'Store' })).toBe('public."Store"');
    expect(quoteTable({ schema: 'public', name: 'a"b' })).toBe('"public"."a""b"');
  });
});
