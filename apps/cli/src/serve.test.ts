import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';
import { BUILD, buildOnce, freePort, WEB_START_MS } from '../../../tests/support/web-server.ts';

beforeAll(buildOnce, WEB_START_MS);

const served = z.strictObject({
  url: z.url(),
  signIn: z.object({ email: z.literal('ana@example.org'), oneTimePassword: z.string() }).nullable(),
  demo: z.literal(false),
  durationMs: z.int(),
});

/** `cofre serve`, when it says where it is; with the processes that it started. */
async function serve(shell: Shell) {
  const port = await freePort();
  const { child, ended } = shell.start(['serve', '--json', '--port', String(port), '--email', 'ana@example.org'], {
    COFRE_WEB_BUILD: BUILD,
  });
  const started = served.parse(JSON.parse(await firstLine(child.stdout)));
  const pid = child.pid ?? expect.fail('it was started');
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
  return { child, ended, started, children };
}

async function firstLine(stdout: NodeJS.ReadableStream | null): Promise<string> {
  if (stdout !== null) for await (const line of createInterface({ input: stdout })) return line;
  return expect.fail('it ended before it said anything');
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const workersOf = async (shell: Shell) => (await shell.db.query('SELECT id FROM cofre.workers')).rows.length;

it('web admin and worker start, answer, and end together when a signal comes', async () => {
  const shell = await shopShell();
  const { child, ended, started, children } = await serve(shell);
  expect(started.signIn).not.toBeNull();
  const page = await fetch(`${started.url}/sign-in`);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('<form');
  // Nobody gets further without signing in.
  const inside = await fetch(`${started.url}/admin/modules`, { redirect: 'manual' });
  expect([inside.status, inside.headers.get('location')]).toEqual([307, '/sign-in']);
  expect(children.length).toBe(2);
  while ((await workersOf(shell)) === 0) await sleep(50);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
  expect(children.filter(isThere)).toEqual([]);
  expect(await workersOf(shell)).toBe(0);
  await expect(fetch(started.url)).rejects.toThrow();
});

it('where one of the two ends by itself the other is stopped, and it is said', async () => {
  const shell = await shopShell();
  const { ended, children } = await serve(shell);
  const [web = 0] = children;
  process.kill(web, 'SIGKILL');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toContain('serve/ended');
  expect(children.filter(isThere)).toEqual([]);
});

it('where whoever started them is killed, neither is left behind', async () => {
  const shell = await shopShell();
  const { child, ended, children } = await serve(shell);
  child.kill('SIGKILL');
  await ended;
  await expect.poll(() => children.filter(isThere), { timeout: 20_000 }).toEqual([]);
});
