import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { testServers } from '../support/database.ts';
import { builtFunctions, DENOS, EdgeFunction, forgetPeak, type Usage, usageOf } from '../support/edge-function.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { S3Stub } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

/** What the platform allows one call: https://supabase.com/docs/guides/functions/limits */
const CPU_MS = 2000;
const MEMORY_BYTES = 256 * 1024 * 1024;
const MIB = 1024 * 1024;

const [server] = testServers();

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

interface Measured {
  readonly body: Readonly<Record<string, unknown>>;
  readonly cpuMs: number;
  readonly before: Usage;
  readonly after: Usage;
}

async function measured(edge: EdgeFunction): Promise<Measured> {
  forgetPeak(edge.pid);
  const before = usageOf(edge.pid);
  const { body } = await edge.call({ headers: AUTHORIZED });
  const after = usageOf(edge.pid);
  return { body, cpuMs: after.threadCpuMs - before.threadCpuMs, before, after };
}

/** Says the numbers: they are what the budget was chosen from. */
function say(what: string, { cpuMs, before, after }: Measured): void {
  const mib = (bytes: number) => Math.round(bytes / MIB);
  console.info(`${what}: ${cpuMs} ms of CPU, ${mib(before.bytes)} → peak ${mib(after.peakBytes)} MiB resident`);
}

// What the hosted platform runs; with `--long` every Deno.
const denos = IS_LONG ? DENOS : DENOS.slice(0, 1);

describe.runIf(process.platform === 'linux').each(denos)('limits under Deno $version', (deno) => {
  const shop = (implementations: number): Promise<FunctionShop> => {
    if (server === undefined) throw new Error('no server');
    return createFunctionShop(server, s3, { implementations });
  };
  const start = ({ variables }: FunctionShop) =>
    EdgeFunction.start({ deno, folder: built.folder, name: 'execute-scheduled-backups', variables });

  it('a slice just under the limit, all new and then all changed, stays within memory and processor time', async () => {
    await using scene = await shop(1);
    // Some 9.3 MB as COPY writes them, in ranges of 2 MiB; the planner, who counts widths, stays below the limit too.
    await scene.db.query(
      `INSERT INTO public.item (store_id, sku, price) SELECT 1, i || md5(i::text) || md5((i * 7)::text), i FROM generate_series(1000, 101000) AS i; ANALYZE`,
    );
    await using edge = await start(scene);
    // The limit is the isolate's; what the process itself takes beside it is the platform's.
    const idle = usageOf(edge.pid);
    for (const what of ['all rows new', 'all rows changed']) {
      await scene.makeDue();
      const run = await measured(edge);
      say(`Deno ${deno.version}, a slice of 9 MB, ${what}`, run);
      expect(run.body).toMatchObject({ done: 1, failed: [], deferred: 0, left: 0 });
      expect(run.cpuMs).toBeLessThan(CPU_MS);
      expect(run.after.peakBytes - idle.bytes).toBeLessThan(MEMORY_BYTES);
      await scene.db.query(`UPDATE public.item SET price = price + 1`);
    }
  });

  // It takes some dozens of calls to see that the heap grows to a size and stays there.
  it.runIf(IS_LONG)('memory does not grow with the number of slices (I12)', async () => {
    await using scene = await shop(16);
    await using edge = await start(scene);
    const peaks: number[] = [];
    for (let round = 0; round < 14; round += 1) {
      await scene.makeDue();
      for (let left = 1; left > 0; ) {
        const run = await measured(edge);
        expect(run.body).toMatchObject({ failed: [], deferred: 0 });
        peaks.push(run.after.peakBytes);
        left = Number(run.body['left']);
      }
    }
    console.info(`Deno ${deno.version}, peaks: ${peaks.map((bytes) => Math.round(bytes / MIB)).join(', ')} MiB`);
    const half = Math.ceil(peaks.length / 2);
    expect(Math.max(...peaks)).toBeLessThan(MEMORY_BYTES);
    expect(Math.max(...peaks.slice(half)) - Math.max(...peaks.slice(0, half))).toBeLessThan(8 * MIB);
  });
});
