import { setTimeout as sleep } from 'node:timers/promises';
import { type BackupDocument, backupDocument, type EnqueueJobInput, jobDocument, restoreDocument } from '@cofre/contracts';
import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import type { Actor } from '../actor.ts';
import { addAdministrator } from '../access/add-administrator.ts';
import { createBackup } from '../backups/create-backup.ts';
import { listBackups } from '../backups/list-backups.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { planRestore } from '../restores/plan-restore.ts';
import type { ServiceContext } from '../service-context.ts';
import { cancelJob } from './cancel-job.ts';
import { drainJobs } from './drain-jobs.ts';
import { enqueueJob } from './enqueue-job.ts';
import { listenForJobs } from './job-notices.ts';
import { listJobs } from './list-jobs.ts';
import { runJob } from './run-job.ts';
import { showJob } from './show-job.ts';
import { tendJobs } from './tend-jobs.ts';

const ANA = '11111111-1111-4111-8111-111111111111';
const CUS = '33333333-3333-4333-8333-333333333333';
const WORKER = '77777777-7777-4777-8777-777777777777';

const person = (userId: string, claims: object = {}): Actor => ({
  kind: 'person',
  userId,
  name: 'a person',
  claims: { role: 'authenticated', ...claims },
});
const administrator = person(ANA, { app_metadata: { role: 'admin' } });
const customer = person(CUS, { app_metadata: { provider: 'email' } });

/** A repository of nothing is quick, so the pauses of jobs are the longest part of a test. */
const pace = { heartbeatMs: 100, abandonedMs: 600, progressMs: 20, retryFirstMs: 50, retryMaxMs: 200 };
const runner = { id: WORKER, pace };

interface Shop extends TestService {
  readonly db: TestDatabase;
  /** As the worker: the service. */
  readonly worker: ServiceContext;
}

describe.each(testServers())('jobs on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(): Promise<Shop> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await db.query(`INSERT INTO auth.users (id, email) VALUES ('${ANA}', 'ana@example.org'), ('${CUS}', 'cus@example.org')`);
    for (const [key, store_id] of [['one', 1], ['two', 2]] as const)
      await addImplementation(service.context, { module: 'shop', key, scope: { store_id } });
    return { ...service, db, worker: service.again({ actor: { kind: 'service', name: 'worker' } }) };
  }

  const backUp = (input: object = {}): EnqueueJobInput => ({
    kind: 'create-backup',
    input: { implementation: 'shop/one', ...input },
  });

  it('a backup that was asked for is made by whoever runs the job, as who asked for it', async () => {
    const { db, again, worker } = await shop();
    const ana = again({ actor: administrator });
    const job = await enqueueJob(ana, backUp({ description: 'tonight' }));
    expect(jobDocument.parse(job)).toMatchObject({
      kind: 'create-backup',
      state: 'waiting',
      implementation: { module: 'shop', key: 'one' },
      attempts: 0,
      createdBy: 'a person',
      waitingForWorker: true,
      progress: null,
    });
    expect(await runJob(worker, job.id, runner)).toEqual({
      state: 'completed',
      kind: 'create-backup',
      implementation: 'shop/one',
    });
    const done = await showJob(ana, { job: job.id });
    const backup = backupDocument.parse(done.result);
    expect(jobDocument.parse(done)).toMatchObject({
      state: 'completed',
      attempts: 1,
      backupId: backup.id,
      progress: { phase: 'done', rows: 1202 },
      waitingForWorker: false,
    });
    expect((await listBackups(ana, {})).items).toEqual([backup]);
    const { rows } = await db.query('SELECT job_id, created_by FROM module_backups');
    expect(rows).toEqual([{ job_id: job.id, created_by: ANA }]);
    expect(await runJob(worker, job.id, runner)).toEqual({ state: 'not-taken' });
    expect((await listJobs(ana)).items).toEqual([{ ...done, result: undefined }].map(({ result: _, ...rest }) => rest));
  });
});
