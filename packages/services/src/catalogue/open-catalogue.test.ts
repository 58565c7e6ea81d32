import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { catalogueAs } from './catalogue-as.ts';
import { openCatalogue } from './open-catalogue.ts';

const HOSTILE_SETTINGS = [
  "DateStyle = 'SQL, DMY'",
  "TimeZone = 'America/Sao_Paulo'",
  "bytea_output = 'escape'",
  'standard_conforming_strings = off',
  "default_transaction_isolation = 'serializable'",
  'statement_timeout = 1000',
];

describe.each(testServers())('the catalogue on PostgreSQL $name', (server) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    for (const setting of HOSTILE_SETTINGS) await db.query(`ALTER DATABASE ${name} SET ${setting}`);
  });
  afterAll(() => db.drop());

  it("means PostgreSQL's own operators, whatever schemas the search path names first", async () => {
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    await db.query(`CREATE SCHEMA evil;
      CREATE FUNCTION evil.never(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
      CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
      ALTER DATABASE ${name} SET search_path = evil, pg_catalog, public`);
    const catalogue = openCatalogue({ url: db.url, label: 'test' });
    try {
      const found = catalogue.selectFrom('public.module_backups').select('id').where('status', '=', 'running');
      expect(await found.execute()).toEqual([]);
      const path = await sql<{ search_path: string }>`SHOW search_path`.execute(catalogue);
      expect(path.rows).toEqual([{ search_path: 'pg_catalog, evil, pg_catalog, public' }]);
    } finally {
      await catalogue.destroy();
    }
  });

  it('gives back the times that it was given, whatever the settings of the database are', async () => {
    const catalogue = openCatalogue({ url: db.url, label: 'test' });
    try {
      const at = new Date('2025-02-03T04:05:06.789Z');
      const made = await catalogue
        .insertInto('public.module_backups')
        .values({ backup_type: 'full', created_at: at, description: 'C:\\new' })
        .returning(['created_at', 'description'])
        .executeTakeFirstOrThrow();
      expect(made).toEqual({ created_at: at, description: 'C:\\new' });
    } finally {
      await catalogue.destroy();
    }
  });

  it('ends its connections, also where only catalogues with fewer rights have used them', async () => {
    const catalogue = openCatalogue({ url: db.url, label: 'test' });
    await catalogueAs(catalogue, { role: 'service_role' }).selectFrom('cofre.workers').select('id').execute();
    await catalogue.destroy();
    const left = () =>
      db.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cofre catalogue'`,
      );
    await expect.poll(async () => (await left()).rowCount).toBe(0);
  });
});
