import { databaseFromUrl } from '../../packages/postgres/src/index.ts';
import { openStore, systemClock } from '../../packages/storage/src/index.ts';
import { createLogger, startWorker } from '../../apps/worker/src/index.ts';
import { createTestService } from './service-context.ts';

/** How quick a worker of the tests is, in this process and in others. */
export const QUICK_WORKER = {
  announceMs: 200,
  staleMs: 1500,
  tendMs: 200,
  scheduleMs: 60_000,
  graceMs: 1000,
  abortMs: 5000,
  jobs: { heartbeatMs: 200, abandonedMs: 2000, progressMs: 50, retryFirstMs: 100, retryMaxMs: 1000 },
} as const;

/** The moments in which a worker kills itself as `kill -9` would. */
export type KillPoint =
  /** It has the job, and has not begun. */
  | 'claimed'
  /** The first rows were read, and are about to be stored. */
  | 'reading'
  /** The manifest is in the repository; the catalogue does not know. */
  | 'manifest-put'
  /** The backup, or the restore, is done; the job does not know. */
  | 'done';

export interface WorkerProcessOptions {
  readonly url: string;
  readonly store: string;
  readonly killAt: KillPoint | null;
}

async function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

type Methods = Readonly<Record<string, (...given: readonly unknown[]) => unknown>>;

/** Calls `around` instead of one method of an object. */
function instead<T extends object>(
  target: T,
  name: string,
  around: (call: () => unknown, given: readonly unknown[]) => unknown,
): T {
  return new Proxy(target, {
    get(object, property) {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== 'function') return value;
      const method = (value as Methods[string]).bind(object);
      return property === name ? (...given: unknown[]) => around(() => method(...given), given) : method;
    },
  });
}

async function main({ url, store: storeUrl, killAt }: WorkerProcessOptions): Promise<void> {
  let store = openStore(storeUrl);
  let database = databaseFromUrl(url);
  const isAt = (path: unknown, folder: string) => String(path).startsWith(folder);
  if (killAt === 'claimed')
    store = instead(store, 'get', (call, [path]) => (isAt(path, 'cofre.json') ? die() : call()));
  if (killAt === 'reading') store = instead(store, 'put', (call, [path]) => (isAt(path, 'packs/') ? die() : call()));
  if (killAt === 'manifest-put') {
    store = instead(store, 'put', async (call, [path]) => {
      const put = await call();
      return isAt(path, 'backups/') ? die() : put;
    });
  }
  if (killAt === 'done') {
    database = instead(database, 'connect', async (call, [options]) => {
      const client = (await call()) as Awaited<ReturnType<typeof database.connect>>; // what connect gives
      const isLock = JSON.stringify(options).includes('cofre lock');
      return isLock ? instead(client, 'end', () => die()) : client;
    });
  }
  const service = await createTestService({ url, database }, { store, init: false });
  const worker = await startWorker({
    context: service.again({
      clock: systemClock,
      settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' },
    }),
    databaseUrl: url,
    logger: createLogger({ level: 'debug', destination: process.stderr }),
    version: '0.0.0',
    nodeVersion: process.version,
    name: `test:${process.pid}`,
    concurrency: 2,
    listen: { host: '127.0.0.1', port: 0 },
    pace: QUICK_WORKER,
  });
  process.stdout.write(`${worker.id}\n`);
  process.once('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as WorkerProcessOptions);
