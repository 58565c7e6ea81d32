import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { describeSchema } from '../../../../tests/support/describe-schema.ts';
import { createShop } from '../../../../tests/support/service-context.ts';
import {
  createSupabaseProject,
  type DefaultPrivileges,
  type SupabaseProject,
} from '../../../../tests/support/supabase-layout.ts';
import type { Actor } from '../actor.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { listBackups } from '../backups/list-backups.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { migrate, readMigrations } from './migrations.ts';

const folder = path.resolve(import.meta.dirname, '../../../../supabase/migrations');
const files = await readMigrations(folder);
const names = files.map(({ name }) => name);
const back = await readMigrations(path.join(folder, 'down'));

const ANA = '11111111-1111-4111-8111-111111111111';
const person = (role?: string): Actor => ({
  kind: 'person',
  userId: ANA,
  name: 'ana',
  claims: role === undefined ? {} : { app_metadata: { role } },
});

/** Everything of schema auth: what it is made of, and who holds what in it. */
const AUTH_SQL = `
  SELECT c.relname::text AS name, pg_get_userbyid(c.relowner)::text AS owner, c.relacl::text AS grants,
         (SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid) AS body
  FROM pg_class c WHERE c.relnamespace = 'auth'::regnamespace
  UNION ALL
  SELECT p.proname, pg_get_userbyid(p.proowner), p.proacl::text, p.prosrc FROM pg_proc p WHERE p.pronamespace = 'auth'::regnamespace
  UNION ALL
  SELECT 'schema', pg_get_userbyid(nspowner), nspacl::text, '' FROM pg_namespace WHERE nspname = 'auth'
  ORDER BY 1`;

const cases = testServers().flatMap((server) =>
  (['granted', 'revoked'] as const).map((privileges) => ({ server, version: server.name, privileges })),
);

describe.each(cases)(
  'Supabase’s layout, default privileges $privileges, on PostgreSQL $version',
  ({ server, privileges }) => {
    const made: TestDatabase[] = [];
    afterEach(async () => {
      for (const db of made.splice(0)) await db.drop();
    });
    async function project(wanted: DefaultPrivileges = privileges): Promise<SupabaseProject> {
      const db = await createSupabaseProject(server, wanted);
      made.push(db);
      return db;
    }

    it('takes the migrations as they are, by whichever tool, and is then what any PostgreSQL is; auth stays untouched', async () => {
      const [byCofre, byOther] = [await project(), await project()];
      const plain = await createTestDatabase(server, { template: 'migrated' });
      made.push(plain);
      const before = (await byCofre.asSuperuser(AUTH_SQL)).rows;
      expect(await migrate(byCofre.database, files)).toEqual(names);
      for (const { sql } of files) await byOther.query(sql);
      expect(await migrate(byOther.database, files)).toEqual([]);
      const wanted = await describeSchema(plain);
      expect(await describeSchema(byCofre)).toBe(wanted);
      expect(await describeSchema(byOther)).toBe(wanted);
      expect((await byCofre.asSuperuser(AUTH_SQL)).rows).toEqual(before);
    });

    it('goes back and up again', async () => {
      const db = await project();
      await migrate(db.database, files);
      const up = await describeSchema(db);
      for (const { sql } of [...back].reverse()) await db.query(sql);
      expect((await db.query(`SELECT to_regnamespace('cofre') AS cofre`)).rows).toEqual([{ cofre: null }]);
      await migrate(db.database, files);
      expect(await describeSchema(db)).toBe(up);
    });

    it('backs up and restores with no superuser; customers see lists, administrators change things (I11)', async () => {
      const db = await project();
      await migrate(db.database, files);
      await using service = await createShop(db);
      await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
      const admin = service.again({ actor: person('admin') });
      const backup = await createBackup(admin, { implementation: 'shop/one' });
      expect(backup).toMatchObject({ status: 'completed', createdBy: 'ana' });
      await db.query('UPDATE public.item SET price = 0 WHERE store_id = 1');
      const plan = await planRestore(admin, { backup: backup.id });
      const restore = await applyRestore(admin, { plan: plan.id });
      expect(restore).toMatchObject({ status: 'completed', verified: true });
      const customer = service.again({ actor: person() });
      expect((await listBackups(service.again({ actor: person('viewer') }), {})).items).toHaveLength(2);
      await expect(deleteBackup(customer, { backup: backup.id })).rejects.toMatchObject({ code: expect.any(String) });
      await deleteBackup(admin, { backup: backup.id });
      expect((await listBackups(admin, {})).items).toHaveLength(1);
    });
  },
);
