import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { checkRepository } from '../../packages/services/src/index.ts';
import { testServers } from '../support/database.ts';
import { builtFunctions, DENOS, EdgeFunction } from '../support/edge-function.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { S3Stub } from '../support/s3-stub.ts';
import type { WorkerProcessOptions } from '../support/worker-process.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** 200 with `--long`. */
const IMPLEMENTATIONS = IS_LONG ? 200 : 60;
const PROGRAM = path.join(import.meta.dirname, '../support/worker-process.ts');

const summary = z.object({ done: z.number(), failed: z.array(z.unknown()), left: z.number() });
const runLine = z.object({ event: z.literal('scheduled backups'), done: z.number(), failed: z.number() });

interface WorkerProcess extends AsyncDisposable {
  /** Scheduled backups that it said it made, as far as its log has come. */
  readonly done: () => number;
}

function startWorker({ db, variables }: FunctionShop): WorkerProcess {
  const options: WorkerProcessOptions = { url: db.url, store: variables['COFRE_REPOSITORY'] ?? '', killAt: null };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...variables },
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const linesOfLog = () => log.split('\n').slice(0, -1);
  return {
    done: () =>
      linesOfLog()
        .map((line) => runLine.safeParse(JSON.parse(line)).data)
        .reduce((sum, run) => sum + (run?.done ?? 0), 0),
    async [Symbol.asyncDispose]() {
      const exit = child.exitCode === null ? once(child, 'exit') : null;
      child.kill('SIGKILL');
      await exit;
    },
  };
}

describe('two workers and an edge function at once', () => {
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

  it.each(DENOS.slice(0, 1))(
    `of Deno $version, on ${IMPLEMENTATIONS} due implementations: nothing is lost and nothing doubled (I1)`,
    async (deno) => {
      const [server] = testServers();
      if (server === undefined) throw new Error('no server');
      await using scene = await createFunctionShop(server, s3, { implementations: IMPLEMENTATIONS });
      await using edge = await EdgeFunction.start({
        deno,
        folder: built.folder,
        name: 'execute-scheduled-backups',
        variables: scene.variables,
      });
      await scene.makeDue();
      await using one = startWorker(scene);
      await using two = startWorker(scene);
      let doneByFunction = 0;
      for (let left = IMPLEMENTATIONS; left > 0; ) {
        const { status, body, text } = await edge.call({ headers: AUTHORIZED, body: '{}' });
        expect(status, text).toBe(200);
        const run = summary.parse(body);
        expect(run.failed).toEqual([]);
        doneByFunction += run.done;
        left = run.left;
      }
      await expect
        .poll(() => one.done() + two.done() + doneByFunction, { timeout: 60_000 })
        .toBeGreaterThanOrEqual(IMPLEMENTATIONS);
      const parts = [one.done(), two.done(), doneByFunction];
      expect(parts.reduce((sum, done) => sum + done)).toBe(IMPLEMENTATIONS);
      expect(Math.min(...parts), `each did a part: ${parts.join(', ')}`).toBeGreaterThan(0);
      const { rows } = await scene.db.query(
        `SELECT status, count(*)::int AS backups, count(DISTINCT source_implementation_id)::int AS implementations
         FROM public.module_backups GROUP BY 1`,
      );
      expect(rows).toEqual([{ status: 'completed', backups: IMPLEMENTATIONS, implementations: IMPLEMENTATIONS }]);
      expect(await checkRepository(scene.node(), { readData: true })).toMatchObject({
        ok: true,
        checked: { backups: IMPLEMENTATIONS },
      });
    },
  );
});
