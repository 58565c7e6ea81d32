import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { catalogueAs } from './catalogue-as.ts';
import { type Catalogue, openCatalogue } from './open-catalogue.ts';

const PERSON = '11111111-1111-4111-8111-111111111111';
const HOSTILE = `'; RESET ROLE; -- \\' $$ "x" \u{1f4e6}`;

describe.each(testServers())('statements as somebody on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let own: Catalogue;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    // One connection: whatever is left on it, the next statement would meet.
    own = openCatalogue({ url: db.url, label: 'test', connectionsMax: 1 });
  });
  afterAll(async () => {
    await own.destroy();
    await db.drop();
  });

  const asPerson = (claims: Readonly<Record<string, unknown>> = {}) =>
    catalogueAs(own, { role: 'authenticated', userId: PERSON, claims });
  async function whoIs(catalogue: Catalogue) {
    const { rows } = await sql<{ role: string; sub: string | null; claims: Record<string, unknown> | null }>`
      SELECT CURRENT_USER AS role, auth.uid()::text AS sub, auth.jwt() AS claims`.execute(catalogue);
    return rows[0];
  }

  it('run with the role and the claims, alone and in a transaction, and leave nothing behind', async () => {
    const claims = { app_metadata: { note: HOSTILE }, sub: 'somebody else', role: 'service_role' };
    const seen = { role: 'authenticated', sub: PERSON };
    expect(await whoIs(asPerson(claims))).toMatchObject({
      ...seen,
      claims: { sub: PERSON, role: 'authenticated', app_metadata: { note: HOSTILE } },
    });
    expect(await whoIs(own)).toMatchObject({ role: 'postgres', sub: null });
    await asPerson()
      .transaction()
      .execute(async (transaction) => {
        expect(await whoIs(transaction)).toMatchObject(seen);
        expect(await whoIs(transaction)).toMatchObject(seen);
      });
    expect(await whoIs(catalogueAs(own, { role: 'service_role' }))).toMatchObject({ role: 'service_role', sub: null });
    expect(await whoIs(own)).toMatchObject({ role: 'postgres', sub: null });
  });

  it('what fails is rolled back, and the connection is as before', async () => {
    const person = asPerson({ app_metadata: { role: 'admin' } });
    await expect(sql`SELECT 1 / 0`.execute(person)).rejects.toMatchObject({ code: 'database/failed' });
    const twice = person.transaction().execute(async (transaction) => {
      await transaction.insertInto('cofre.admin_users').values({ user_id: PERSON }).execute();
      await transaction.insertInto('cofre.admin_users').values({ user_id: PERSON }).execute();
    });
    await expect(twice).rejects.toMatchObject({ code: 'database/failed' });
    expect(await own.selectFrom('cofre.admin_users').selectAll().execute()).toEqual([]);
    expect(await whoIs(own)).toMatchObject({ role: 'postgres', sub: null });
  });

  it('whoever is limited cannot gain by being limited again to more, but starts anew from the connections', async () => {
    const again = catalogueAs(asPerson(), { role: 'service_role' });
    expect(await whoIs(again)).toMatchObject({ role: 'service_role' });
    await asPerson().destroy();
    expect(await whoIs(own)).toMatchObject({ role: 'postgres' });
  });

  it('policies decide: a statement that the code should not have made changes nothing', async () => {
    await db.query(`INSERT INTO public.module_backups (backup_type, module_slug) VALUES ('full', 'm')`);
    const customer = asPerson({ user_metadata: { role: 'admin' } });
    const hold = (catalogue: Catalogue) =>
      catalogue.updateTable('public.module_backups').set({ held: true }).where('held', '=', false).executeTakeFirst();
    expect((await hold(customer)).numUpdatedRows).toBe(0n);
    await expect(customer.selectFrom('public.module_backups').select('backup_data').execute()).rejects.toMatchObject({
      code: 'database/not-permitted',
    });
    expect((await hold(asPerson({ app_metadata: { role: 'admin' } }))).numUpdatedRows).toBe(1n);
  });
});
