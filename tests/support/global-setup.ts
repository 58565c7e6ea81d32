import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { binariesIn, packagedBinaries, type ServerBinaries } from '../../packages/postgres/src/embedded/binaries.ts';
import { BUILTIN_UTF8, createCluster, SUPERUSER, startCluster } from '../../packages/postgres/src/embedded/cluster.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { serverUser } from '../../packages/postgres/src/embedded/server-user.ts';
import { RUN_FOLDER_VARIABLE, type TestServer, TEST_SERVERS_VARIABLE } from './test-servers.ts';
import { watchServers } from './watch-servers.ts';

const DEBIAN_15 = '/usr/lib/postgresql/15';

/** Starts this run's servers in a temp folder of its own; several runs at once do not meet. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cofre-test-'));
  const teardown = watchServers(folder);
  try {
    // The server's user must be able to walk through.
    await chmod(folder, 0o755);
    const starts = [startServer(folder, '18', { binaries: await packagedBinaries(), initdbArguments: BUILTIN_UTF8 })];
    if (existsSync(path.join(DEBIAN_15, 'bin', 'postgres'))) {
      const initdbArguments = ['--encoding=UTF8', '--locale=C.UTF-8'];
      starts.push(startServer(folder, '15', { binaries: binariesIn(DEBIAN_15), initdbArguments }));
    } else {
      console.warn(`PostgreSQL 15 is not in ${DEBIAN_15}: what is tested on 15 too is tested on 18 only.`);
    }
    process.env[RUN_FOLDER_VARIABLE] = folder;
    process.env[TEST_SERVERS_VARIABLE] = JSON.stringify(await Promise.all(starts));
    // No test may touch the state of the person who runs it.
    process.env['COFRE_HOME'] = path.join(folder, 'home');
    delete process.env['DATABASE_URL'];
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

interface Installation {
  readonly binaries: ServerBinaries;
  readonly initdbArguments: readonly string[];
}

async function startServer(folder: string, name: TestServer['name'], installation: Installation): Promise<TestServer> {
  const user = await serverUser();
  const cluster = { binaries: installation.binaries, folder: path.join(folder, name), user };
  await mkdir(cluster.folder, { mode: 0o700 });
  if (user !== null) await chown(cluster.folder, user.uid, user.gid);
  const password = randomBytes(12).toString('hex');
  await createCluster(cluster, {
    password,
    initdbArguments: [...installation.initdbArguments, '--no-sync'],
    // The superuser could run programs as this user, so it needs the password; roles that tests make need none.
    access: [
      `host all ${SUPERUSER} 127.0.0.1/32 scram-sha-256`,
      `local all ${SUPERUSER} scram-sha-256`,
      'host all all 127.0.0.1/32 trust',
    ],
  });
  const port = await freePort();
  await startCluster(cluster, {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: cluster.folder,
    max_connections: 200,
    max_prepared_transactions: 10,
    // Speed instead of durability: the data lives for one run.
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    // Every plan must hold with parallel workers too, but two cores are shared by many test files.
    max_parallel_workers_per_gather: 0,
    timezone: 'UTC',
    log_timezone: 'UTC',
  });
  return { name, url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres` };
}
