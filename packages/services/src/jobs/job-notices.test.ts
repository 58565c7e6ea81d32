import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { enqueueJob } from './enqueue-job.ts';
import { listenForJobs } from './job-notices.ts';
import { runJob } from './run-job.ts';

const WORKER = '77777777-7777-4777-8777-777777777777';

describe.each(costlyTestServers())('notices of jobs on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function listening(db: TestDatabase) {
    const notices = listenForJobs(db.database);
    made.push(async () => notices[Symbol.asyncDispose]());
    const heard: (string | null)[] = [];
    const unsubscribe = notices.subscribe((jobId) => heard.push(jobId));
    // The first says that from now on nothing is missed.
    await expect.poll(() => heard).toEqual([null]);
    return { heard, unsubscribe };
  }

  it('come when a job is asked for, begins, gets on and ends', async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const { context, again, ...service } = await createShop(db);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    const { heard, unsubscribe } = await listening(db);
    const { id } = await enqueueJob(context, { kind: 'create-backup', input: { implementation: 'shop/one' } });
    await expect.poll(() => heard).toEqual([null, id]);
    await runJob(again({ actor: { kind: 'service', name: 'worker' } }), id, { id: WORKER, pace: { progressMs: 1 } });
    // Begun, at least two steps, ended.
    await expect.poll(() => heard.length).toBeGreaterThanOrEqual(6);
    expect(new Set(heard)).toEqual(new Set([null, id]));
    unsubscribe();
    const before = heard.length;
    await enqueueJob(context, { kind: 'create-backup', input: { implementation: 'shop/one', type: 'incremental' } });
    expect(heard).toHaveLength(before);
  });

  it('go on after the connection was broken, and say that something may have been missed', async () => {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const { heard } = await listening(db);
    await db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'cofre jobs'`,
    );
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual([null, null]);
    await db.query(`SELECT pg_notify('cofre_jobs', $1)`, [WORKER]);
    await expect.poll(() => heard).toEqual([null, null, WORKER]);
  });
});
