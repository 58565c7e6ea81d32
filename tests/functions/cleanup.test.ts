import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createBackup,
  holdBackup,
  listBackups,
  updateSettings,
  verifyBackup,
} from '../../packages/services/src/index.ts';
import { testServers } from '../support/database.ts';
import { builtFunctions, COSTLY_DENOS, EdgeFunction } from '../support/edge-function.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { S3Stub } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let built: Awaited<ReturnType<typeof builtFunctions>>;
let s3: S3Stub;
beforeAll(async () => {
  built = await builtFunctions();
  s3 = await S3Stub.start();
});
afterAll(async () => {
  await s3.close();
  await built[Symbol.asyncDispose]();
});

const combinations = COSTLY_DENOS.flatMap((deno) => testServers().map((server) => ({ deno, server })));

describe.each(combinations)('clean-up under Deno $deno.version on PostgreSQL $server.name', ({ deno, server }) => {
  const start = ({ variables }: FunctionShop) =>
    EdgeFunction.start({ deno, folder: built.folder, name: 'cleanup-expired-backups', variables });

  async function call(edge: EdgeFunction, body = '{}') {
    const answer = await edge.call({ headers: AUTHORIZED, body });
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  }

  /** Backups of s1, the first `expired` of which are past their end. */
  async function withExpired(scene: FunctionShop, counts: { readonly made: number; readonly expired: number }) {
    const node = scene.node();
    await updateSettings(node, { place: {}, set: { minimumKept: 0 } });
    const ids: string[] = [];
    for (let made = 0; made < counts.made; made += 1) {
      ids.push((await createBackup(node, { implementation: 'shop/s1', type: 'incremental' })).id);
    }
    const expired = ids.slice(0, counts.expired);
    await scene.db.query(
      `UPDATE public.module_backups SET expires_at = now() - interval '1 day' WHERE id = ANY ($1::uuid[])`,
      [expired],
    );
    return { ids, expired };
  }

  it('a dry run says what would go, and changes nothing; then it goes, and what stays is whole (I3)', async () => {
    await using scene = await createFunctionShop(server, s3);
    const { ids, expired } = await withExpired(scene, { made: 5, expired: 3 });
    await holdBackup(scene.node(), { backup: expired[1] ?? '', reason: 'a test' });
    await using edge = await start(scene);
    const dry = await call(edge, '{"dryRun":true}');
    expect(dry).toMatchObject({ dryRun: true, done: 2, failed: [], left: 0 });
    expect((await listBackups(scene.node(), {})).items).toHaveLength(5);
    const done = await call(edge);
    expect(done).toEqual({ done: 2, failed: [], deferred: 0, left: 0, freedBytes: 0 });
    const { items } = await listBackups(scene.node(), {});
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set([expired[1], ...ids.slice(3)]));
    for (const { id } of items) expect(await verifyBackup(scene.node(), { backup: id })).toMatchObject({ ok: true });
  });

  it('a call removes what it has time for; the next ones go on, two at once too', async () => {
    await using scene = await createFunctionShop(server, s3);
    await withExpired(scene, { made: 9, expired: 8 });
    await using one = await start(scene);
    await using two = await start(scene);
    expect(await call(one, '{"limit":2}')).toMatchObject({ done: 2, failed: [], left: 6 });
    let done = 0;
    for (let round = 0; round < 5; round += 1) {
      for (const answer of await Promise.all([call(one), call(two)])) {
        expect(answer['failed']).toEqual([]);
        done += Number(answer['done']);
      }
      if (done === 6) break;
    }
    expect(done).toBe(6);
    const { items } = await listBackups(scene.node(), {});
    expect(items).toHaveLength(1);
    expect(await verifyBackup(scene.node(), { backup: items[0]?.id ?? '' })).toMatchObject({ ok: true });
  });
});
