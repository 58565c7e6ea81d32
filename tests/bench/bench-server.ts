import { existsSync } from 'node:fs';
import { chmod, chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { binariesIn } from '../../packages/postgres/src/embedded/binaries.ts';
import { createCluster, startCluster, SUPERUSER } from '../../packages/postgres/src/embedded/cluster.ts';
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts';
import { serverUser } from '../../packages/postgres/src/embedded/server-user.ts';
import { type Environment, shell } from './measure.ts';

export const POSTGRES_HOME = '/usr/lib/postgresql/15';
const DATABASE = 'bench';

export interface BenchServer {
  readonly url: string;
  /** For psql, pg_dump and what they are piped into. */
  readonly environment: Environment;
  createDatabase(): Promise<void>;
}

export const isInstalled = (): boolean => existsSync(path.join(POSTGRES_HOME, 'bin', 'postgres'));

/** Debian's PostgreSQL 15, durable and with memory as a small production server has it. `watchServers` stops it. */
export async function startBenchServer(scratch: string): Promise<BenchServer> {
  const binaries = binariesIn(POSTGRES_HOME);
  const user = await serverUser();
  const cluster = { binaries, folder: path.join(scratch, 'postgres'), user };
  await chmod(scratch, 0o755);
  await mkdir(cluster.folder, { mode: 0o700 });
  if (user !== null) await chown(cluster.folder, user.uid, user.gid);
  await createCluster(cluster, {
    password: 'bench',
    initdbArguments: ['--encoding=UTF8', '--locale=C.UTF-8'],
    access: [`host all ${SUPERUSER} 127.0.0.1/32 trust`, `local all ${SUPERUSER} trust`],
  });
  const port = await freePort();
  await startCluster(cluster, {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: cluster.folder,
    shared_buffers: '1GB',
    effective_cache_size: '4GB',
    maintenance_work_mem: '256MB',
    max_wal_size: '8GB',
    checkpoint_timeout: '30min',
    timezone: 'UTC',
  });
  const environment = {
    PATH: `${POSTGRES_HOME}/bin:/usr/local/bin:/usr/bin:/bin`,
    HOME: scratch,
    LC_ALL: 'C.UTF-8',
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: SUPERUSER,
    PGDATABASE: 'postgres',
  };
  return {
    url: `postgres://${SUPERUSER}@127.0.0.1:${port}/${DATABASE}`,
    environment: { ...environment, PGDATABASE: DATABASE },
    createDatabase: async () => {
      await shell(`createdb ${DATABASE}`, environment);
    },
  };
}
