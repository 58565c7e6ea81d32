import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobDocument } from '@cofre/contracts';
import {
  addImplementation,
  cancelJob,
  createBackup,
  enqueueJob,
  listBackups,
  listJobs,
  openPgBossQueue,
  planRestore,
  type ServiceContext,
  showJob,
  updateSettings,
} from '@cofre/services';
import { openStore } from '@cofre/storage';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../tests/support/database.ts';
import { costlyTestServers } from '../../../tests/support/long-tests.ts';
import { s3Address } from '../../../tests/support/s3-server.ts';
import { S3Stub } from '../../../tests/support/s3-stub.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../tests/support/service-context.ts';
import { createLogger, type RunningWorker, startWorker, type WorkerOptions } from './index.ts';

const QUICK = {
  announceMs: 200,
  staleMs: 1500,
  tendMs: 300,
  scheduleMs: 500,
  graceMs: 300,
  abortMs: 5000,
  jobs: { heartbeatMs: 200, abandonedMs: 2000, progressMs: 50, retryFirstMs: 100, retryMaxMs: 400 },
} as const;

interface Shop extends TestService {
  readonly db: TestDatabase;
  readonly log: readonly string[];
  /** Started as `cofre worker` starts it, only quicker. */
  worker(options?: Partial<WorkerOptions>): Promise<RunningWorker>;
}

describe.each(costlyTestServers())('a worker on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(options: TestServiceOptions = {}): Promise<Shop> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db, options);
    made.push(async () => service[Symbol.asyncDispose]());
    for (const store_id of [1, 2])
      await addImplementation(service.context, { module: 'shop', key: `${store_id}`, scope: { store_id } });
    const log: string[] = [];
    const worker = async (given: Partial<WorkerOptions> = {}) => {
      const started = await startWorker({
        context: service.again({ settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' } }),
        databaseUrl: db.url,
        logger: createLogger({ level: 'debug', destination: { write: (line: string) => log.push(line) } }),
        version: '0.0.0',
        nodeVersion: process.version,
        name: 'test',
        concurrency: 2,
        listen: { host: '127.0.0.1', port: 0 },
        pace: QUICK,
        ...given,
      });
      made.push(() => started.stop());
      return started;
    };
    return { ...service, db, log, worker };
  }

  const backUp = (key: string, input: object = {}) =>
    ({ kind: 'create-backup', input: { implementation: `shop/${key}`, ...input } }) as const;

  async function ended(context: ServiceContext, ...jobs: readonly JobDocument[]): Promise<JobDocument[]> {
    for (;;) {
      const now = await Promise.all(jobs.map(({ id }) => showJob(context, { job: id })));
      if (now.every(({ state }) => ['completed', 'failed', 'canceled'].includes(state))) return now;
      await sleep(20);
    }
  }

  async function holdingSales(db: TestDatabase) {
    const client = await db.database.connect();
    await client.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    return { [Symbol.asyncDispose]: () => client.end() };
  }

  async function untilWaitingForSales(db: TestDatabase): Promise<void> {
    const waiting = () => db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
    while ((await waiting()).rows.length === 0) await sleep(20);
  }

  const json = async (url: string) => {
    const response = await fetch(url);
    return { status: response.status, body: await response.json() };
  };

  it('does what is asked for, whether the queue was told or not', async () => {
    const { context, db, worker, again } = await shop();
    // Before any worker: it waits for one.
    const early = await enqueueJob(context, backUp('1'));
    expect(early.waitingForWorker).toBe(true);
    await worker();
    expect((await enqueueJob(context, backUp('2'))).waitingForWorker).toBe(false);
    await using queue = await openPgBossQueue({ url: db.url, takesJobs: false, onError: () => undefined });
    const told = await enqueueJob(again({ queue }), backUp('2', { type: 'incremental' }));
    const all = await ended(context, early, told);
    expect(all.map(({ state }) => state)).toEqual(['completed', 'completed']);
    while ((await listBackups(context, {})).items.length < 3) await sleep(20);
    expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(3);
  });

  it('a job and its delivery come and go together, for people too', async () => {
    const { db, again } = await shop();
    await using queue = await openPgBossQueue({ url: db.url, takesJobs: false, onError: () => undefined });
    const ana = '11111111-1111-4111-8111-111111111111';
    await db.query(`INSERT INTO auth.users (id, email) VALUES ('${ana}', 'ana@example.org')`);
    const actor = { kind: 'person', userId: ana, name: 'ana', claims: { app_metadata: { role: 'admin' } } } as const;
    const job = await enqueueJob(again({ queue, actor }), backUp('1'));
    await enqueueJob(again({ queue, actor }), backUp('1'));
    const sent = async () => (await db.query('SELECT data FROM cofre_queue.job')).rows.map(({ data }) => data);
    expect(await sent()).toEqual([{ job: job.id }]);
    const failing = {
      ...queue,
      send: async (...given: Parameters<typeof queue.send>) => {
        await queue.send(...given);
        throw new Error('the connection broke off');
      },
    };
    await expect(enqueueJob(again({ queue: failing, actor }), backUp('2'))).rejects.toThrow('broke off');
    expect(await sent()).toEqual([{ job: job.id }]);
    expect((await db.query('SELECT FROM cofre.jobs')).rowCount).toBe(1);
  });

  it('takes one job after another without a pause, also where only the queue was told', async () => {
    const { context, db, worker, again } = await shop();
    await using queue = await openPgBossQueue({ url: db.url, takesJobs: false, onError: () => undefined });
    const jobs: JobDocument[] = [];
    // They fail at once, so that all the time is the queue's.
    for (let at = 0; at < 10; at += 1) {
      jobs.push(await enqueueJob(at % 2 === 0 ? context : again({ queue }), backUp('1', { description: `job ${at}` })));
    }
    await db.query(`DELETE FROM module_implementations WHERE id = '${jobs[0]?.implementation?.id}'`);
    // At the pace of `cofre worker`: nothing is looked for within five seconds.
    await worker({ concurrency: 1, pace: {} });
    const begun = performance.now();
    await ended(context, ...jobs);
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  it('two workers and their queue share many jobs, and none is done twice', async () => {
    const { context, db, worker, again } = await shop();
    await Promise.all([worker(), worker()]);
    expect((await db.query('SELECT FROM cofre.workers')).rowCount).toBe(2);
    await using queue = await openPgBossQueue({ url: db.url, takesJobs: false, onError: () => undefined });
    const jobs: JobDocument[] = [];
    for (let at = 0; at < 12; at += 1) {
      const asking = at % 2 === 0 ? context : again({ queue });
      jobs.push(await enqueueJob(asking, backUp(String(1 + (at % 2)), { description: `job ${at}` })));
    }
    const all = await ended(context, ...jobs);
    expect(all.filter(({ state }) => state !== 'completed')).toEqual([]);
    const { rows } = await db.query('SELECT job_id, count(*)::int AS backups FROM module_backups GROUP BY job_id');
    expect(rows).toHaveLength(12);
    expect(rows.filter(({ backups }) => backups !== 1)).toEqual([]);
    // Each was begun once: nobody took a job that was another one's.
    expect(all.map(({ attempts }) => attempts)).toEqual(all.map(() => 1));
  });

  it('backs up what is due, and says so in its log and its metrics', async () => {
    const { context, db, worker, log } = await shop();
    await updateSettings(context, { place: { implementation: 'shop/1' }, set: { schedule: '0 3 * * *' } });
    await db.query(
      `UPDATE cofre.implementation_settings SET next_backup_at = '2025-01-01' WHERE next_backup_at IS NOT NULL`,
    );
    const { url } = await worker();
    while (!log.some((line) => line.includes('"scheduled backups"'))) await sleep(20);
    expect((await listBackups(context, {})).items).toHaveLength(1);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('cofre_backups_total{type="full",result="completed"} 1');
    expect(metrics).toMatch(/cofre_newest_backup_age_seconds\{module="shop",implementation="1"\} \d/);
  });

  it('stops gracefully: what is under way and does not end soon is put back, and the next worker does it once', async () => {
    const { context, db, worker, log } = await shop();
    const first = await worker();
    const job = await enqueueJob(context, backUp('1'));
    const sales = await holdingSales(db);
    await untilWaitingForSales(db);
    const stopping = first.stop();
    expect(await json(`${first.url}/healthz`)).toMatchObject({ status: 503, body: { reason: 'stopping' } });
    await stopping;
    await expect(fetch(`${first.url}/healthz`)).rejects.toThrow('fetch failed');
    expect(await showJob(context, { job: job.id })).toMatchObject({
      state: 'waiting',
      attempts: 0,
      waitingForWorker: true,
    });
    expect((await db.query('SELECT status FROM module_backups')).rows).toEqual([{ status: 'canceled' }]);
    expect((await db.query('SELECT FROM cofre.workers')).rows).toEqual([]);
    await sales[Symbol.asyncDispose]();
    await worker();
    expect(await ended(context, job)).toMatchObject([{ state: 'completed', attempts: 1 }]);
    expect((await listBackups(context, {})).items).toHaveLength(1);
    expect(log.some((line) => line.includes('what is under way is put back'))).toBe(true);
  });

  it('lets what is under way end when it stops, and takes nothing new', async () => {
    const { context, db, worker } = await shop();
    const first = await worker({ pace: { ...QUICK, graceMs: 30_000 } });
    const job = await enqueueJob(context, backUp('1'));
    const sales = await holdingSales(db);
    await untilWaitingForSales(db);
    const stopping = first.stop();
    const late = await enqueueJob(context, backUp('2'));
    await sleep(QUICK.tendMs * 2);
    await sales[Symbol.asyncDispose]();
    await stopping;
    expect(await showJob(context, { job: job.id })).toMatchObject({ state: 'completed' });
    expect(await showJob(context, { job: late.id })).toMatchObject({ state: 'waiting', attempts: 0 });
  });

  it('cancels a backup in its middle', async () => {
    const { context, db, worker } = await shop();
    await worker({ pace: { ...QUICK, jobs: { ...QUICK.jobs, heartbeatMs: 60_000 } } });
    const job = await enqueueJob(context, backUp('1'));
    await using _sales = await holdingSales(db);
    await untilWaitingForSales(db);
    await cancelJob(context, { job: job.id });
    expect(await ended(context, job)).toMatchObject([{ state: 'canceled' }]);
    expect((await listBackups(context, {})).items).toEqual([]);
  });

  it('shows how far a running job is', async () => {
    const { context, db, worker } = await shop();
    await worker();
    const job = await enqueueJob(context, backUp('1'));
    await using _sales = await holdingSales(db);
    await untilWaitingForSales(db);
    while ((await showJob(context, { job: job.id })).progress === null) await sleep(20);
    expect((await showJob(context, { job: job.id })).progress).toMatchObject({ phase: 'prepare', rows: 0 });
    expect((await listJobs(context, { state: 'running' })).items).toMatchObject([{ id: job.id }]);
  });

  it('a port that is taken is said, and nothing is left behind', async () => {
    const { worker, db } = await shop();
    const { url } = await worker();
    const port = Number(new URL(url).port);
    await expect(worker({ listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'usage/invalid',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect((await db.query('SELECT FROM cofre.workers')).rowCount).toBe(1);
  });

  describe('over HTTP', () => {
    it('says that it lives, that it is ready, and nothing to anybody who asks for something else', async () => {
      const { worker } = await shop();
      const { url, id } = await worker();
      expect(await json(`${url}/healthz`)).toEqual({ status: 200, body: { ok: true, worker: id, jobs: 0 } });
      expect(await json(`${url}/readyz?x=1`)).toEqual({ status: 200, body: { ok: true, worker: id } });
      expect((await json(`${url}/__proto__`)).status).toBe(404);
      expect((await fetch(`${url}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405);
      const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
    });

    it('says what of the catalogue and of its own work can be counted', async () => {
      const { context, db, worker } = await shop();
      const { id } = await createBackup(context, { implementation: 'shop/1' });
      await db.query('DELETE FROM sale WHERE item_id % 4 = 0');
      const plan = await planRestore(context, { backup: id });
      const restore = await enqueueJob(context, { kind: 'apply-restore', input: { plan: plan.id } });
      const broken = await enqueueJob(context, backUp('2'));
      await db.query(`DELETE FROM module_implementations WHERE id = '${broken.implementation?.id}'`);
      const { url } = await worker();
      await ended(context, restore, broken);
      const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
      expect(lines).toEqual(
        expect.arrayContaining([
          // The safety backup is what the worker itself has made.
          'cofre_backups_total{type="incremental",result="completed"} 1',
          'cofre_backup_duration_seconds_count{type="incremental"} 1',
          'cofre_restores_applied_total{kind="restore",result="completed"} 1',
          'cofre_jobs_total{kind="apply-restore",state="completed"} 1',
          'cofre_jobs_total{kind="create-backup",state="failed"} 1',
          'cofre_listed_backups{type="full",status="completed"} 1',
          'cofre_backup_success_ratio 1',
          'cofre_restores_total{result="completed"} 1',
          'cofre_overdue_implementations 0',
          'cofre_open_jobs{state="waiting"} 0',
          'cofre_workers 1',
          'cofre_database_up 1',
        ]),
      );
      const size = lines.find((line) => line.startsWith('cofre_repository_size_bytes '));
      expect(Number(size?.split(' ')[1])).toBeGreaterThan(1000);
    });

    const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
    it.skipIf(!hasPromtool)(
      'promtool accepts its metrics (skipped where Debian’s prometheus is not installed)',
      async () => {
        const { context, worker } = await shop();
        const { url } = await worker();
        await ended(context, await enqueueJob(context, backUp('1')));
        const input = await (await fetch(`${url}/metrics`)).text();
        expect(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('');
      },
    );
  });

  it('logs neither passphrase, password of the database, secret of the store nor any value of a row', async () => {
    const passphrase = 'correct horse battery';
    const { context, db, worker, log } = await shop({ key: { kind: 'passphrase', passphrase } });
    await db.query(`UPDATE item SET sku = 'Zebra-' || sku; ANALYZE`);
    await worker();
    const good = await enqueueJob(context, backUp('1'));
    await ended(context, good);
    // The server's words for this speak of a value.
    await db.query(`ALTER TABLE item ADD COLUMN bad int GENERATED ALWAYS AS (1) STORED;
      ALTER TABLE sale RENAME COLUMN item_id TO thing_id`);
    const bad = await enqueueJob(context, backUp('1', { type: 'incremental', description: 'Zebra description' }));
    expect(await ended(context, bad)).toMatchObject([{ state: 'failed' }]);
    const text = log.join('');
    expect(text).toContain('"job ended"');
    expect(text).toContain('"code":"definition/invalid"');
    const secrets = [passphrase, new URL(db.url).password, 'Zebra', 'key-of-one', 'postgres://'];
    for (const secret of secrets) expect(text).not.toContain(secret);
    for (const line of log)
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), event: expect.any(String) });
  });

  it('logs nothing that the store or the server say of secrets and rows, at its most talkative', async () => {
    const s3 = await S3Stub.start();
    made.push(
      () => s3.close(),
      async () => vi.unstubAllEnvs(),
    );
    const { accessKeyId, secretAccessKey } = s3.credentials;
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    vi.stubEnv('AWS_SESSION_TOKEN', 'token-of-a-session');
    const { context, db, worker, log } = await shop({ store: openStore(s3Address(s3, 'r')) });
    await db.query(`CREATE FUNCTION fits(quantity int) RETURNS bool LANGUAGE sql IMMUTABLE RETURN true;
      ALTER TABLE sale ADD CHECK (fits(quantity))`);
    await worker();
    await ended(context, await enqueueJob(context, backUp('1')));
    const [whole] = (await listBackups(context, {})).items;
    const told: string[] = [];
    s3.fault = ({ operation, key, headers }) => {
      if (operation !== 'put' || !key.includes('/packs/')) return null;
      told.push(String(headers.authorization));
      const words = `${secretAccessKey} does not sign ${told.at(-1)} of token-of-a-session\n    at Zebra (/x.ts:1:1)`;
      const body = `<Error><Code>SignatureDoesNotMatch</Code><Message>${words}</Message></Error>`;
      return { kind: 'answer', status: 403, body };
    };
    await db.query(`UPDATE item SET sku = 'Zebra-' || sku; DELETE FROM sale; ANALYZE`);
    const refused = await enqueueJob(context, backUp('1'));
    expect(await ended(context, refused)).toMatchObject([
      { state: 'failed', error: { code: 'storage/not-permitted' } },
    ]);
    s3.fault = () => null;
    // A check holds in restores, too. This one speaks of the row as if it were a place in the program.
    await db.query(`CREATE OR REPLACE FUNCTION fits(quantity int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
      RAISE unique_violation USING MESSAGE = E'Zebra\\n    at Zebra (/x.ts:1:1) ' || quantity, DETAIL = 'Zebra ' || quantity;
    END $$`);
    const plan = await planRestore(context, { backup: whole?.id ?? '' });
    const restore = await enqueueJob(context, { kind: 'apply-restore', input: { plan: plan.id } });
    expect(await ended(context, restore)).toMatchObject([{ state: 'failed', error: { code: 'plan/stale' } }]);
    const text = log.join('');
    const secrets = [accessKeyId, secretAccessKey, 'token-of-a-session', 'Signature=', 'Zebra', 'x.ts'];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
