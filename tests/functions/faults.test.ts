import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listBackups, listNotifications, verifyBackup } from '../../packages/services/src/index.ts';
import { testServers } from '../support/database.ts';
import { builtFunctions, COSTLY_DENOS, type Deno, EdgeFunction } from '../support/edge-function.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { S3Stub, type StubRequest } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const [server] = testServers();

let built: Awaited<ReturnType<typeof builtFunctions>>;
let s3: S3Stub;
beforeAll(async () => {
  built = await builtFunctions();
  s3 = await S3Stub.start();
});
afterEach(() => {
  s3.fault = () => null;
});
afterAll(async () => {
  await s3.close();
  await built[Symbol.asyncDispose]();
});

function shop(): Promise<FunctionShop> {
  if (server === undefined) throw new Error('no server');
  return createFunctionShop(server, s3);
}

const start = (deno: Deno, { variables }: FunctionShop, more: Readonly<Record<string, string>> = {}) =>
  EdgeFunction.start({
    deno,
    folder: built.folder,
    name: 'execute-scheduled-backups',
    variables: { ...variables, ...more },
  });

/** Resolves when the function sends a request like that to the bucket, which is never answered. */
function hangAt(matches: (request: StubRequest) => boolean): Promise<void> {
  return new Promise((resolve) => {
    s3.fault = (request) => {
      if (!matches(request)) return null;
      resolve();
      return { kind: 'hang' };
    };
  });
}

const isPack = ({ operation, key }: StubRequest) => operation === 'put' && key.includes('/packs/');
const isManifest = ({ operation, key }: StubRequest) => operation === 'put' && key.includes('/backups/');

describe.each(COSTLY_DENOS)('under Deno $version', (deno) => {
  it.each([
    ['a pack', isPack],
    ['a manifest', isManifest],
  ])(
    'the platform ends it while %s is on its way: nothing half done is listed, and a later call does it',
    async (_name, matches) => {
      await using scene = await shop();
      await scene.makeDue();
      const hanging = hangAt(matches);
      const killed = await start(deno, scene);
      const call = killed.call({ headers: AUTHORIZED }).catch(() => null);
      await hanging;
      await killed.kill();
      await call;
      s3.fault = () => null;
      const completed = async () => (await listBackups(scene.node(), { status: 'completed' })).items;
      expect(await completed()).toEqual([]);
      // A claim lasts two minutes; who died lets go then.
      await scene.db.query(
        `UPDATE cofre.implementation_settings SET claimed_until = now() WHERE claimed_until > now()`,
      );
      await using edge = await start(deno, scene);
      expect((await edge.call({ headers: AUTHORIZED })).body, edge.log).toMatchObject({ done: 2, failed: [], left: 0 });
      const items = await completed();
      expect(items).toHaveLength(2);
      for (const { id } of items) expect(await verifyBackup(scene.node(), { backup: id })).toMatchObject({ ok: true });
      const { items: running } = await listBackups(scene.node(), { status: 'running' });
      expect(running).toEqual([]);
    },
  );

  it.each([
    ['is away', { COFRE_REPOSITORY: 's3://cofre-test/x?endpoint=http://127.0.0.1:1&forcePathStyle=true' }],
    ['refuses the credentials', { AWS_SECRET_ACCESS_KEY: 'another' }],
    ['holds no repository', { COFRE_REPOSITORY: '' }],
  ])('a bucket that %s is told, with no secret, and what was due stays due', async (_name, variables) => {
    await using scene = await shop();
    await scene.makeDue();
    const address = scene.variables['COFRE_REPOSITORY'] ?? '';
    const elsewhere = address.replace('/shop-', '/none-');
    const given =
      'COFRE_REPOSITORY' in variables && variables.COFRE_REPOSITORY === ''
        ? { COFRE_REPOSITORY: elsewhere }
        : variables;
    await using edge = await start(deno, scene, given);
    const answer = await edge.call({ headers: AUTHORIZED });
    expect(JSON.stringify(answer.body)).toMatch(/storage\/unavailable|storage\/not-permitted|repository\/not-found/);
    expect(answer.body['done'] ?? 0).toBe(0);
    expect(answer.text).not.toContain(scene.variables['AWS_SECRET_ACCESS_KEY']);
    await using mended = await start(deno, scene);
    await scene.db.query('UPDATE cofre.implementation_settings SET retry_at = NULL');
    await scene.makeDue();
    expect((await mended.call({ headers: AUTHORIZED })).body, mended.log).toMatchObject({ done: 2, failed: [] });
  });

  it.each([
    ['no key', {}, 'repository/key-required'],
    ['another passphrase', { COFRE_PASSPHRASE: 'wrong' }, 'repository/key-wrong'],
  ])('an encrypted repository and %s: told by its code', async (_name, variables, code) => {
    if (server === undefined) throw new Error('no server');
    await using scene = await createFunctionShop(server, s3, { key: { kind: 'passphrase', passphrase: 'right' } });
    await scene.makeDue();
    await using edge = await start(deno, scene, { COFRE_PASSPHRASE: '', ...variables });
    const answer = await edge.call({ headers: AUTHORIZED });
    expect(answer.text).toContain(code);
    expect(answer.body['done'] ?? 0).toBe(0);
    expect((await listBackups(scene.node(), {})).items.filter(({ status }) => status === 'completed')).toEqual([]);
  });

  it('connections that the database ends in the middle fail one backup; the next call does it', async () => {
    await using scene = await shop();
    await scene.makeDue();
    const hanging = hangAt(isPack);
    await using edge = await start(deno, scene);
    const call = edge.call({ headers: AUTHORIZED });
    await hanging;
    await scene.db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'cofre%'`,
    );
    s3.fault = () => null;
    const answer = await call;
    expect([200, 500]).toContain(answer.status);
    await sleep(100);
    await scene.db.query('UPDATE cofre.implementation_settings SET retry_at = NULL, claimed_until = NULL');
    await scene.makeDue();
    const again = await edge.call({ headers: AUTHORIZED });
    expect(again.body, edge.log).toMatchObject({ done: 2, failed: [], left: 0 });
  });

  it('one that cannot be backed up does not hold up the others, and the answer is 200', async () => {
    await using scene = await shop();
    await scene.makeDue();
    await scene.db.query(`UPDATE cofre.implementation_settings SET backup_scope = '{"store_id": "no number"}'
      WHERE implementation_id = (SELECT id FROM cofre.v_module_implementations WHERE key = 's1')`);
    await using edge = await start(deno, scene);
    const { status, body } = await edge.call({ headers: AUTHORIZED });
    expect(status).toBe(200);
    expect(body).toMatchObject({ done: 1, failed: [{ implementation: 'shop/s1', code: expect.any(String) }], left: 0 });
    const { items } = await listNotifications(scene.node(), {});
    expect(items).toMatchObject([{ kind: 'backup-failed' }]);
  });
});
