import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';

const started = z.strictObject({ worker: z.uuid(), url: z.url() });

/** `cofre worker`, when it takes jobs. */
async function startWorker(shell: Shell, variables: Readonly<Record<string, string>> = {}) {
  const { child, ended } = shell.start(['worker', '--json', '--port', '0'], variables);
  return { child, ended, ...started.parse(JSON.parse(await firstLine(child))) };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('stdout is piped');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the worker ended before it said anything');
}

it('cofre worker runs until a signal comes, answers over HTTP, and ends with 0', async () => {
  const shell = await shopShell();
  const { child, ended, url, worker } = await startWorker(shell);
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true, worker, jobs: 0 });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('cofre_build_info{version=');
  expect((await shell.db.query('SELECT id FROM cofre.workers')).rows).toEqual([{ id: worker }]);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
  expect((await shell.db.query('SELECT id FROM cofre.workers')).rows).toEqual([]);
});
