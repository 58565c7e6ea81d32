import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
    ],
  });
  const tlsSettings = tls === undefined ? {} : await keepCertificate(cluster, tls);
  const port = await freePort();
  const start = () =>
    startCluster(cluster, {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: cluster.folder,
      // What was committed must be there after a crash.
      fsync: 'on',
      timezone: 'UTC',
      ...tlsSettings,
      ...settings,
    });
  await start();
  const address = tls === undefined ? `127.0.0.1:${port}/postgres` : `localhost:${port}/postgres?sslmode=verify-full`;
  return {
    server: { name: '18', url: `postgres://${SUPERUSER}:${password}@${address}` },
    async crash() {
      const args = ['stop', '--mode=immediate', '--wait', `--pgdata=${dataFolder(cluster)}`];
      const { exitCode, output } = await runProgram(cluster.binaries.pgCtl, args, user);
      if (exitCode !== 0) throw new Error(output);
    },
    start,
    [Symbol.asyncDispose]: stopAndRemove,
  };
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
