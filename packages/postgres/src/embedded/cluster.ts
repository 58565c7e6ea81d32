import { appendFile, chmod, chown, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import type { ServerBinaries } from './binaries.ts';
import { runProgram } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

/** One data directory and what runs it. `folder` belongs to the server's user and holds `data`, the log and our settings. */
export interface Cluster {
  readonly binaries: ServerBinaries;
  readonly folder: string;
  readonly user: ServerUser | null;
}

export const SUPERUSER = 'postgres';
const SETTINGS_FILE = 'cofre.conf';
const LOG_LINES_SHOWN = 12;

export function dataFolder(cluster: Cluster): string {
  return path.join(cluster.folder, 'data');
}

export function logFile(cluster: Cluster): string {
  return path.join(cluster.folder, 'server.log');
}

export interface CreateOptions {
  readonly password: string;
  /** initdb's arguments for encoding and locale; they differ by version. */
  readonly locale: readonly string[];
  /** Lines of pg_hba.conf. */
  readonly access: readonly string[];
}

/** UTF-8 sorted by code point, the same on every machine, whatever locales are installed. Needs PostgreSQL 17. */
export const BUILTIN_UTF8 = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];

/** Makes the data directory. A failure leaves none behind, so that the next call starts clean. */
export async function createCluster(cluster: Cluster, options: CreateOptions): Promise<void> {
  const passwordFile = path.join(cluster.folder, 'initdb-password');
  const data = dataFolder(cluster);
  try {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    await giveTo(cluster.user, passwordFile);
    const result = await runProgram(
      cluster.binaries.initdb,
      [
        `--pgdata=${data}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        ...options.locale,
      ],
      cluster.user,
    );
    if (result.exitCode !== 0) {
      await rm(data, { recursive: true, force: true });
      throw new CofreError('embedded/failed', `initdb could not make ${data}:\n${lastLines(result.output)}`);
    }
    await writeFile(path.join(data, 'pg_hba.conf'), `${options.access.join('\n')}\n`);
    await appendFile(path.join(data, 'postgresql.conf'), `\ninclude_if_exists '${SETTINGS_FILE}'\n`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

export type Settings = Readonly<Record<string, string | number>>;

/** Starts the server and waits until it accepts connections. It is detached: it outlives us and our terminal. */
export async function startCluster(cluster: Cluster, settings: Settings): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  const settingsFile = path.join(dataFolder(cluster), SETTINGS_FILE);
  await writeFile(settingsFile, `${lines.join('\n')}\n`);
  await giveTo(cluster.user, settingsFile);
  const data = dataFolder(cluster);
  const args = ['start', '--wait', '--timeout=60', '--silent', `--pgdata=${data}`, `--log=${logFile(cluster)}`];
  const result = await runProgram(cluster.binaries.pgCtl, args, cluster.user);
  if (result.exitCode === 0) return;
  const log = await readFile(logFile(cluster), 'utf8').catch(() => '');
  throw new CofreError(
    'embedded/failed',
    `PostgreSQL did not start. ${lastLines(result.output)}\nThe end of its log ${logFile(cluster)}:\n${lastLines(log)}`,
    { params: { log: logFile(cluster) } },
  );
}

/** `fast` ends sessions and writes a checkpoint; `immediate` is a crash that the next start recovers from. */
export async function stopCluster(cluster: Cluster, mode: 'fast' | 'immediate'): Promise<void> {
  const args = ['stop', '--wait', '--timeout=60', '--silent', `--mode=${mode}`, `--pgdata=${dataFolder(cluster)}`];
  await runProgram(cluster.binaries.pgCtl, args, cluster.user);
}

async function giveTo(user: ServerUser | null, file: string): Promise<void> {
  if (user === null) return;
  await chmod(file, 0o600);
  await chown(file, user.uid, user.gid);
}

export function lastLines(text: string): string {
  return text.trim().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
}
