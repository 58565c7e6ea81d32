import { describe, expect, it } from 'vitest';
import { createTestDatabase, sakilaFolder, testServers } from './database.ts';
import { splitDump } from './load-dump.ts';

describe.each(testServers())('a test database on PostgreSQL $name', (server) => {
  it('is empty, in UTF-8, on the version it says', async () => {
    const db = await createTestDatabase(server);
    const { rows } = await db.query(
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
         (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS relations`,
    );
    expect(rows).toEqual([{ major: Number(server.name), encoding: 'UTF8', relations: 0 }]);
    await db.drop();
  });

  it('is apart from every other', async () => {
    const [one, two] = await Promise.all([createTestDatabase(server), createTestDatabase(server)]);
    await one.query('CREATE TABLE here (id int)');
    await expect(two.query('SELECT FROM here')).rejects.toMatchObject({ code: '42P01' });
    await Promise.all([one.drop(), two.drop()]);
  });

  it('gives connections of their own, as the library takes them', async () => {
    const db = await createTestDatabase(server);
    const client = await db.database.connect({ applicationName: 'reader' });
    expect((await client.query('SHOW application_name')).rows).toEqual([{ application_name: 'reader' }]);
    await client.end();
    await db.drop();
  });

  it('takes the migrations', async () => {
    const databases = await Promise.all([1, 2, 3].map(() => createTestDatabase(server, { template: 'migrated' })));
    await Promise.all(databases.map((db) => db.drop()));
  });

  it.skipIf(sakilaFolder() === null)('takes Sakila (skipped where its files are not provided)', async () => {
    const db = await createTestDatabase(server, { template: 'sakila' });
    const { rows } = await db.query(
      `SELECT (SELECT count(*)::int FROM rental) AS rentals, (SELECT count(*)::int FROM payment) AS payments,
         (SELECT count(*)::int FROM ONLY payment) AS in_parent, (SELECT last_value::int FROM rental_rental_id_seq) AS last_rental`,
    );
    expect(rows).toEqual([{ rentals: 16044, payments: 16049, in_parent: 16049, last_rental: 16049 }]);
    await db.drop();
  });
});

describe('splitting a dump', () => {
  it('cuts at the semicolons that end statements only', () => {
    const script = `-- a; comment
CREATE TABLE "a;b" (t text DEFAULT 'x;''y'); /* ; */
CREATE FUNCTION f() RETURNS int AS $body$ BEGIN RETURN 1; END; $body$ LANGUAGE plpgsql;
COPY public.t (a, b) FROM stdin;
1\tone; two
2\t\\N
\\.

COPY public.empty (a) FROM stdin;
\\.
SELECT 'it\\'s; old';
SELECT 1-1`;
    expect([...splitDump(script)]).toEqual([
      { kind: 'statement', sql: `CREATE TABLE "a;b" (t text DEFAULT 'x;''y')` },
      {
        kind: 'statement',
        sql: 'CREATE FUNCTION f() RETURNS int AS $body$ BEGIN RETURN 1; END; $body$ LANGUAGE plpgsql',
      },
      { kind: 'copy', sql: 'COPY public.t (a, b) FROM stdin', data: '1\tone; two\n2\t\\N\n' },
      { kind: 'copy', sql: 'COPY public.empty (a) FROM stdin', data: '' },
      { kind: 'statement', sql: "SELECT 'it\\'s; old'" },
      { kind: 'statement', sql: 'SELECT 1-1' },
    ]);
  });
});
