import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, testServers } from '../support/database.ts';
import { builtFunctions, COSTLY_DENOS, EdgeFunction, type FunctionName } from '../support/edge-function.ts';
import { AUTHORIZED, CRON_SECRET, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { S3Stub } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const jwt = (claims: object, alg = 'HS256', signature = 'c2lnbmVk') =>
  `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.${signature}`;
const inAnHour = Math.floor(Date.now() / 1000) + 3600;
const CLAIMS = { iss: 'supabase', ref: 'ours', role: 'service_role', exp: inAnHour };
const SERVICE_KEY = jwt(CLAIMS);

const KEYS = {
  COFRE_CRON_SECRET: CRON_SECRET,
  SUPABASE_SERVICE_ROLE_KEY: SERVICE_KEY,
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_one"}',
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const [server] = testServers();
const functions: readonly FunctionName[] = ['execute-scheduled-backups', 'cleanup-expired-backups'];

describe.each(COSTLY_DENOS.flatMap((deno) => functions.map((name) => ({ deno, name }))))(
  '$name under Deno $deno.version',
  ({ deno, name }) => {
    let built: Awaited<ReturnType<typeof builtFunctions>>;
    let s3: S3Stub;
    let scene: FunctionShop;
    let edge: EdgeFunction;
    const start = (variables: Readonly<Record<string, string>>) =>
      EdgeFunction.start({ deno, folder: built.folder, name, variables });

    beforeAll(async () => {
      if (server === undefined) throw new Error('no server');
      built = await builtFunctions();
      s3 = await S3Stub.start();
      scene = await createFunctionShop(server, s3);
      edge = await start({ ...scene.variables, ...KEYS });
    });
    afterAll(async () => {
      await edge.kill();
      await scene[Symbol.asyncDispose]();
      await s3.close();
      await built[Symbol.asyncDispose]();
    });

    it.each([
      ['the secret of pg_cron', AUTHORIZED],
      ['the key of the service role', bearer(SERVICE_KEY)],
      ['a secret key', { apikey: 'sb_secret_one' }],
    ])('%s opens', async (_name, headers) => {
      const answer = await edge.call({ headers, body: '{}' });
      expect(answer, edge.log).toMatchObject({ status: 200, body: { done: 0, failed: [], deferred: 0, left: 0 } });
    });

    it.each([
      ['nothing', {}],
      ['another secret', bearer('guess')],
      ['alg none', bearer(jwt(CLAIMS, 'none', ''))],
      ['a forged signature', bearer(jwt(CLAIMS, 'HS256', 'Zm9yZ2Vk'))],
      ['an expired key', bearer(jwt({ ...CLAIMS, exp: 1 }))],
      ['the key of another project', bearer(jwt({ ...CLAIMS, ref: 'theirs' }))],
      ['another apikey', { apikey: 'sb_secret_two' }],
    ])('%s is refused with 401', async (_name, headers) => {
      const { status, body } = await edge.call({ headers, body: '{}' });
      expect(status).toBe(401);
      expect(body).toEqual({
        error: { code: 'access/not-signed-in', message: expect.any(String), hint: expect.any(String) },
      });
    });

    it('an expired service key opens nothing, though it is the configured one', async () => {
      const expired = jwt({ ...CLAIMS, exp: 1 });
      await using other = await start({ ...scene.variables, SUPABASE_SERVICE_ROLE_KEY: expired });
      expect((await other.call({ headers: bearer(expired) })).status).toBe(401);
    });

    it('only POST, only here, only JSON that it knows', async () => {
      expect((await edge.call({ method: 'GET' })).status).toBe(405);
      expect((await edge.call({ headers: AUTHORIZED, path: '/elsewhere' })).status).toBe(404);
      expect((await edge.call({ headers: AUTHORIZED, path: `/${name}` })).status).toBe(200);
      for (const body of ['{', '[]', '{"now":"2030-01-01T00:00:00Z"}', '{"limit":0}', '{"implementation":"shop/s1"}']) {
        const answer = await edge.call({ headers: AUTHORIZED, body });
        expect(answer, body).toMatchObject({ status: 400, body: { error: { code: 'usage/invalid' } } });
      }
    });

    it('what is missing is named to who may call, with no value of anything, and 401 to others', async () => {
      await using bare = await start({ COFRE_CRON_SECRET: CRON_SECRET, COFRE_REPOSITORY: 'file:///srv/our-backups' });
      expect((await bare.call()).status).toBe(401);
      const { status, body, text } = await bare.call({ headers: AUTHORIZED });
      expect(status).toBe(500);
      expect(body).toMatchObject({ error: { code: 'function/not-configured' } });
      for (const word of ['DATABASE_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'no disk']) {
        expect(text).toContain(word);
      }
      expect(`${text}${bare.log}`).not.toMatch(new RegExp(`our-backups|${CRON_SECRET}`));
    });

    it('with no secret configured nobody may call', async () => {
      await using open = await start({});
      for (const headers of [{}, bearer(''), bearer('undefined'), { apikey: '' }]) {
        expect((await open.call({ headers })).status).toBe(401);
      }
    });

    const PASSWORD = 'the-password-of-the-database';
    it.each([
      ['a database that is away', { DATABASE_URL: `postgres://u:${PASSWORD}@127.0.0.1:1/x` }, 'database/unreachable'],
      ['an address that is none', { DATABASE_URL: `mysql://u:${PASSWORD}@host/x` }, 'function/not-configured'],
    ])('%s is told by its code, with no secret', async (_name, variables, code) => {
      await using other = await start({ ...scene.variables, ...variables });
      const answer = await other.call({ headers: AUTHORIZED });
      expect(answer.body).toMatchObject({ error: { code } });
      expect(answer.status).toBe(500);
      const secret = scene.variables['AWS_SECRET_ACCESS_KEY'] ?? '';
      for (const hidden of [PASSWORD, CRON_SECRET, secret]) expect(`${answer.text}${other.log}`).not.toContain(hidden);
      expect(answer.text).not.toMatch(/\bat .*:\d+:\d+/);
    });

    it('a database without the catalogue, or with a newer one, is told', async () => {
      if (server === undefined) throw new Error('no server');
      const empty = await createTestDatabase(server);
      await using old = await start({ ...scene.variables, DATABASE_URL: empty.url });
      const answer = await old.call({ headers: AUTHORIZED });
      expect(answer).toMatchObject({ status: 500, body: { error: { code: 'catalogue/not-migrated' } } });
      await scene.db.query(`INSERT INTO cofre.schema_migrations (name) VALUES ('29991231_later')`);
      const newer = await edge.call({ headers: AUTHORIZED });
      expect(newer).toMatchObject({ status: 500, body: { error: { code: 'catalogue/newer' } } });
      await scene.db.query(`DELETE FROM cofre.schema_migrations WHERE name = '29991231_later'`);
      await old.kill();
      await empty.drop();
    });

    it('whatever comes, it goes on answering', async () => {
      const calls = Array.from({ length: 30 }, (_, index) =>
        edge.call({ headers: index % 2 === 0 ? {} : AUTHORIZED, body: index % 3 === 0 ? '\u0000{' : '{}' }),
      );
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      expect(statuses.filter((status) => ![200, 400, 401].includes(status))).toEqual([]);
      expect((await edge.call({ headers: AUTHORIZED })).status).toBe(200);
    });
  },
);
