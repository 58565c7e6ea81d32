import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packagedBinaries } from '../../packages/postgres/src/embedded/binaries.ts';
import {
  BUILTIN_UTF8,
  type Cluster,
  createCluster,
  dataFolder,
  type Settings,
  startCluster,
  SUPERUSER,
} from '../../packages/postgres/src/embedded/cluster.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { runProgram } from '../../packages/postgres/src/embedded/run-program.ts';
import { serverUser } from '../../packages/postgres/src/embedded/server-user.ts';
import type { Certificate } from './certificates.ts';
import type { TestServer } from './test-servers.ts';
import { watchServers } from './watch-servers.ts';

export interface OwnServer extends AsyncDisposable {
  readonly server: TestServer;
  /** Like a machine that lost its power: nobody is asked, everything in flight is lost. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Keeps a copy of its files, as a snapshot of its disk is. It runs before and afterwards. */
  keepFiles(): Promise<void>;
  /** Puts that copy back: what was committed since is as if it had never been. */
  putFilesBack(): Promise<void>;
  /** A second server that follows this one. */
  startReplica(): Promise<Replica>;
}

export interface Replica {
  readonly server: TestServer;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** From here on it is a server of its own. */
  promote(): Promise<void>;
}

export interface OwnServerOptions {
  /** It speaks TLS, and nothing else; default: it does not. */
  readonly tls?: Certificate;
  /** Beside what every one of them has. */
  readonly settings?: Settings;
}

/** A server that a test may break, because nobody else uses it. PostgreSQL 18. */
export async function startOwnServer({ tls, settings = {} }: OwnServerOptions = {}): Promise<OwnServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cofre-own-server-'));
  const stopAndRemove = watchServers(folder);
  await chmod(folder, 0o755);
  const user = await serverUser();
  const cluster = { binaries: await packagedBinaries(), folder: path.join(folder, 'own'), user };
  await mkdir(cluster.folder, { mode: 0o700 });
  if (user !== null) await chown(cluster.folder, user.uid, user.gid);
  const password = 'own';
  await createCluster(cluster, {
    password,
    initdbArguments: [...BUILTIN_UTF8, '--no-sync'],
    access: [
      `${tls === undefined ? 'host' : 'hostssl'} all ${SUPERUSER} 127.0.0.1/32 scram-sha-256`,
      `local all ${SUPERUSER} scram-sha-256`,
      `host replication ${SUPERUSER} 127.0.0.1/32 scram-sha-256`,
    ],
  });
  const tlsSettings = tls === undefined ? {} : await keepCertificate(cluster, tls);
  const port = await freePort();
  const start = () =>
    startCluster(cluster, {
      ...settingsOf(cluster, port),
      // What was committed must be there after a crash.
      fsync: 'on',
      ...tlsSettings,
      ...settings,
    });
  const crash = () => control(cluster, ['stop', '--mode=immediate']);
  await start();
  const address = tls === undefined ? `127.0.0.1:${port}/postgres` : `localhost:${port}/postgres?sslmode=verify-full`;
  const kept = path.join(folder, 'kept');
  return {
    server: { name: '18', url: `postgres://${SUPERUSER}:${password}@${address}` },
    crash,
    start,
    async keepFiles() {
      await crash();
      await copyFolder(cluster.folder, kept);
      await start();
    },
    async putFilesBack() {
      await crash();
      await copyFolder(kept, cluster.folder);
      await start();
    },
    async startReplica() {
      const own = { ...cluster, folder: path.join(folder, 'replica') };
      await crash();
      await copyFolder(cluster.folder, own.folder);
      await start();
      const source = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${password}`;
      return replicaOf(own, { source, password });
    },
    [Symbol.asyncDispose]: stopAndRemove,
  };
}

function settingsOf({ folder }: Cluster, port: number): Settings {
  return {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    timezone: 'UTC',
  };
}

async function replicaOf(
  cluster: Cluster,
  { source, password }: { readonly source: string; readonly password: string },
): Promise<Replica> {
  const signal = path.join(dataFolder(cluster), 'standby.signal');
  await writeFile(signal, '');
  if (cluster.user !== null) await chown(signal, cluster.user.uid, cluster.user.gid);
  const port = await freePort();
  const start = () => startCluster(cluster, { ...settingsOf(cluster, port), fsync: 'off', primary_conninfo: source });
  await start();
  return {
    server: { name: '18', url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres` },
    stop: () => control(cluster, ['stop', '--mode=fast']),
    start,
    promote: () => control(cluster, ['promote']),
  };
}

async function control(cluster: Cluster, [command = '', ...options]: readonly string[]): Promise<void> {
  const args = [command, ...options, '--wait', `--pgdata=${dataFolder(cluster)}`];
  const { exitCode, output } = await runProgram(cluster.binaries.pgCtl, args, cluster.user);
  if (exitCode !== 0) throw new Error(output);
}

/** With owners and rights as they are, as a server asks for them. */
async function copyFolder(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await promisify(execFile)('cp', ['-a', from, to]);
}

async function keepCertificate({ folder, user }: Cluster, { cert, key }: Certificate): Promise<Settings> {
  const keep = async (name: string, text: string) => {
    const file = path.join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    if (user !== null) await chown(file, user.uid, user.gid);
    return file;
  };
  return { ssl: 'on', ssl_cert_file: await keep('server.crt', cert), ssl_key_file: await keep('server.key', key) };
}
