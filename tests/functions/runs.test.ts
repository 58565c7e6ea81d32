import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { listBackups, verifyBackup } from '../../packages/services/src/index.ts';
import { testServers } from '../support/database.ts';
import { builtFunctions, DENOS, EdgeFunction, type FunctionName } from '../support/edge-function.ts';
import {
  AUTHORIZED,
  createFunctionShop,
  type FunctionShop,
  type FunctionShopOptions,
} from '../support/function-shop.ts';
import { S3Stub } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 120_000 });

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

const combinations = DENOS.flatMap((deno) => testServers().map((server) => ({ deno, server })));

describe.each(combinations)('under Deno $deno.version on PostgreSQL $server.name', ({ deno, server }) => {
  const shop = (options: FunctionShopOptions = {}) => createFunctionShop(server, s3, options);
  const start = ({ variables }: FunctionShop, name: FunctionName = 'execute-scheduled-backups') =>
    EdgeFunction.start({ deno, folder: built.folder, name, variables });

  it('what is due is backed up, and what was backed up there Node verifies', async () => {
    await using scene = await shop();
    await using execute = await start(scene);
    expect((await execute.call({ headers: AUTHORIZED })).body).toEqual({ done: 0, failed: [], deferred: 0, left: 0 });
    await scene.makeDue();
    expect((await execute.call({ headers: AUTHORIZED })).body, execute.log).toEqual({
      done: 2,
      failed: [],
      deferred: 0,
      left: 0,
    });
    const { items } = await listBackups(scene.context, {});
    expect(items).toHaveLength(2);
    for (const backup of items) {
      expect(backup).toMatchObject({ status: 'completed', createdBy: 'edge function execute-scheduled-backups' });
      expect(await verifyBackup(scene.context, { backup: backup.id })).toMatchObject({ ok: true });
    }
  });
});
