import { mkdir, readFile, realpath, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import type { Clock, Random } from '@cofre/engine';
import { packagedBinaries, type ServerBinaries } from './binaries.ts';
import { BUILTIN_UTF8, type Cluster, createCluster, dataFolder, SUPERUSER, startCluster } from './cluster.ts';
import { freePort } from './free-port.ts';
import { withHomeLock } from './home-lock.ts';
import { ensureKeeper } from './keeper.ts';
import { clusterFolder, runnableBinaries, writeAtOnce } from './place.ts';
import { type Postmaster, removeStalePidFile, settledPostmaster } from './postmaster.ts';
import { formatIdentity, ownIdentity } from './process-identity.ts';
import { runProgram } from './run-program.ts';
import { systemCode } from './system-code.ts';

export interface EmbeddedOptions {
  /** `COFRE_HOME`. The server's files live in its folder `embedded`. */
  readonly home: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Whole seconds after which a server that nobody uses is stopped; default 60. The first to start it decides. */
  readonly idleSeconds?: number;
  /** Default: those of the installed package. */
  readonly binaries?: ServerBinaries;
}

export interface EmbeddedServer {
  /** Of the superuser and its database, the password included. The port may differ after a crash of the server. */
  readonly url: string;
  /** Says that this process needs the server no more. A process that dies need not say so. */
  readonly release: () => Promise<void>;
}

const IDLE_SECONDS = 60;

/**
 * Durable, and small: it serves one machine's commands, worker and web beside other programs. No socket files, because
 * their paths end at 107 bytes; over TCP everybody on the machine can knock, so everybody needs the password.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
} as const;

const ACCESS = ['host all all 127.0.0.1/32 scram-sha-256'];

/**
 * Gives the PostgreSQL that belongs to a home, starting it where it does not run: shared by every process that calls
 * this with the same home, stopped some time after the last of them has left or died. It outlives its starter.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  let registration: string | null = null;
  try {
    const embedded = await makeHome(options.home);
    const id = Buffer.from(options.random.bytes(8)).toString('hex');
    const own = formatIdentity(await ownIdentity());
    // Before the lock: from here on the keeper sees us and does not stop the server under our hands.
    const registered = path.join(embedded, 'users', `${own}.${id}`);
    registration = registered;
    await writeFile(registered, `${options.clock.now().toISOString()}\n`);
    const url = await withHomeLock(embedded, `${own}.${id}`, () => ensureServer(embedded, options));
    return { url, release: () => rm(registered, { force: true }) };
  } catch (error) {
    if (registration !== null) await unlink(registration).catch(() => undefined); // The keeper removes it when we are gone.
    if (error instanceof CofreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CofreError('embedded/failed', `The embedded PostgreSQL in ${options.home} cannot be used: ${reason}`, {
      cause: error,
    });
  }
}

/** The password inside is readable by the owner only; root's home must let the server's user walk through to its data. */
async function makeHome(home: string): Promise<string> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  const embedded = path.join(home, 'embedded');
  await mkdir(embedded, { recursive: true, mode });
  await mkdir(path.join(embedded, 'users'), { recursive: true, mode: 0o700 });
  return realpath(embedded);
}

async function ensureServer(embedded: string, options: EmbeddedOptions): Promise<string> {
  const { folder, user } = await clusterFolder(embedded);
  const data = path.join(folder, 'data');
  await ensureKeeper(embedded, { data, idleSeconds: options.idleSeconds ?? IDLE_SECONDS });
  const password = await ensurePassword(embedded, options.random);
  const running = await settledPostmaster(data);
  if (running !== null) return urlOf(running, password);

  const installed: Cluster = { binaries: options.binaries ?? (await packagedBinaries()), folder, user };
  const cluster: Cluster = { ...installed, binaries: await runnableBinaries(installed) };
  if (await isFolder(data)) await assertSameVersion(cluster);
  else await createCluster(cluster, { password, initdbArguments: BUILTIN_UTF8, access: ACCESS });
  return urlOf(await startServer(embedded, cluster), password);
}

function urlOf(postmaster: Postmaster, password: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${postmaster.port}/postgres`;
}

async function ensurePassword(embedded: string, random: Random): Promise<string> {
  const file = path.join(embedded, 'password');
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (kept !== null) return kept.trim();
  const password = Buffer.from(random.bytes(24)).toString('hex');
  await writeAtOnce(file, `${password}\n`, 0o600);
  return password;
}

/** Data directories are not read by another major version. Better said here than in the server's words. */
async function assertSameVersion(cluster: Cluster): Promise<void> {
  const made = (await readFile(path.join(dataFolder(cluster), 'PG_VERSION'), 'utf8')).trim();
  const { output } = await runProgram(cluster.binaries.postgres, ['--version'], null);
  const installed = /(\d+)\./.exec(output)?.[1];
  if (made === installed) return;
  throw new CofreError(
    'embedded/failed',
    `The data in ${cluster.folder} was made by PostgreSQL ${made}; this version of Cofre brings ${installed ?? 'an unknown one'}. Nothing was changed.`,
    { hint: `Use the version of Cofre that brings PostgreSQL ${made}, or another COFRE_HOME.` },
  );
}

const ATTEMPTS = 12;
const PAUSE_MS = 500;

async function startServer(embedded: string, cluster: Cluster): Promise<Postmaster> {
  const data = dataFolder(cluster);
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(embedded);
    await removeStalePidFile(data);
    try {
      await startCluster(cluster, { ...SETTINGS, port });
      const started = await settledPostmaster(data);
      if (started !== null) return started;
      throw new CofreError(
        'embedded/failed',
        `PostgreSQL ended right after its start; its log is in ${cluster.folder}.`,
      );
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof CofreError) || !passes(error.message)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/**
 * What comes right by waiting. Sessions of a server that was killed live on until they notice, and hold its shared memory meanwhile; a
 * port that was free a moment ago can be taken; and a start begun by a process since killed goes on by itself.
 */
function passes(message: string): boolean {
  return /pre-existing shared memory block|could not bind|lock file .* already exists/.test(message);
}

/** The port of last time, if it can be had, so that what remembers the address goes on working. */
async function choosePort(embedded: string): Promise<number> {
  const file = path.join(embedded, 'port');
  const kept = Number(await readFile(file, 'utf8').catch(() => 'none'));
  if (Number.isInteger(kept) && (await isFree(kept))) return kept;
  const port = await freePort();
  await writeAtOnce(file, `${port}\n`);
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
