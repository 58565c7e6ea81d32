import { setTimeout as sleep } from 'node:timers/promises';
import {
  backupDocument,
  CofreError,
  type EnqueueJobInput,
  type JobDocument,
  jobDocument,
  restoreDocument,
} from '@cofre/contracts';
import { MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { removeAdministrator } from '../access/remove-administrator.ts';
import type { Actor } from '../actor.ts';
import { createBackup } from '../backups/create-backup.ts';
import { deleteBackup } from '../backups/delete-backup.ts';
import { withImplementationLock } from '../backups/implementation-lock.ts';
import { listBackups } from '../backups/list-backups.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { findImplementation } from '../modules/find-implementation.ts';
import { planRestore } from '../restores/plan-restore.ts';
import type { ServiceContext } from '../service-context.ts';
import { NO_BUDGET } from '../work-budget.ts';
import { cancelJob } from './cancel-job.ts';
import { claimJob } from './claim-job.ts';
import { drainJobs } from './drain-jobs.ts';
import { enqueueJob } from './enqueue-job.ts';
import { listenForJobs } from './job-notices.ts';
import { ATTEMPTS_MAX } from './job-pace.ts';
import { listJobs } from './list-jobs.ts';
import { runJob } from './run-job.ts';
import { showJob } from './show-job.ts';
import { tendJobs } from './tend-jobs.ts';

const ANA = '11111111-1111-4111-8111-111111111111';
const CUS = '33333333-3333-4333-8333-333333333333';
const WORKER = '77777777-7777-4777-8777-777777777777';
const OTHER_WORKER = '88888888-8888-4888-8888-888888888888';

const person = (userId: string, claims: object = {}): Actor => ({
  kind: 'person',
  userId,
  name: 'a person',
  claims: { role: 'authenticated', ...claims },
});
const ADMINISTRATOR = person(ANA, { app_metadata: { provider: 'email', role: 'admin' } });
const VIEWER = person(CUS, { app_metadata: { role: 'viewer' } });
const CUSTOMER = person(CUS, { app_metadata: { provider: 'email' } });

const pace = { heartbeatMs: 100, abandonedMs: 1500, progressMs: 20, retryFirstMs: 50, retryMaxMs: 200 };
const runner = { id: WORKER, pace };

class SometimesAwayStore extends MemoryStore {
  isAway = false;

  override put(...given: Parameters<MemoryStore['put']>): ReturnType<MemoryStore['put']> {
    return this.isAway
      ? Promise.reject(new CofreError('storage/unavailable', 'The store is away.'))
      : super.put(...given);
  }
}

interface Shop extends TestService {
  readonly db: TestDatabase;
  /** As the worker: the service. */
  readonly worker: ServiceContext;
  readonly ana: ServiceContext;
}

describe.each(costlyTestServers())('jobs on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(options: TestServiceOptions = {}): Promise<Shop> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db, options);
    made.push(async () => service[Symbol.asyncDispose]());
    for (const id of [ANA, CUS])
      await db.query('INSERT INTO auth.users (id, email) VALUES ($1, $2)', [id, `${id}@x.org`]);
    for (const store_id of [1, 2])
      await addImplementation(service.context, { module: 'shop', key: `${store_id}`, scope: { store_id } });
    const worker = service.again({ actor: { kind: 'service', name: 'worker' } });
    return { ...service, db, worker, ana: service.again({ actor: ADMINISTRATOR }) };
  }

  const backUp = (input: object = {}): EnqueueJobInput => ({
    kind: 'create-backup',
    input: { implementation: 'shop/1', ...input },
  });

  const jobsIn = async (db: TestDatabase) => (await db.query('SELECT * FROM cofre.jobs ORDER BY created_at')).rows;

  /** Holds the last table of the slice, so that a backup waits in its middle. */
  async function holdingSales(db: TestDatabase) {
    const client = await db.database.connect();
    await client.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    return { [Symbol.asyncDispose]: () => client.end() };
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await sleep(20);
  }

  const untilWaitingForSales = (db: TestDatabase) =>
    until(async () => {
      const found = await db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
      return found.rows.length > 0;
    });

  describe('asking for one', () => {
    it('gives a job that is carried out by whoever runs it, as who asked for it', async () => {
      const { db, ana, worker } = await shop();
      const job = await enqueueJob(ana, backUp({ description: 'tonight' }));
      expect(jobDocument.parse(job)).toMatchObject({
        kind: 'create-backup',
        state: 'waiting',
        implementation: { module: 'shop', key: '1' },
        attempts: 0,
        createdBy: 'a person',
        waitingForWorker: true,
        progress: null,
      });
      expect(await runJob(worker, job.id, runner)).toEqual({
        state: 'completed',
        kind: 'create-backup',
        implementation: 'shop/1',
      });
      const done = await showJob(ana, { job: job.id });
      const backup = backupDocument.parse(done.result);
      expect(jobDocument.parse(done)).toMatchObject({
        state: 'completed',
        attempts: 1,
        backupId: backup.id,
        progress: { phase: 'done', rows: 1202, rowsPerSecond: expect.any(Number), bytesPerSecond: expect.any(Number) },
        waitingForWorker: false,
      });
      expect((await listBackups(ana, {})).items).toEqual([backup]);
      expect((await db.query('SELECT job_id, created_by FROM module_backups')).rows).toEqual([
        { job_id: job.id, created_by: ANA },
      ]);
      const { result: _, ...listed } = done;
      expect((await listJobs(ana)).items).toEqual([listed]);
    });

    it('is refused as the use case itself would refuse it, and nothing is kept', async () => {
      const { again, db } = await shop();
      const plan = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
      const asked: readonly EnqueueJobInput[] = [
        backUp(),
        { kind: 'apply-restore', input: { plan } },
        { kind: 'verify-backup', input: { backup: 'latest' } },
        { kind: 'execute-scheduled-backups' },
        { kind: 'cleanup-expired-backups' },
      ];
      const codes = async (actor: Actor) =>
        Promise.all(
          asked.map((input) =>
            enqueueJob(again({ actor }), input).then(
              () => 'done',
              (error: unknown) => (error instanceof CofreError ? error.code : error),
            ),
          ),
        );
      const denied = 'access/denied';
      expect(await codes(CUSTOMER)).toEqual(['implementation/not-found', 'plan/not-found', denied, denied, denied]);
      expect(await codes(VIEWER)).toEqual([denied, denied, denied, denied, denied]);
      expect(await codes({ kind: 'nobody', name: 'nobody' })).toEqual(asked.map(() => 'access/not-signed-in'));
      expect(await jobsIn(db)).toEqual([]);
      const { rows } = await db.query(
        `SELECT DISTINCT details ->> 'useCase' AS name FROM audit_logs WHERE action = 'ACCESS_DENIED' ORDER BY 1`,
      );
      expect(rows.map(({ name }) => name)).toEqual([
        'applyRestore',
        'cleanupExpiredBackups',
        'createBackup',
        'executeScheduledBackups',
        'verifyBackup',
      ]);
    });

    it('fails at once for what the use case would not take or not find', async () => {
      const { ana, db } = await shop();
      for (const [input, code] of [
        [backUp({ type: 'everything' }), 'usage/invalid'],
        [backUp({ implementation: 'shop/none' }), 'implementation/not-found'],
        [backUp({ surprise: true }), 'usage/invalid'],
        [{ kind: 'verify-backup', input: { backup: 'latest' } }, 'backup/not-found'],
        [{ kind: 'undo-restore', input: { restore: 'abcd' } }, 'restore/not-found'],
        [{ kind: 'cleanup-expired-backups', input: { dryRun: 'yes' } }, 'usage/invalid'],
      ] as const)
        await expect(enqueueJob(ana, input)).rejects.toMatchObject({ code });
      expect(await jobsIn(db)).toEqual([]);
    });

    it('twice, by a double click or by another name, is one job as long as it has not ended', async () => {
      const { ana, context, worker, db } = await shop();
      const { ref } = await findImplementation(context.catalogue, 'shop/1');
      const clicks = [backUp(), backUp({ implementation: ref.id }), backUp({ type: 'full' }), backUp(), backUp()];
      const ids = new Set((await Promise.all(clicks.map((click) => enqueueJob(ana, click)))).map(({ id }) => id));
      expect(ids.size).toBe(1);
      const others = [backUp({ type: 'incremental' }), backUp({ implementation: 'shop/2' })];
      for (const other of others) ids.add((await enqueueJob(ana, other)).id);
      expect(ids.size).toBe(3);
      const [first = ''] = ids;
      await db.query(`UPDATE cofre.jobs SET state = 'deferred', needs_worker = true WHERE id = $1`, [first]);
      expect((await enqueueJob(ana, backUp())).id).toBe(first);
      await runJob(worker, first, runner);
      expect((await enqueueJob(ana, backUp())).id).not.toBe(first);
    });

    it('means the latest backup of now, not of when the job runs', async () => {
      const { ana, worker, context } = await shop();
      const first = await createBackup(context, { implementation: 'shop/1' });
      const job = await enqueueJob(ana, { kind: 'delete-backup', input: { backup: 'latest' } });
      const second = await createBackup(context, { implementation: 'shop/1' });
      expect(job.backupId).toBe(first.id);
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
      expect((await listBackups(ana, {})).items.map(({ id }) => id)).toEqual([second.id]);
    });
  });

  it('viewers see jobs, their progress and their end, but neither results nor errors', async () => {
    const { ana, again, worker } = await shop();
    const done = await enqueueJob(ana, backUp());
    await runJob(worker, done.id, runner);
    const viewer = again({ actor: VIEWER });
    const seen = await showJob(viewer, { job: done.id });
    expect(jobDocument.parse(seen)).toMatchObject({ state: 'completed', implementation: { key: '1' } });
    expect(seen).not.toHaveProperty('result');
    await expect(cancelJob(viewer, { job: done.id })).rejects.toMatchObject({ code: 'access/denied' });
    await expect(showJob(again({ actor: CUSTOMER }), { job: done.id })).rejects.toMatchObject({
      code: 'job/not-found',
    });
  });

  it('lists page through all of them, the newest first, by state and by implementation', async () => {
    const { ana, context } = await shop();
    const ids: string[] = [];
    for (const type of ['full', 'incremental', 'config_only'])
      for (const key of ['1', '2'])
        ids.push((await enqueueJob(ana, backUp({ implementation: `shop/${key}`, type }))).id);
    const { ref } = await findImplementation(context.catalogue, 'shop/2');
    await cancelJob(ana, { job: ids[1] ?? '' });
    const all = async (input: object) => {
      const found: JobDocument[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await listJobs(ana, { ...input, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        found.push(...page.items);
        cursor = page.nextCursor;
      }
      return found.map(({ id }) => ids.indexOf(id));
    };
    expect(await all({})).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await all({ state: 'waiting' })).toEqual([5, 4, 3, 2, 0]);
    expect(await all({ implementation: 'shop/2' })).toEqual([5, 3, 1]);
    expect(await all({ implementation: ref.id })).toEqual([5, 3, 1]);
    expect(await all({ implementation: 'nothing' })).toEqual([]);
  });

  describe('rights are those of when it runs', () => {
    it('an administrator of the list who was removed meanwhile gets what anybody would', async () => {
      const { again, db, worker, context } = await shop();
      await db.query('INSERT INTO cofre.admin_users (user_id, email) VALUES ($1, $2)', [CUS, `${CUS}@x.org`]);
      await db.query('INSERT INTO cofre.admin_users (user_id, email) VALUES ($1, $2)', [ANA, `${ANA}@x.org`]);
      const job = await enqueueJob(again({ actor: CUSTOMER }), backUp());
      await removeAdministrator(context, { email: `${CUS}@x.org` });
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'failed', code: 'implementation/not-found' });
      expect((await db.query('SELECT FROM module_backups')).rows).toEqual([]);
      const { rows } = await db.query(`SELECT user_id, details FROM audit_logs WHERE action = 'ACCESS_DENIED'`);
      expect(rows).toMatchObject([{ user_id: CUS, details: { useCase: 'createBackup' } }]);
    });

    it('a role that the database has of the person is that of now, whatever the token said', async () => {
      const { ana, db, worker } = await shop();
      const setRole = (metadata: object) =>
        db.query('UPDATE auth.users SET raw_app_meta_data = $1 WHERE id = $2', [metadata, ANA]);
      await setRole({ role: 'admin' });
      const job = await enqueueJob(ana, backUp());
      await setRole({ provider: 'email' });
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'failed', code: 'implementation/not-found' });
      await setRole({ role: 'admin' });
      const gone = await enqueueJob(ana, backUp());
      await db.query('DELETE FROM auth.users WHERE id = $1', [ANA]);
      expect(await runJob(worker, gone.id, runner)).toMatchObject({
        state: 'failed',
        code: 'implementation/not-found',
      });
    });

    it('a job is what the service has written: administrators change no row by SQL', async () => {
      const { db, ana } = await shop();
      const job = await enqueueJob(ana, backUp());
      await db.query(
        `BEGIN; SELECT set_config('request.jwt.claims', '${JSON.stringify({
          sub: ANA,
          role: 'authenticated',
          app_metadata: { role: 'admin' },
        })}', true); SET LOCAL ROLE authenticated`,
      );
      await expect(db.query(`UPDATE cofre.jobs SET actor = '{"kind": "operator", "name": "x"}'`)).rejects.toMatchObject(
        {
          code: '42501',
        },
      );
      await db.query('ROLLBACK');
      expect((await jobsIn(db))[0]).toMatchObject({ id: job.id, actor: { kind: 'person' } });
    });
  });

  describe('cancelling', () => {
    it('a job that waits has never been', async () => {
      const { ana, worker } = await shop();
      const job = await enqueueJob(ana, backUp());
      expect(await cancelJob(ana, { job: job.id })).toMatchObject({ state: 'canceled', cancelRequested: true });
      expect(await runJob(worker, job.id, runner)).toEqual({ state: 'not-taken' });
      expect((await enqueueJob(ana, backUp())).id).not.toBe(job.id);
    });

    it('a backup in its middle stops, told by the database at once, and leaves nothing listed', async () => {
      const { ana, again, db } = await shop();
      await using notices = listenForJobs(db.database);
      const worker = again({
        actor: { kind: 'service', name: 'worker' },
        settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' },
      });
      const job = await enqueueJob(ana, backUp());
      await using _sales = await holdingSales(db);
      // No heartbeat comes in time: the notice does.
      const slow = { ...runner, notices, pace: { ...pace, heartbeatMs: 60_000 } };
      const running = runJob(worker, job.id, slow);
      await untilWaitingForSales(db);
      expect(await showJob(ana, { job: job.id })).toMatchObject({ state: 'running', cancelRequested: false });
      expect(await cancelJob(ana, { job: job.id })).toMatchObject({ state: 'running', cancelRequested: true });
      expect(await running).toMatchObject({ state: 'canceled' });
      expect(await showJob(ana, { job: job.id })).toMatchObject({ state: 'canceled', endedAt: expect.any(String) });
      expect((await listBackups(ana, {})).items).toEqual([]);
      expect((await db.query('SELECT status FROM module_backups')).rows).toEqual([{ status: 'canceled' }]);
    });

    it('is heard at the next heartbeat where nobody listens', async () => {
      const { ana, again, db } = await shop();
      const worker = again({
        actor: { kind: 'service', name: 'worker' },
        settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' },
      });
      const job = await enqueueJob(ana, backUp());
      await using _sales = await holdingSales(db);
      const running = runJob(worker, job.id, runner);
      await untilWaitingForSales(db);
      await cancelJob(ana, { job: job.id });
      expect(await running).toMatchObject({ state: 'canceled' });
    });

    it('what has ended stays as it is', async () => {
      const { ana, worker } = await shop();
      const job = await enqueueJob(ana, backUp());
      await runJob(worker, job.id, runner);
      expect(await cancelJob(ana, { job: job.id })).toMatchObject({ state: 'completed', cancelRequested: false });
    });
  });

  describe('once', () => {
    it('of all who reach for a job at the same time, one has it', async () => {
      const { ana, worker, db } = await shop();
      const job = await enqueueJob(ana, backUp());
      const reached = await Promise.all([
        ...Array.from({ length: 6 }, () => runJob(worker, job.id, runner)),
        ...Array.from({ length: 3 }, () => drainJobs(worker, NO_BUDGET, { pace })),
      ]);
      const taken = reached.filter((it) => ('state' in it ? it.state === 'completed' : it.done === 1));
      expect(taken).toHaveLength(1);
      expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(1);
    });

    it('one job of an implementation runs at a time; those of others do not wait for it', async () => {
      const { ana, worker, db } = await shop();
      const catalogue = worker.catalogue;
      const types = ['full', 'incremental', 'config_only'];
      for (const type of types)
        for (const key of ['1', '2']) await enqueueJob(ana, backUp({ implementation: `shop/${key}`, type }));
      const claimed = await Promise.all(
        Array.from({ length: 12 }, (_, at) =>
          claimJob(catalogue, { workerId: `${at % 10}${WORKER.slice(1)}`, takesLarge: true }),
        ),
      );
      expect(claimed.flatMap((job) => job?.implementation?.key ?? []).sort()).toEqual(['1', '2']);
      const rows = await jobsIn(db);
      expect(rows.filter(({ state }) => state === 'running')).toHaveLength(2);
    });

    it('a backup whose worker died after the manifest was stored is found, and not made again', async () => {
      const { ana, worker, db } = await shop();
      const job = await enqueueJob(ana, backUp());
      await runJob(worker, job.id, runner);
      const [before] = (await listBackups(ana, {})).items;
      // As a worker leaves it that dies right after the manifest was put.
      await db.query(
        `UPDATE module_backups SET status = 'running', completed_at = NULL, file_path = NULL, stats = NULL`,
      );
      await db.query(
        `UPDATE cofre.jobs SET state = 'running', worker_id = $1, heartbeat_at = now() - interval '1 day'`,
        [OTHER_WORKER],
      );
      expect(await tendJobs(worker, { pace })).toMatchObject({ returned: 1, due: [{ id: job.id, attempts: 1 }] });
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
      expect((await listBackups(ana, {})).items).toMatchObject([{ id: before?.id, status: 'completed' }]);
      expect(await showJob(ana, { job: job.id })).toMatchObject({ attempts: 2, result: { id: before?.id } });
    });

    it('a restore, or an undo, that was committed is not made again, though its plan has gone meanwhile', async () => {
      const { ana, worker, db, context, store } = await shop();
      const { id } = await createBackup(context, { implementation: 'shop/1' });
      await db.query('DELETE FROM sale WHERE item_id % 4 = 0');
      const plan = await planRestore(context, { backup: id });
      const restore = await enqueueJob(ana, { kind: 'apply-restore', input: { plan: plan.id.slice(0, 8) } });
      expect(restore).toMatchObject({ implementation: { key: '1' }, backupId: id });
      const again = async (job: JobDocument) => {
        expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
        const { result } = await showJob(ana, { job: job.id });
        await db.query(`UPDATE cofre.jobs SET state = 'waiting' WHERE id = $1`, [job.id]);
        // How long it took is known to the last digit only by who made it.
        return restoreDocument.omit({ durationMs: true }).strip().parse(result);
      };
      const first = await again(restore);
      const undo = await enqueueJob(ana, { kind: 'undo-restore', input: { restore: first.id } });
      const undone = await again(undo);
      for await (const { path } of store.list('plans/')) await store.delete(path);
      expect(await again(restore)).toEqual(first);
      expect(await again(undo)).toEqual(undone);
      const { rows } = await db.query('SELECT purpose, status, job_id FROM cofre.restores ORDER BY created_at');
      expect(rows).toEqual([
        { purpose: 'restore', status: 'completed', job_id: restore.id },
        { purpose: 'undo', status: 'completed', job_id: undo.id },
      ]);
    });

    it('a second restore of the same job cannot be committed, whoever tries', async () => {
      const { db } = await shop();
      const insert = () =>
        db.query(`INSERT INTO cofre.restores (id, purpose, plan_id, backup_id, implementation_id, module_slug,
            implementation_key, mode, status, job_id)
          VALUES (gen_random_uuid(), 'restore', '${ANA}', '${ANA}', '${ANA}', 'm', 'k', 'merge', 'completed', '${CUS}')`);
      await insert();
      await expect(insert()).rejects.toMatchObject({ code: '23505' });
    });

    it('a backup that is gone was deleted', async () => {
      const { ana, worker, context } = await shop();
      const { id } = await createBackup(context, { implementation: 'shop/1' });
      const job = await enqueueJob(ana, { kind: 'delete-backup', input: { backup: id } });
      await deleteBackup(context, { backup: id });
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
    });
  });

  describe('a worker that died', () => {
    it('loses its job after a while, and not before', async () => {
      const { ana, worker, db } = await shop();
      const job = await enqueueJob(ana, backUp());
      await claimJob(worker.catalogue, { workerId: OTHER_WORKER, takesLarge: true });
      expect(await tendJobs(worker, { pace })).toEqual({ returned: 0, due: [] });
      await sleep(pace.abandonedMs + 100);
      expect(await tendJobs(worker, { pace })).toMatchObject({ returned: 1, due: [{ id: job.id }] });
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
      expect((await jobsIn(db))[0]).toMatchObject({ attempts: 2, worker_id: null });
    });

    it('and was only held up, stops when it sees that its job is another one’s, and changes nothing of it', async () => {
      const { ana, again, db } = await shop();
      const worker = again({
        actor: { kind: 'service', name: 'worker' },
        settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' },
      });
      const job = await enqueueJob(ana, backUp());
      await using _sales = await holdingSales(db);
      const running = runJob(worker, job.id, runner);
      await untilWaitingForSales(db);
      await db.query('UPDATE cofre.jobs SET worker_id = $1, attempts = 2', [OTHER_WORKER]);
      expect(await running).toMatchObject({ state: 'lost' });
      expect((await jobsIn(db))[0]).toMatchObject({ state: 'running', worker_id: OTHER_WORKER, attempts: 2 });
    });

    it('is not taken for one that lives because the clock of the database was set back since', async () => {
      const { ana, worker, db } = await shop();
      const job = await enqueueJob(ana, backUp());
      await claimJob(worker.catalogue, { workerId: OTHER_WORKER, takesLarge: true });
      await db.query(`UPDATE cofre.jobs SET heartbeat_at = now() + interval '1 hour'`);
      expect(await tendJobs(worker, { pace })).toMatchObject({ returned: 1 });
      // Nor does a job wait for a time that the clock reaches tomorrow.
      await db.query(`UPDATE cofre.jobs SET run_after = now() + interval '1 day'`);
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
    });

    it('again and again makes the job fail in the end, and administrators are told', async () => {
      const { ana, worker, db } = await shop();
      const job = await enqueueJob(ana, backUp());
      await db.query(
        `UPDATE cofre.jobs SET state = 'running', attempts = $1, worker_id = $2, heartbeat_at = now() - interval '1 hour'`,
        [ATTEMPTS_MAX, OTHER_WORKER],
      );
      expect(await tendJobs(worker, { pace })).toEqual({ returned: 0, due: [] });
      expect(await showJob(ana, { job: job.id })).toMatchObject({ state: 'failed', error: { code: 'job/abandoned' } });
      const { rows } = await db.query('SELECT kind, occurrences FROM admin_notifications');
      expect(rows).toEqual([{ kind: 'backup-failed', occurrences: 1 }]);
    });
  });

  describe('failing', () => {
    it('for what may pass waits longer and longer, and succeeds when it has passed', async () => {
      const { ana, worker, db, context } = await shop();
      const job = await enqueueJob(ana, backUp());
      const { ref } = await findImplementation(context.catalogue, 'shop/1');
      await withImplementationLock(context, ref, async () => {
        expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'waiting', code: 'backup/busy' });
        expect(await runJob(worker, job.id, runner)).toEqual({ state: 'not-taken' });
      });
      expect(await showJob(ana, { job: job.id })).toMatchObject({ state: 'waiting', error: { code: 'backup/busy' } });
      await sleep(pace.retryFirstMs);
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
      expect((await jobsIn(db))[0]).toMatchObject({ attempts: 2, error: null });
      expect((await db.query('SELECT FROM admin_notifications')).rows).toEqual([]);
    });

    it('too often, or for what does not pass, is the end, and administrators are told once for each cause', async () => {
      const { ana, worker, db, context } = await shop();
      const { ref } = await findImplementation(context.catalogue, 'shop/1');
      const job = await enqueueJob(ana, backUp());
      await db.query('UPDATE cofre.jobs SET attempts = $1', [ATTEMPTS_MAX - 1]);
      await withImplementationLock(context, ref, async () => {
        expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'failed', code: 'backup/busy' });
      });
      const broken = await enqueueJob(ana, backUp());
      await db.query('ALTER TABLE sale RENAME COLUMN item_id TO thing_id');
      expect(await runJob(worker, broken.id, runner)).toMatchObject({ state: 'failed', code: 'definition/invalid' });
      const { rows } = await db.query(
        'SELECT kind, severity, occurrences, params, implementation_id FROM admin_notifications',
      );
      expect(rows).toMatchObject([
        {
          kind: 'backup-failed',
          severity: 'error',
          occurrences: 2,
          params: { code: 'definition/invalid', implementation: 'shop/1' },
          implementation_id: ref.id,
        },
      ]);
    });

    it('because the store is away is no failure yet', async () => {
      const store = new SometimesAwayStore();
      const { ana, worker, db } = await shop({ store });
      store.isAway = true;
      const job = await enqueueJob(ana, backUp());
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'waiting', code: 'storage/unavailable' });
      expect((await jobsIn(db))[0]).toMatchObject({ state: 'waiting', attempts: 1 });
      store.isAway = false;
      await sleep(pace.retryFirstMs);
      expect(await runJob(worker, job.id, runner)).toMatchObject({ state: 'completed' });
    });
  });

  describe('draining, as edge functions do', () => {
    it('does what waits, says what it did, and leaves what is too large to a worker', async () => {
      const { ana, worker, db, context } = await shop();
      await createBackup(context, { implementation: 'shop/1' });
      await db.query(`UPDATE module_backups SET stats = jsonb_set(stats, '{bytesRaw}', '100000000')`);
      const large = await enqueueJob(ana, backUp());
      const small = await enqueueJob(ana, backUp({ implementation: 'shop/2' }));
      await addImplementation(context, { module: 'shop', key: '3', scope: { store_id: 3 } });
      const bad = await enqueueJob(ana, backUp({ implementation: 'shop/3' }));
      await db.query(`DELETE FROM module_implementations WHERE id = '${bad.implementation?.id}'`);
      const budget = { ...NO_BUDGET, sliceBytesMax: 1_000_000, concurrency: 2 };
      expect(await drainJobs(worker, budget, { pace })).toEqual({
        done: 1,
        failed: [{ implementation: 'shop/3', code: 'implementation/not-found' }],
        deferred: 1,
        left: 0,
      });
      expect(await showJob(ana, { job: small.id })).toMatchObject({ state: 'completed' });
      expect(await showJob(ana, { job: bad.id })).toMatchObject({ state: 'failed' });
      expect(await showJob(ana, { job: large.id })).toMatchObject({
        state: 'deferred',
        waitingForWorker: true,
        attempts: 0,
      });
      expect((await db.query(`SELECT FROM admin_notifications WHERE kind = 'backup-deferred'`)).rowCount).toBe(1);
      expect(await drainJobs(worker, budget, { pace })).toEqual({ done: 0, failed: [], deferred: 1, left: 0 });
      expect(await tendJobs(worker, { pace })).toMatchObject({ due: [{ id: large.id }] });
      expect(await runJob(worker, large.id, runner)).toMatchObject({ state: 'completed' });
    });

    it('stops taking work when the budget says so; the next call goes on', async () => {
      const { ana, worker } = await shop();
      await enqueueJob(ana, backUp());
      await enqueueJob(ana, backUp({ implementation: 'shop/2' }));
      const once = () => {
        let left = 1;
        return { ...NO_BUDGET, mayStart: () => left-- > 0 };
      };
      expect(await drainJobs(worker, once(), { pace })).toEqual({ done: 1, failed: [], deferred: 0, left: 1 });
      expect(await drainJobs(worker, once(), { pace })).toEqual({ done: 1, failed: [], deferred: 0, left: 0 });
      expect(await drainJobs(worker, once(), { pace })).toEqual({ done: 0, failed: [], deferred: 0, left: 0 });
    });

    it('goes on with what the one before it left when the platform ended it', async () => {
      const { ana, worker } = await shop();
      await enqueueJob(ana, backUp());
      await claimJob(worker.catalogue, { workerId: OTHER_WORKER, takesLarge: false });
      expect(await drainJobs(worker, NO_BUDGET, { pace })).toMatchObject({ done: 0 });
      await sleep(pace.abandonedMs + 100);
      expect(await drainJobs(worker, NO_BUDGET, { pace })).toMatchObject({ done: 1 });
    });

    it('is put back where it was, when the call has to end in the middle of a job', async () => {
      const { ana, again, db } = await shop();
      const stop = new AbortController();
      const worker = again({
        actor: { kind: 'service', name: 'worker' },
        settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' },
        signal: stop.signal,
      });
      const job = await enqueueJob(ana, backUp());
      await using _sales = await holdingSales(db);
      const drained = drainJobs(worker, NO_BUDGET, { pace });
      await untilWaitingForSales(db);
      stop.abort();
      expect(await drained).toEqual({ done: 0, failed: [], deferred: 0, left: 1 });
      expect(await showJob(ana, { job: job.id })).toMatchObject({ state: 'waiting', attempts: 0 });
    });
  });

  it('what only a later version knows waits for its workers', async () => {
    const { ana, worker, db } = await shop();
    await enqueueJob(ana, backUp());
    await db.query(`UPDATE cofre.jobs SET kind = 'paint-backup'`);
    expect(await tendJobs(worker, { pace })).toEqual({ returned: 0, due: [] });
    expect(await drainJobs(worker, NO_BUDGET, { pace })).toMatchObject({ done: 0, left: 0 });
  });

  it('jobs that ended long ago are forgotten; those that wait are not', async () => {
    const { ana, worker, db } = await shop();
    const old = await enqueueJob(ana, backUp());
    await cancelJob(ana, { job: old.id });
    const waiting = await enqueueJob(ana, backUp());
    await db.query(`UPDATE cofre.jobs SET created_at = now() - interval '1 year'`);
    await tendJobs(worker, { pace });
    expect((await jobsIn(db)).map(({ id }) => id)).toEqual([waiting.id]);
  });
});
