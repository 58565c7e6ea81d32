import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../storage/src/index.ts';
import { binariesIn, packagedBinaries } from './binaries.ts';
import { runningPostmaster } from './postmaster.ts';
import { answersToKill } from './process-identity.ts';
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from './start-embedded.ts';

const isRoot = process.getuid?.() === 0;
const userScript = path.resolve(import.meta.dirname, '../../../../tests/support/embedded-user.ts');

type UserProcess = ChildProcessByStdio<Writable, Readable, null>;

/** What a test leaves behind: released and removed afterwards, by what we started and nothing else. */
const servers: EmbeddedServer[] = [];
const users: UserProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.release()));
  for (const user of users.splice(0)) user.kill('SIGKILL');
  for (const folder of folders.splice(0)) {
    const home = path.join(folder, 'home');
    const cluster = await clusterOf(home).catch(() => null);
    if (cluster !== null) {
      // Not left to the keeper: it would take a second for each test. It leaves when it finds nothing to keep.
      const pid = await postmasterPid(home);
      if (pid !== null) process.kill(pid, 'SIGQUIT');
      await untilStopped(home);
      await rm(cluster, { recursive: true, force: true });
    }
    await rm(folder, { recursive: true, force: true });
  }
});

async function newHome(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cofre-embedded-'));
  await chmod(folder, 0o755);
  folders.push(folder);
  return path.join(folder, 'home');
}

async function start(home: string, options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbedded({
    home,
    clock: systemClock,
    random: systemRandom,
    idleSeconds: 1,
    ...options,
  });
  servers.push(server);
  return server;
}

/** Another process that uses the server of the home until it is told to leave or killed. */
function startUser(home: string, script = userScript): UserProcess {
  const user = spawn(process.execPath, [script, home, '1'], { stdio: ['pipe', 'pipe', 'inherit'] });
  users.push(user);
  return user;
}

async function urlOf(user: UserProcess): Promise<string> {
  const [line] = (await once(user.stdout, 'data')) as [Buffer];
  return line.toString('utf8').trim();
}

async function clusterOf(home: string): Promise<string> {
  return (await readFile(path.join(home, 'embedded', 'location'), 'utf8')).trim();
}

async function postmasterPid(home: string): Promise<number | null> {
  const postmaster = await runningPostmaster(path.join(await clusterOf(home), 'data'));
  return postmaster?.pid ?? null;
}

/** Fails by the test's own timeout if the server goes on. */
async function untilStopped(home: string): Promise<void> {
  while ((await postmasterPid(home)) !== null) await sleep(100);
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded server', () => {
  it('starts by itself in an empty home: PostgreSQL 18, UTF-8, sorted by code point, durable', async () => {
    const { url } = await start(await newHome());
    expect(
      await query(
        url,
        `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
           datlocprovider AS provider, datlocale AS locale, current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS pages, current_setting('synchronous_commit') AS commits
         FROM pg_database WHERE datname = current_database()`,
      ),
    ).toEqual([
      { major: 18, encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', fsync: 'on', pages: 'on', commits: 'on' },
    ]);
  });

  it('lets nobody in without the password, and keeps that readable by its owner only', async () => {
    const home = await newHome();
    const { url } = await start(home);
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await query(url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
    expect((await stat(path.join(home, 'embedded', 'password'))).mode & 0o777).toBe(0o600);
    const hba = await readFile(path.join(await clusterOf(home), 'data', 'pg_hba.conf'), 'utf8');
    expect(hba).not.toContain('trust');
    expect((await readdir(await clusterOf(home))).sort()).toEqual(['data', 'server.log']);
  });

  it.runIf(isRoot)('does not run as root', async () => {
    const home = await newHome();
    await start(home);
    const status = await readFile(`/proc/${await postmasterPid(home)}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t[1-9]/m);
    expect(status).toMatch(/^Groups:\t *$/m);
  });

  it('is one server for two processes that start it at the same moment, and outlives both', async () => {
    const home = await newHome();
    const pair = [startUser(home), startUser(home)] as const;
    const [one, two] = await Promise.all([urlOf(pair[0]), urlOf(pair[1])]);
    expect(one).toBe(two);
    const pid = await postmasterPid(home);
    pair[0].stdin.end();
    await once(pair[0], 'exit');
    await sleep(3_000);
    expect(await postmasterPid(home)).toBe(pid);
    expect(await query(two, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    pair[1].kill('SIGKILL');
    await once(pair[1], 'exit');
    // Stopped by the keeper, in order: the next start has nothing to recover.
    await untilStopped(home);
    expect(await readFile(path.join(await clusterOf(home), 'server.log'), 'utf8')).toContain(
      'database system is shut down',
    );
    expect(await readdir(path.join(home, 'embedded', 'users'))).toEqual([]);
  });

  it('starts again after its server was killed, with the data, at the same address', async () => {
    const home = await newHome();
    const before = await start(home);
    await query(before.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill((await postmasterPid(home)) ?? 0, 'SIGKILL');
    const after = await start(home);
    expect(after.url).toBe(before.url);
    expect(await query(after.url, 'TABLE kept')).toEqual([{ answer: 42 }]);
  });

  it('starts although the number in a pid file that was left belongs to another process by now', async () => {
    const home = await newHome();
    const { release } = await start(home);
    await release();
    await untilStopped(home);
    const other = startUser(await newHome());
    const pidFile = path.join(await clusterOf(home), 'data', 'postmaster.pid');
    await writeFile(pidFile, `${other.pid}\n${path.dirname(pidFile)}\n1\n5432\n\n127.0.0.1\n\nready   \n`);
    expect(await query((await start(home)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(answersToKill(other.pid ?? 0)).toBe(true);
  });

  it('starts after a process was killed at any moment of making it', async () => {
    const home = await newHome();
    for (const landmark of ['users', 'location', 'keeper', 'password']) {
      const user = startUser(home);
      while (!(await readdir(path.join(home, 'embedded')).catch((): string[] => [])).includes(landmark)) await sleep(5);
      user.kill('SIGKILL');
      await once(user, 'exit');
    }
    const user = startUser(home);
    while (!(await readdir(await clusterOf(home))).some((name) => name.startsWith('making-'))) await sleep(5);
    // Its initdb lives on, and may even finish.
    user.kill('SIGKILL');
    await once(user, 'exit');
    expect(await query((await start(home)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('takes another port when its own is taken, and keeps that one', async () => {
    const home = await newHome();
    const first = await start(home);
    await first.release();
    await untilStopped(home);
    const squatter = createServer();
    squatter.listen({ host: '127.0.0.1', port: Number(new URL(first.url).port) });
    await once(squatter, 'listening');
    const second = await start(home);
    squatter.close();
    expect(second.url).not.toBe(first.url);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.release();
    await untilStopped(home);
    expect((await start(home)).url).toBe(second.url);
  });

  it('is stopped even if its keeper was killed before, by the next one', async () => {
    const home = await newHome();
    await start(home);
    process.kill(Number.parseInt(await readFile(path.join(home, 'embedded', 'keeper'), 'utf8'), 10), 'SIGKILL');
    // A keeper that was killed in the middle of stopping leaves its flag.
    await writeFile(path.join(home, 'embedded', 'stopping'), '');
    const pid = await postmasterPid(home);
    await start(home);
    expect(await postmasterPid(home)).toBe(pid);
    await Promise.all(servers.splice(0).map((server) => server.release()));
    await untilStopped(home);
  });

  it('is stopped when its home is cleared away under it', async () => {
    const home = await newHome();
    await start(home);
    const data = path.join(await clusterOf(home), 'data');
    const pid = (await postmasterPid(home)) ?? 0;
    await rm(path.join(home, 'embedded', 'users'), { recursive: true });
    while (answersToKill(pid) && (await runningPostmaster(data)) !== null) await sleep(100);
  });

  it('says where the log is, and its last lines, when it cannot start', async () => {
    const home = await newHome();
    const { release } = await start(home);
    await release();
    await untilStopped(home);
    const cluster = await clusterOf(home);
    await appendFile(path.join(cluster, 'data', 'postgresql.conf'), "\nno_such_setting = 'x'\n");
    const failed = start(home);
    await expect(failed).rejects.toMatchObject({
      code: 'embedded/failed',
      params: { log: path.join(cluster, 'server.log') },
      message: expect.stringContaining('no_such_setting'),
    });
    expect(await readdir(path.join(home, 'embedded', 'users'))).toEqual([]);
  });

  it('does not touch data of another major version', async () => {
    const home = await newHome();
    const { release } = await start(home);
    await release();
    await untilStopped(home);
    await writeFile(path.join(await clusterOf(home), 'data', 'PG_VERSION'), '17\n');
    await expect(start(home)).rejects.toMatchObject({
      code: 'embedded/failed',
      message: expect.stringContaining('PostgreSQL 17'),
    });
  });

  it('says what is wrong with a home that cannot be used', async () => {
    const home = await newHome();
    await writeFile(home, 'a file');
    await expect(start(home)).rejects.toMatchObject({ code: 'embedded/failed' });
  });

  it.runIf(isRoot)('runs as root with home and binaries where the server’s user cannot go', async () => {
    const home = await newHome();
    const closed = path.dirname(home);
    await chmod(closed, 0o700);
    const installed = await packagedBinaries();
    await mkdir(path.join(closed, 'programs'));
    await symlink(installed.root, path.join(closed, 'programs', 'native'));
    const { url, release } = await start(home, { binaries: binariesIn(path.join(closed, 'programs', 'native')) });
    expect(await clusterOf(home)).toMatch(/^\/var\/lib\/cofre\/[0-9a-f]{16}$/);
    expect(await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer')).toEqual([]);
    await release();
    await untilStopped(home);
    const again = await start(home);
    expect(await query(again.url, 'TABLE kept')).toEqual([{ answer: 42 }]);
  });

  it('is found and started from a bundle', async () => {
    const home = await newHome();
    const out = await mkdtemp(path.join(import.meta.dirname, '..', '..', 'dist', 'bundle-'));
    folders.push(out);
    const outfile = path.join(out, 'user.mjs');
    const banner = "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);";
    await build({
      entryPoints: [userScript],
      outfile,
      bundle: true,
      minify: true,
      keepNames: true,
      platform: 'node',
      format: 'esm',
      banner: { js: banner },
      logLevel: 'error',
    });
    const user = startUser(home, outfile);
    expect(await query(await urlOf(user), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
