import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { z } from 'zod';
import { buildCli } from '../../apps/cli/build.ts';
import { errorDocument } from '../../packages/contracts/src/index.ts';
import { addImplementation, showRepository } from '../../packages/services/src/index.ts';
import { openStore } from '../../packages/storage/src/index.ts';
import { createTestDatabase, type TestDatabase, testServers } from './database.ts';
import { createShop } from './service-context.ts';

// What users run is the bundle; where it finds node_modules, and where a build beside the tests does not clear it away.
const bundle = path.resolve(import.meta.dirname, '../../node_modules/.cache', `cofre-test-${process.pid}`);
const databases: TestDatabase[] = [];
const folders: string[] = [];
const children: ChildProcess[] = [];

// Each test starts a dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

beforeAll(() => buildCli(bundle));
afterAll(() => rm(bundle, { recursive: true }));
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(databases.splice(0).map((db) => db.drop()));
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Variables = Readonly<Record<string, string>>;

/** One home, one database, and `cofre` as a person types it. */
export class Shell {
  readonly home: string;
  readonly db: TestDatabase;
  readonly variables: Variables;
  readonly program = path.join(bundle, 'cofre.mjs');

  constructor(home: string, db: TestDatabase, variables: Variables) {
    this.home = home;
    this.db = db;
    this.variables = variables;
  }

  start(args: readonly string[], variables: Variables = {}): { child: ChildProcess; ended: Promise<Result> } {
    const { PATH = '', HOME = '', LANG = 'C.UTF-8' } = process.env;
    const child = spawn(process.execPath, [this.program, ...args], {
      env: { PATH, HOME, LANG, ...this.variables, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<Result>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
    return { child, ended };
  }

  run(args: string, variables: Variables = {}): Promise<Result> {
    return this.start(splitArgs(args), variables).ended;
  }

  /** Must succeed. */
  async ok(args: string, variables: Variables = {}): Promise<string> {
    const result = await this.run(args, variables);
    expect(result, args).toMatchObject({ code: 0 });
    return result.stdout;
  }

  /** One document on stdout, exactly as the contract has it, and nothing else. */
  async json<Schema extends z.ZodType>(schema: Schema, args: string, code = 0): Promise<z.output<Schema>> {
    const result = await this.run(`${args} --json`);
    expect(result, args).toMatchObject({ code });
    return schema.parse(JSON.parse(result.stdout));
  }

  /** Must fail with this exit code; gives the error document. */
  async fails(args: string, exit: number, variables: Variables = {}): Promise<z.output<typeof errorDocument>> {
    const result = await this.run(`${args} --json`, variables);
    expect(result, args).toMatchObject({ code: exit, stdout: '' });
    const { error } = JSON.parse(result.stderr) as { error: unknown };
    return errorDocument.strict().parse(error);
  }
}

/** Words, with single quotes around those that hold blanks. */
function splitArgs(args: string): string[] {
  return [...args.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

const [newest] = testServers();

export async function emptyShell(
  variables: Variables = {},
  template: 'empty' | 'migrated' = 'empty',
  server = newest,
): Promise<Shell> {
  if (server === undefined) throw new Error('no server');
  const db = await createTestDatabase(server, { template });
  databases.push(db);
  const home = await mkdtemp(path.join(tmpdir(), 'cofre-cli-'));
  folders.push(home);
  return new Shell(home, db, { DATABASE_URL: db.url, COFRE_HOME: home, ...variables });
}

/**
 * A migrated database with the shop, its definition, two implementations and a repository: what
 * `db migrate`, `repo init`, `module apply` and `implementation add` would have made, without starting them.
 */
export async function shopShell(variables: Variables = {}, server = newest): Promise<Shell> {
  const shell = await emptyShell(variables, 'migrated', server);
  const passphrase = variables['COFRE_PASSPHRASE'];
  const store = openStore(pathToFileURL(path.join(shell.home, 'repository')).href);
  const key = passphrase === undefined ? ({ kind: 'none' } as const) : ({ kind: 'passphrase', passphrase } as const);
  await using service = await createShop(shell.db, { store, key });
  for (const [name, store_id] of [
    ['one', 1],
    ['two', 2],
  ] as const) {
    await addImplementation(service.context, { module: 'shop', key: name, scope: { store_id } });
  }
  const { id, encryption } = await showRepository(service.context);
  const config = { repository: store.url, repositoryId: id, encryption };
  await writeFile(path.join(shell.home, 'config.json'), JSON.stringify(config));
  return shell;
}

/** Until a backup of the shop waits for a lock on its last table. */
export async function untilWaiting(db: TestDatabase): Promise<void> {
  for (;;) {
    const { rows } = await db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.sale'::regclass`);
    if (rows.length > 0) return;
    await sleep(20);
  }
}
