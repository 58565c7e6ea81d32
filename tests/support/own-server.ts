import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packagedBinaries } from '../../packages/postgres/src/embedded/binaries.ts';
import {
  BUILTIN_UTF8,
  createCluster,
  dataFolder,
  startCluster,
  SUPERUSER,
} from '../../packages/postgres/src/embedded/cluster.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { runProgram } from '../../packages/postgres/src/embedded/run-program.ts';
import { serverUser } from '../../packages/postgres/src/embedded/server-user.ts';
import type { TestServer } from './test-servers.ts';
import { watchServers } from './watch-servers.ts';

export interface OwnServer extends AsyncDisposable {
  readonly server: TestServer;
  /** Like a machine that lost its power: nobody is asked, everything in flight is lost. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

/** A server that a test may break, because nobody else uses it. PostgreSQL 18. */
export async function startOwnServer(): Promise<OwnServer> {
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
    access: [`host all ${SUPERUSER} 127.0.0.1/32 scram-sha-256`, `local all ${SUPERUSER} scram-sha-256`],
  });
  const port = await freePort();
  const start = () =>
    startCluster(cluster, {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: cluster.folder,
      // What was committed must be there after a crash.
      fsync: 'on',
      timezone: 'UTC',
    });
  await start();
  return {
    server: { name: '18', url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres` },
    async crash() {
      const args = ['stop', '--mode=immediate', '--wait', `--pgdata=${dataFolder(cluster)}`];
      const { exitCode, output } = await runProgram(cluster.binaries.pgCtl, args, user);
      if (exitCode !== 0) throw new Error(output);
    },
    start,
    [Symbol.asyncDispose]: stopAndRemove,
  };
}
