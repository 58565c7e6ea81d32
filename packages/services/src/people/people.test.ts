import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import { systemRandom } from '../../../storage/src/index.ts';
import { roleOf } from '../access/authorize.ts';
import { NOBODY } from '../actor.ts';
import { addPerson } from './add-person.ts';
import { ensureFirstAdministrator } from './ensure-first-administrator.ts';
import { drawOneTimePassword, hashPassword, verifyPassword } from './passwords.ts';
import { readPerson } from './read-person.ts';
import { resetPassword } from './reset-password.ts';
import { countSignInAttempt, forgetSignInAttempts, SIGN_IN_WINDOW_MS } from './sign-in-attempts.ts';
import { logSignInRefusal } from './sign-in-refusals.ts';

describe('passwords', () => {
  it('open with the same password, however its accents are written, and with no other', async () => {
    const kept = await hashPassword('senha com ação e acento', systemRandom);
    expect(await verifyPassword('senha com ação e acento'.normalize('NFD'), kept)).toBe(true);
    expect(await verifyPassword('senha com acao e acento', kept)).toBe(false);
    expect(await hashPassword('senha com ação e acento', systemRandom)).not.toBe(kept);
  });

  it('what is no hash of ours opens nothing, and costs nothing', async () => {
    for (const kept of ['', 'x', 'scrypt$1$8$1$$', 'scrypt$-1$8$1$AA$AA', 'scrypt$1073741824$8$1$AA$AA'])
      expect(await verifyPassword('', kept)).toBe(false);
  });

  it('one-time passwords can be read from a screen and do not repeat', () => {
    const drawn = Array.from({ length: 100 }, () => drawOneTimePassword(systemRandom));
    for (const password of drawn) expect(password).toMatch(/^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/);
    expect(new Set(drawn).size).toBe(100);
  });
});

describe.each(costlyTestServers())('people on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });
  const roleOfPerson = async (userId: string) => {
    const { catalogue } = service.context;
    const actor = await readPerson(catalogue, userId);
    return actor === null ? null : roleOf({ catalogue, actor });
  };

  it('the first administrator is made once, also by two that start at once', async () => {
    const both = await Promise.all(
      ['admin@example.org', 'other@example.org'].map((email) => ensureFirstAdministrator(service.context, { email })),
    );
    const [made] = both.filter((it) => it !== null);
    expect(both.filter((it) => it !== null)).toHaveLength(1);
    expect(await ensureFirstAdministrator(service.context, { email: 'third@example.org' })).toBeNull();
    expect(await roleOfPerson(made?.userId ?? '')).toBe('administrator');
    const { rows } = await db.query(
      `SELECT u.must_change_password, a.password FROM cofre_auth.users u JOIN cofre_auth.accounts a ON a.user_id = u.id`,
    );
    expect(rows).toMatchObject([{ must_change_password: true }]);
    expect(await verifyPassword(made?.oneTimePassword ?? '', String(rows[0]?.['password']))).toBe(true);
    expect(JSON.stringify((await db.query('SELECT * FROM audit_logs')).rows)).not.toContain(made?.oneTimePassword);
  });

  it('what a person may do comes from what the server wrote, never from what they write themselves', async () => {
    const viewer = await addPerson(service.context, { email: 'Vic@Example.org', role: 'viewer' });
    const customer = await addPerson(service.context, { email: 'cus@example.org', role: 'customer' });
    expect(viewer.email).toBe('vic@example.org');
    await db.query(
      `UPDATE auth.users SET raw_user_meta_data = '{"role": "admin", "app_metadata": {"role": "admin"}}' WHERE id = $1`,
      [customer.userId],
    );
    expect([await roleOfPerson(viewer.userId), await roleOfPerson(customer.userId)]).toEqual(['viewer', 'customer']);
    await db.query(`UPDATE auth.users SET raw_app_meta_data = '"admin"' WHERE id = $1`, [customer.userId]);
    expect(await roleOfPerson(customer.userId)).toBe('customer');
    await db.query(`UPDATE auth.users SET banned_until = 'infinity' WHERE id = $1`, [viewer.userId]);
    expect(await readPerson(service.context.catalogue, viewer.userId)).toBeNull();
  });

  it('an address belongs to one person', async () => {
    await addPerson(service.context, { email: 'ana@example.org' });
    await expect(addPerson(service.context, { email: 'ANA@example.org' })).rejects.toMatchObject({
      code: 'access/person-exists',
    });
  });

  it('a new password shuts the old one and every session out', async () => {
    const { userId, oneTimePassword } = await addPerson(service.context, { email: 'bea@example.org' });
    await db.query(
      `INSERT INTO cofre_auth.sessions (id, user_id, token, expires_at) VALUES (gen_random_uuid(), $1, 't', 'infinity')`,
      [userId],
    );
    const given = await resetPassword(service.context, { email: 'BEA@example.org' });
    expect(given).toMatchObject({ userId, email: 'bea@example.org' });
    const { rows } = await db.query('SELECT password FROM cofre_auth.accounts WHERE user_id = $1', [userId]);
    expect(await verifyPassword(oneTimePassword, String(rows[0]?.['password']))).toBe(false);
    expect((await db.query('SELECT FROM cofre_auth.sessions')).rowCount).toBe(0);
    await expect(resetPassword(service.context, { email: 'none@example.org' })).rejects.toMatchObject({
      code: 'access/person-not-found',
    });
  });

  it('people of Supabase are not made here', async () => {
    await db.query('CREATE TABLE auth.identities (id uuid)');
    await expect(addPerson(service.context, { email: 'eve@example.org' })).rejects.toMatchObject({
      code: 'access/supabase',
    });
    await db.query('DROP TABLE auth.identities');
  });

  it('an account takes ten attempts, also when they come at once, then waits a quarter of an hour', async () => {
    const { catalogue } = service.context;
    let now = Date.parse('2025-06-01T12:00:00Z');
    const counter = { catalogue, clock: { now: () => new Date(now) } };
    const attempts = await Promise.allSettled(
      Array.from({ length: 25 }, () => countSignInAttempt(counter, 'dan@example.org')),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    await countSignInAttempt(counter, 'somebody-else@example.org');
    now += 14 * 60_000;
    await expect(countSignInAttempt(counter, 'Dan@example.org ')).rejects.toMatchObject({
      code: 'access/too-many-attempts',
    });
    now += 60_000;
    await countSignInAttempt(counter, 'dan@example.org');
    for (let attempt = 0; attempt < 9; attempt += 1) await countSignInAttempt(counter, 'dan@example.org');
    await forgetSignInAttempts(counter, 'dan@example.org');
    await countSignInAttempt(counter, 'dan@example.org');
  });

  describe('who is not signed in', () => {
    const START = Date.parse('2030-01-01T00:00:00Z');
    const from = '203.0.113.7';
    const code = 'access/sign-in-refused';
    const at = (ms: number) => ({ ...service.context, actor: NOBODY, clock: { now: () => new Date(START + ms) } });
    const refuse = async (email: string, times = 1, ms = 0) => {
      for (let time = 0; time < times; time += 1) await logSignInRefusal(at(ms), { email, from, code });
    };
    const entries = async () => {
      const logged = await db.query(`SELECT resource_id, details FROM audit_logs WHERE action = 'SIGN_IN_REFUSED'
        ORDER BY created_at, (details ->> 'refusals')::int`);
      return logged.rows;
    };
    beforeEach(() => db.query(`DELETE FROM cofre_auth.rate_limits; DELETE FROM audit_logs`));

    it('is in the log by their name, though not once for each guess', async () => {
      const { userId } = await addPerson(service.context, { email: 'guessed@example.org' });
      await refuse(' Guessed@Example.org', 30);
      const about = { code, from, email: 'guessed@example.org' };
      expect(await entries()).toEqual([
        { resource_id: userId, details: { ...about, refusals: 1 } },
        { resource_id: userId, details: { ...about, refusals: 10 } },
      ]);
      await refuse('guessed@example.org', 1, SIGN_IN_WINDOW_MS);
      expect(await entries()).toHaveLength(3);
    });

    it('is counted with everybody else where the address is nobody’s, and nothing of it is kept', async () => {
      await Promise.all(Array.from({ length: 40 }, (_, guess) => refuse(`my secret ${guess}`)));
      const about = { code, from, email: null };
      expect(await entries()).toEqual([
        { resource_id: null, details: { ...about, refusals: 1 } },
        { resource_id: null, details: { ...about, refusals: 10 } },
      ]);
      const kept = await db.query(`SELECT r::text FROM cofre_auth.rate_limits r`);
      expect(kept.rows).toHaveLength(1);
    });
  });
});
