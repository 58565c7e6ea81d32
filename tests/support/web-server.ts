import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { END_WITH_PARENT } from '../../apps/cli/src/serve/children.ts';
import { ensureWebBuild, nextProgram } from '../../apps/cli/src/serve/web-build.ts';
import { createLogger, type RunningWorker, startWorker } from '../../apps/worker/src/index.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import type { ServiceContext } from '../../packages/services/src/index.ts';
import { openStore, systemClock } from '../../packages/storage/src/index.ts';
import { createTestDatabase, type TestDatabase, testServers } from './database.ts';
import { createTestService, type TestService } from './service-context.ts';
import { runFolder } from './test-servers.ts';
import { type Accounts, addPeople, loadPlatform, type PersonName, type Place, type Platform } from './web-platform.ts';
import { type Cookie, signIn } from './web-session.ts';
import { QUICK_WORKER } from './worker-process.ts';

export { freePort };

const WEB = path.resolve(import.meta.dirname, '../../apps/web');

/** Beside what is served or built by hand; kept, and made again where a source changed. */
export const BUILD = process.env['COFRE_WEB_BUILD'] ?? '.next-test';

/** The first test of a run builds, and the others wait for it. */
export const WEB_START_MS = 600_000;

/** A file of the build that is tested, as Next wrote it. */
export function buildFile(name: string): string {
  return path.join(WEB, BUILD, name);
}

export interface WebOptions {
  /** Default: `shop`. */
  readonly platform?: Platform;
  /** Gives the address at which the web admin is to look for the database: a test may put something between. */
  readonly reach?: (databaseUrl: string) => Promise<string>;
}

export interface TestWorkerOptions {
  /** How long it waits for a lock that a test holds. */
  readonly lockTimeoutMs?: number;
}

/** The web admin as it is served: a production build, in a process of its own, on a database of its own. */
export interface TestWeb extends AsyncDisposable {
  readonly url: string;
  readonly db: TestDatabase;
  /** The operator's, by today's clock. */
  readonly context: ServiceContext;
  readonly place: Place;
  readonly accounts: Accounts;
  /** COFRE_HOME of the server. */
  readonly home: string;
  /** Rename it, and the place of the backups is away. */
  readonly repositoryFolder: string;
  /** The session of a person, begun when first asked for and shared by who asks again: sign out of one of your own. */
  session(person: PersonName): Promise<readonly Cookie[]>;
  /** Nobody does what takes time until one is started; it ends with the test file, or by its `stop`. */
  startWorker(options?: TestWorkerOptions): Promise<RunningWorker>;
  /** What web and worker wrote. */
  log(): string;
}

export async function startWeb({ platform = 'shop', reach }: WebOptions = {}): Promise<TestWeb> {
  await buildOnce();
  const [server] = testServers();
  if (server === undefined) throw new Error('a run has at least one server');
  await using resources = new AsyncDisposableStack();
  const home = await mkdtemp(path.join(tmpdir(), 'cofre-web-'));
  resources.defer(() => rm(home, { recursive: true, force: true }));
  const db = await createTestDatabase(server, { template: 'migrated' });
  resources.defer(() => db.drop());
  const repositoryFolder = path.join(home, 'repository');
  const store = openStore(pathToFileURL(repositoryFolder).href);
  const service = resources.use(await createTestService(db, { store }));
  const context = service.again({ clock: systemClock });
  const place = await loadPlatform(platform, db, context);
  const accounts = await addPeople(context);
  const output: string[] = [];
  const databaseUrl = (await reach?.(db.url)) ?? db.url;
  const variables = {
    DATABASE_URL: databaseUrl,
    COFRE_HOME: home,
    COFRE_REPOSITORY: store.url,
    // The tests speak for visitors from many addresses.
    COFRE_TRUSTED_PROXIES: '127.0.0.1',
  };
  const { url, stop } = await serve(variables, output);
  resources.defer(stop);
  const sessions = new Map<PersonName, Promise<readonly Cookie[]>>();
  const workers = resources.use(new Workers({ service, db, output }));
  const owned = resources.move();
  return {
    url,
    db,
    context,
    place,
    accounts,
    home,
    repositoryFolder,
    session(person) {
      const known = sessions.get(person) ?? signIn({ url, account: accounts[person], address: '192.0.2.1' });
      sessions.set(person, known);
      return known;
    },
    startWorker: (options) => workers.start(options),
    log: () => output.join(''),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface WorkersOptions {
  readonly service: TestService;
  readonly db: TestDatabase;
  readonly output: string[];
}

class Workers implements AsyncDisposable {
  readonly #options: WorkersOptions;
  readonly #running: RunningWorker[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  async start({ lockTimeoutMs }: TestWorkerOptions = {}): Promise<RunningWorker> {
    const { service, db, output } = this.#options;
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        output.push(chunk.toString());
        done();
      },
    });
    const context = service.again({ clock: systemClock });
    const worker = await startWorker({
      context: {
        ...context,
        settings: { ...context.settings, ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }) },
      },
      databaseUrl: db.url,
      logger: createLogger({ level: 'warn', destination }),
      version: '0.0.0',
      nodeVersion: process.version,
      name: `test:${process.pid}`,
      concurrency: 2,
      listen: { host: '127.0.0.1', port: 0 },
      pace: QUICK_WORKER,
    });
    this.#running.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#running) await worker.stop();
  }
}

/**
 * Once in a run, though its files work beside each other and sources may change meanwhile: what is served must not be taken
 * away.
 */
export async function buildOnce(): Promise<void> {
  const folder = path.join(runFolder(), 'web-build');
  await mkdir(folder, { recursive: true });
  const result = path.join(folder, 'result');
  const isFirst = await writeFile(path.join(folder, 'begun'), '', { flag: 'wx' }).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const variables = { ...surroundings(), COFRE_WEB_BUILD: BUILD };
    const failure = await ensureWebBuild({ folder: WEB, variables }, () => undefined).then(
      () => '',
      (error: unknown) => String(error),
    );
    await writeFile(`${result}.new`, failure);
    await rename(`${result}.new`, result);
  }
  while (!existsSync(result)) await sleep(LOOK_MS);
  const failure = await readFile(result, 'utf8');
  if (failure !== '') throw new Error(failure);
}

const LOOK_MS = 100;

/** What a server is to know of whoever runs the tests: nothing more, so that no setting of theirs changes it. */
function surroundings(): Readonly<Record<string, string | undefined>> {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
  };
}

interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** Somebody else may take the port before the server does. */
async function serve(variables: Readonly<Record<string, string>>, output: string[]): Promise<Served> {
  for (let attempt = 1; ; attempt++) {
    const served = await tryToServe(variables, output);
    if (served !== null) return served;
    if (attempt === 3 || !output.join('').includes('EADDRINUSE'))
      throw new Error(`the web admin does not answer:\n${output.join('')}`);
  }
}

async function tryToServe(variables: Readonly<Record<string, string>>, output: string[]): Promise<Served | null> {
  const port = await freePort();
  const args = [nextProgram(WEB), 'start', '--hostname', '127.0.0.1', '--port', String(port)];
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, ...args], {
    cwd: WEB,
    env: { ...surroundings(), ...variables, COFRE_WEB_BUILD: BUILD },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output.push(chunk.toString());
    });
  // As people reach it: cookies and origins are those of a name, not of a number.
  const url = `http://localhost:${port}`;
  for (let waitedMs = 0; waitedMs < ANSWERS_WITHIN_MS && child.exitCode === null; waitedMs += LOOK_MS) {
    const answer = await fetch(`${url}/sign-in`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) return { url, stop: () => stop(child) };
    await sleep(LOOK_MS);
  }
  await stop(child);
  return null;
}

const ANSWERS_WITHIN_MS = 60_000;

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // Nothing that it does is worth waiting for: its database is about to go.
  child.kill('SIGKILL');
  await ended;
}
