import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { EnqueueJobInput, JobDocument } from '@cofre/contracts';
import {
  addImplementation,
  checkRepository,
  createBackup,
  enqueueJob,
  listBackups,
  planRestore,
  showJob,
} from '@cofre/services';
import { openStore, systemClock } from '@cofre/storage';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../support/database.ts';
import { costlyTestServers } from '../support/long-tests.ts';
import { createShop, type TestService } from '../support/service-context.ts';
import type { KillPoint, WorkerProcessOptions } from '../support/worker-process.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const program = path.join(import.meta.dirname, '../support/worker-process.ts');

const [newest] = testServers();

describe.each(costlyTestServers())('workers that are killed, on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  const children = new Set<ChildProcess>();
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    for (const end of made.splice(0).reverse()) await end();
  });

  interface Shop extends TestService {
    readonly db: TestDatabase;
    /** A worker in a process of its own; gives how it ended. */
    start(killAt?: KillPoint): {
      readonly child: ChildProcess;
      readonly ended: Promise<NodeJS.Signals | number | null>;
    };
  }

  async function shop(): Promise<Shop> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-worker-'));
    made.push(() => rm(folder, { recursive: true, force: true }));
    const store = pathToFileURL(path.join(folder, 'repository')).href;
    const service = await createShop(db, { store: openStore(store) });
    made.push(async () => service[Symbol.asyncDispose]());
    for (const store_id of [1, 2])
      await addImplementation(service.context, { module: 'shop', key: `${store_id}`, scope: { store_id } });
    const start = (killAt: KillPoint | null = null) => {
      const options: WorkerProcessOptions = { url: db.url, store, killAt };
      const child = spawn(process.execPath, [program, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      children.add(child);
      const ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
      return { child, ended };
    };
    return { ...service, context: service.again({ clock: systemClock }), db, start };
  }

  const backUp = (key = '1', input: object = {}): EnqueueJobInput => ({
    kind: 'create-backup',
    input: { implementation: `shop/${key}`, ...input },
  });

  async function ended({ context }: Shop, job: JobDocument): Promise<JobDocument> {
    for (;;) {
      const now = await showJob(context, { job: job.id });
      if (['completed', 'failed', 'canceled'].includes(now.state)) return now;
      await sleep(50);
    }
  }

  const salesOf = async ({ db }: Shop) =>
    (await db.query('SELECT md5(string_agg(s::text, $$,$$ ORDER BY sale_id)) AS sum FROM sale AS s')).rows[0].sum;

  /** Everything that is listed is whole, and nothing else lies in the repository as a backup (I1, I3). */
  async function expectOrder({ context }: Shop) {
    const { items } = await listBackups(context, { limit: 500 });
    expect(items.filter(({ status }) => status !== 'completed' && status !== 'failed')).toEqual([]);
    const completed = items.filter(({ status }) => status === 'completed');
    expect(await checkRepository(context, { readData: true })).toMatchObject({
      ok: true,
      damage: [],
      checked: { backups: completed.length },
    });
  }

  /** The moments are ours and not the server's: one server shows them all, the other one shows that it makes no difference. */
  const moments = <Moment extends KillPoint>(...all: readonly [Moment, ...Moment[]]): readonly Moment[] =>
    server.name === newest?.name ? all : all.slice(-1);

  it.each(moments('claimed', 'reading', 'manifest-put', 'done'))(
    'of a backup, when it was %s: another worker finishes it, and there is one backup',
    async (killAt) => {
      const at = await shop();
      const { start, context, db } = at;
      const first = start(killAt);
      const job = await enqueueJob(context, backUp());
      expect(await first.ended).toBe('SIGKILL');
      expect(await showJob(context, { job: job.id })).toMatchObject({ state: 'running', attempts: 1 });
      start();
      expect(await ended(at, job)).toMatchObject({ state: 'completed', attempts: 2 });
      const { rows } = await db.query(`SELECT id FROM module_backups WHERE job_id = $1 AND status = 'completed'`, [
        job.id,
      ]);
      expect(rows).toHaveLength(1);
      expect(await showJob(context, { job: job.id })).toMatchObject({
        result: { id: rows[0].id, status: 'completed' },
      });
      await expectOrder(at);
    },
  );

  it.each(moments('claimed', 'manifest-put', 'done'))(
    'of a restore, when it was %s: another worker finishes it, and it was applied once (I6)',
    async (killAt) => {
      const at = await shop();
      const { start, context, db } = at;
      const whole = await salesOf(at);
      const { id } = await createBackup(context, { implementation: 'shop/1' });
      await db.query('DELETE FROM sale WHERE item_id % 4 = 0');
      const damaged = await salesOf(at);
      const plan = await planRestore(context, { backup: id });
      const first = start(killAt);
      const job = await enqueueJob(context, { kind: 'apply-restore', input: { plan: plan.id } });
      expect(await first.ended).toBe('SIGKILL');
      expect(await salesOf(at)).toBe(killAt === 'done' ? whole : damaged);
      start();
      expect(await ended(at, job)).toMatchObject({ state: 'completed', attempts: 2 });
      expect(await salesOf(at)).toBe(whole);
      const { rows } = await db.query('SELECT status, job_id FROM cofre.restores');
      expect(rows).toEqual([{ status: 'completed', job_id: job.id }]);
      await expectOrder(at);
    },
  );

  it('before it had anything to do: the job waits, and the next worker does it', async () => {
    const at = await shop();
    const { start, context } = at;
    const first = start();
    await once(first.child.stdout ?? first.child, 'data');
    first.child.kill('SIGKILL');
    await first.ended;
    const job = await enqueueJob(context, backUp());
    start();
    expect(await ended(at, job)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('again and again, whenever it happens: every job is done once', async () => {
    const at = await shop();
    const { start, context, db } = at;
    const workers = [start(), start()];
    const jobs: JobDocument[] = [];
    for (let number = 0; number < 8; number += 1)
      jobs.push(await enqueueJob(context, backUp(String(1 + (number % 2)), { description: `job ${number}` })));
    for (let kill = 0; kill < 4; kill += 1) {
      await sleep(300 + Math.random() * 1200);
      const worker = workers[kill % 2];
      worker?.child.kill('SIGKILL');
      await worker?.ended;
      workers[kill % 2] = start();
    }
    for (const job of jobs) expect(await ended(at, job)).toMatchObject({ state: 'completed' });
    const { rows } = await db.query(
      `SELECT job_id, count(*)::int AS backups FROM module_backups WHERE status = 'completed' GROUP BY job_id`,
    );
    expect(rows).toHaveLength(jobs.length);
    expect(rows.filter(({ backups }) => backups !== 1)).toEqual([]);
    await expectOrder(at);
  });
});
