import path from 'node:path';
import { listBackups, readMigrations } from '@cofre/services';
import { systemClock } from '@cofre/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testServers } from '../../../tests/support/database.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../../../tests/support/function-shop.ts';
import { S3Stub, type StubRequest } from '../../../tests/support/s3-stub.ts';
import { callHandler } from './call-handler.ts';
import type { Alarm } from './compose.ts';
import { executeScheduled } from './execute-scheduled.ts';

/** Who waits for the answer (pg_net, the gateway) gives up after this long: https://supabase.com/docs/guides/functions/limits */
const WAITED_FOR_MS = 150_000;

const MIGRATIONS = path.resolve(import.meta.dirname, '../../../supabase/migrations');

const isManifest = ({ operation, key }: StubRequest) => operation === 'put' && key.includes('/backups/');

interface CallOptions {
  readonly now?: () => Date;
  readonly alarm?: Alarm;
}

/** `execute-scheduled-backups` as it is served, but for its clock and its alarm. */
async function functionOf({ variables }: FunctionShop, options: CallOptions = {}) {
  const { now = systemClock.now, alarm = () => () => undefined } = options;
  const migrations = await readMigrations(MIGRATIONS);
  const handler = callHandler(executeScheduled, {
    variables,
    clock: { now },
    alarm,
    log: () => undefined,
    version: '0.0.0',
    migrations,
  });
  return async () => {
    const response = await handler(new Request('http://localhost/', { method: 'POST', headers: AUTHORIZED }));
    return { status: response.status, body: await response.json() };
  };
}

describe('a call of a function, from the request to the answer', () => {
  let s3: S3Stub;
  beforeAll(async () => {
    s3 = await S3Stub.start();
  });
  afterAll(() => s3.close());

  const shop = (implementations: number) => {
    const [server] = testServers();
    if (server === undefined) throw new Error('no server');
    return createFunctionShop(server, s3, { implementations });
  };

  it('begins nothing once its time is used up, and answers with what is left; the next goes on', async () => {
    await using scene = await shop(6);
    let time = Date.now();
    const call = await functionOf(scene, { now: () => new Date(time) });
    await scene.makeDue();
    // Far less processor time than is allowed; only the clock on the wall goes on, with each backup.
    s3.fault = (request) => {
      if (isManifest(request)) time += 25_000;
      return null;
    };
    const startedAt = time;
    expect(await call()).toEqual({ status: 200, body: { done: 4, failed: [], deferred: 0, left: 2 } });
    // Another one like these would still have ended in time.
    expect(time - startedAt).toBeLessThan(WAITED_FOR_MS - 25_000);
    expect(await call()).toEqual({ status: 200, body: { done: 2, failed: [], deferred: 0, left: 0 } });
  });

  it.each([
    ['a pack', ({ operation, key }: StubRequest) => operation === 'put' && key.includes('/packs/')],
    ['a manifest', isManifest],
    ['the lease', ({ key }: StubRequest) => key.includes('/leases/')],
  ])(
    'that hangs at %s is stopped while somebody still waits for its answer, and lets go of what it held',
    async (_name, matches) => {
      await using scene = await shop(2);
      await scene.makeDue();
      const alarms: { readonly ring: () => void; readonly afterMs: number }[] = [];
      const call = await functionOf(scene, {
        alarm: (ring, afterMs) => {
          alarms.push({ ring, afterMs });
          return () => undefined;
        },
      });
      const hanging = new Promise<void>((resolve) => {
        s3.fault = (request) => {
          if (!matches(request)) return null;
          resolve();
          return { kind: 'hang' };
        };
      });
      const answer = call();
      await hanging;
      const [alarm] = alarms;
      expect(alarm?.afterMs).toBeLessThan(WAITED_FOR_MS);
      const rungAt = performance.now();
      alarm?.ring();
      expect(await answer).toMatchObject({ status: 500, body: { error: { code: 'backup/interrupted' } } });
      expect((alarm?.afterMs ?? 0) + performance.now() - rungAt).toBeLessThan(WAITED_FOR_MS);
      s3.fault = () => null;
      expect((await listBackups(scene.node(), { status: 'completed' })).items).toEqual([]);
      expect((await listBackups(scene.node(), { status: 'running' })).items).toEqual([]);
      expect(await call()).toEqual({ status: 200, body: { done: 2, failed: [], deferred: 0, left: 0 } });
    },
  );
});
