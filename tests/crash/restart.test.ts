import { setTimeout as sleep } from 'node:timers/promises';
import type { JobDocument } from '@cofre/contracts';
import { addImplementation, createBackup, enqueueJob, listBackups, planRestore, showJob } from '@cofre/services';
import { createLogger, startWorker } from '@cofre/worker';
import { expect, it, vi } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { startOwnServer } from '../support/own-server.ts';
import { createShop } from '../support/service-context.ts';
import { QUICK_WORKER } from '../support/worker-process.ts';

vi.setConfig({ testTimeout: 180_000 });

it('a worker outlives the database being restarted under it: nothing is lost, nothing is done twice', async () => {
  await using own = await startOwnServer();
  const db = await createTestDatabase(own.server, { template: 'migrated' });
  await using service = await createShop(db);
  for (const store_id of [1, 2])
    await addImplementation(service.context, { module: 'shop', key: `${store_id}`, scope: { store_id } });
  const log: string[] = [];
  const worker = await startWorker({
    context: service.again({ settings: { readers: 2, lockTimeoutMs: 60_000, madeBy: 'cofre test' } }),
    databaseUrl: db.url,
    logger: createLogger({ level: 'debug', destination: { write: (line: string) => log.push(line) } }),
    version: '0.0.0',
    nodeVersion: process.version,
    name: 'test',
    concurrency: 2,
    listen: { host: '127.0.0.1', port: 0 },
    pace: { ...QUICK_WORKER, staleMs: 1000 },
  });
  const health = async () => (await fetch(`${worker.url}/healthz`)).json();
  const ended = async (job: JobDocument) => {
    for (;;) {
      const now = await showJob(service.context, { job: job.id });
      if (['completed', 'failed', 'canceled'].includes(now.state)) return now;
      await sleep(50);
    }
  };

  const { id } = await createBackup(service.context, { implementation: 'shop/2' });
  await db.query('DELETE FROM sale WHERE quantity = 3');
  const plan = await planRestore(service.context, { backup: id });
  // Both wait in their middle for a lock that a session holds which will not survive, either.
  const blocker = await db.database.connect();
  await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
  const backup = await enqueueJob(service.context, {
    kind: 'create-backup',
    input: { implementation: 'shop/1', description: 'through the restart' },
  });
  const restore = await enqueueJob(service.context, { kind: 'apply-restore', input: { plan: plan.id } });
  const waiting = () => db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
  while ((await waiting()).rows.length < 2) await sleep(20);

  await own.crash();
  await expect.poll(health, { timeout: 10_000 }).toMatchObject({ ok: false, reason: 'database-away' });
  await sleep(1500);
  await own.start();
  await expect.poll(health, { timeout: 30_000 }).toMatchObject({ ok: true });

  expect(await ended(backup)).toMatchObject({ state: 'completed' });
  expect(await ended(restore)).toMatchObject({ state: 'completed' });
  const { items } = await listBackups(service.context, { text: 'through the restart' });
  expect(items.filter(({ status }) => status === 'completed')).toHaveLength(1);
  const sessions = await db.database.connect();
  try {
    const restores = await sessions.query(`SELECT job_id FROM cofre.restores WHERE status = 'completed'`);
    expect(restores.rows).toEqual([{ job_id: restore.id }]);
  } finally {
    await sessions.end();
  }
  // And it goes on as before: told at once, with no queue.
  const later = await enqueueJob(service.context, { kind: 'create-backup', input: { implementation: 'shop/1' } });
  expect(await ended(later)).toMatchObject({ state: 'completed', attempts: 1 });
  await worker.stop();
  const events = log.map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events.filter((event) => event.startsWith('the database is'))).toEqual([
    'the database is away',
    'the database is back',
  ]);
});
