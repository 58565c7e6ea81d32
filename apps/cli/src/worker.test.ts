import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { backupDocument, jobDocument } from '@cofre/contracts';
import { enqueueJob } from '@cofre/services';
import { openStore } from '@cofre/storage';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type Shell, shopShell, untilWaiting } from '../../../tests/support/cofre-shell.ts';
import { createTestService } from '../../../tests/support/service-context.ts';

const started = z.strictObject({ worker: z.uuid(), url: z.url() });
const jobs = z.strictObject({ items: z.array(jobDocument), nextCursor: z.string().nullable() });
const PASSPHRASE = 'correct horse battery';

/** `cofre worker`, when it takes jobs. */
async function startWorker(shell: Shell) {
  const { child, ended } = shell.start(['worker', '--json', '--port', '0']);
  return { child, ended, ...started.parse(JSON.parse(await firstLine(child))) };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('stdout is piped');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the worker ended before it said anything');
}

/** As the web admin asks, which has no queue here. */
async function ask(shell: Shell, implementation = 'shop/one') {
  const store = openStore(pathToFileURL(path.join(shell.home, 'repository')).href);
  await using service = await createTestService(shell.db, { store, init: false });
  return await enqueueJob(service.context, { kind: 'create-backup', input: { implementation } });
}

it('cofre worker does what is asked for, until a signal comes, and ends with 0', async () => {
  const shell = await shopShell({ COFRE_PASSPHRASE: PASSPHRASE });
  const waiting = await ask(shell);
  expect(await shell.ok('job list')).toContain('No worker was seen lately');
  const { child, ended, url, worker } = await startWorker(shell);
  while ((await shell.json(jobs, 'job list')).items[0]?.state !== 'completed') await sleep(100);
  const job = await shell.json(jobDocument, `job show ${waiting.id}`);
  expect(job).toMatchObject({ state: 'completed', attempts: 1 });
  expect(backupDocument.parse(job.result)).toMatchObject({ encrypted: true });
  expect(await shell.ok(`job show ${waiting.id}`)).toMatch(/State +completed\n/);
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true, worker, jobs: 0 });
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  expect(stderr).toContain('"worker stopped"');
  for (const secret of [PASSPHRASE, new URL(shell.db.url).password, 'sku-', 'key-of'])
    expect(stderr).not.toContain(secret);
  expect((await shell.db.query('SELECT id FROM cofre.workers')).rows).toEqual([]);
});

it('a backup that runs can be cancelled, or put back by stopping the worker; a second signal ends that at once', async () => {
  const shell = await shopShell();
  const { child, ended } = await startWorker(shell);
  const blocker = await shell.db.database.connect();
  await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
  const first = await ask(shell);
  await untilWaiting(shell.db);
  expect(await shell.ok(`job cancel ${first.id}`)).toContain('was asked to stop');
  while ((await shell.json(jobDocument, `job show ${first.id}`)).state !== 'canceled') await sleep(100);
  expect(await shell.ok(`job cancel ${first.id}`)).toContain('is cancelled');
  const second = await ask(shell);
  await untilWaiting(shell.db);
  child.kill('SIGTERM');
  await sleep(1000);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 130 });
  await blocker.end();
  // As after a crash: it is taken back when nobody was heard of for a minute.
  expect(await shell.json(jobDocument, `job show ${second.id}`)).toMatchObject({ state: 'running' });
});

it('cofre worker says what is wrong before it begins: a wrong key, a port that is taken', async () => {
  const shell = await shopShell({ COFRE_PASSPHRASE: PASSPHRASE });
  await shell.fails('worker --port 0', 12, { COFRE_PASSPHRASE: 'another' });
  const { child, ended, url } = await startWorker(shell);
  expect(await shell.fails(`worker --port ${new URL(url).port}`, 2)).toMatchObject({ code: 'usage/invalid' });
  child.kill('SIGTERM');
  await ended;
  await shell.fails('job show 11111111-1111-4111-8111-111111111111', 1);
  await shell.fails('job list --state sleeping', 2);
});
