import { appendFile, chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
const UNFINISHED = 'making-';
const SETTINGS_FILE = 'cofre.conf';
const LOG_LINES_SHOWN = 12;

export function dataFolder(cluster: Cluster): string {
  return path.join(cluster.folder, 'data');
}

function logFile(cluster: Cluster): string {
  return path.join(cluster.folder, 'server.log');
}

export interface CreateOptions {
  readonly password: string;
  /** For what differs by version, above all encoding and locale. */
  readonly initdbArguments: readonly string[];
  /** Lines of pg_hba.conf. */
  readonly access: readonly string[];
}

/** UTF-8 sorted by code point, the same on every machine, whatever locales are installed. Needs PostgreSQL 17. */
export const BUILTIN_UTF8 = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];

/**
 * Makes the data directory, in a folder of its own until it is whole: what a killed process leaves is never used, nor
 * is the folder in which an initdb that outlived it may still be writing.
 */
export async function createCluster(cluster: Cluster, options: CreateOptions): Promise<void> {
  await removeUnfinished(cluster);
  const making = await mkdtemp(path.join(cluster.folder, UNFINISHED));
  const unfinished = path.join(making, 'data');
  const passwordFile = path.join(making, 'password');
  try {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    await giveTo(cluster.user, passwordFile);
    await giveTo(cluster.user, making);
    const result = await runProgram(
      cluster.binaries.initdb,
      [
        `--pgdata=${unfinished}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        ...options.initdbArguments,
      ],
      cluster.user,
    );
    if (result.exitCode !== 0) {
      throw new CofreError(
        'embedded/failed',
        `initdb could not make ${dataFolder(cluster)}, and nothing was left there:\n${lastLines(result.output)}`,
      );
    }
    await writeFile(path.join(unfinished, 'pg_hba.conf'), `${options.access.join('\n')}\n`);
    await appendFile(path.join(unfinished, 'postgresql.conf'), `\ninclude_if_exists '${SETTINGS_FILE}'\n`);
    await rename(unfinished, dataFolder(cluster));
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function removeUnfinished(cluster: Cluster): Promise<void> {
  for (const name of await readdir(cluster.folder)) {
    if (!name.startsWith(UNFINISHED)) continue;
    // Its initdb may be writing at this moment; then what is left of it goes next time.
    await rm(path.join(cluster.folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

export type Settings = Readonly<Record<string, string | number>>;

/** Starts the server and waits until it accepts connections. It is detached: it outlives us and our terminal. */
export async function startCluster(cluster: Cluster, settings: Settings): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  const settingsFile = path.join(dataFolder(cluster), SETTINGS_FILE);
  await writeFile(settingsFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  await giveTo(cluster.user, settingsFile);
  // One log for each start, and the one before it: a log that only grows would fill the disk some day.
  await rename(logFile(cluster), `${logFile(cluster)}.old`).catch(() => undefined);
  const data = dataFolder(cluster);
  const args = ['start', '--wait', '--timeout=120', '--silent', `--pgdata=${data}`, `--log=${logFile(cluster)}`];
  const result = await runProgram(cluster.binaries.pgCtl, args, cluster.user);
  if (result.exitCode === 0) return;
  const log = await readFile(logFile(cluster), 'utf8').catch(() => '');
  throw new CofreError(
    'embedded/failed',
    `PostgreSQL did not start. ${lastLines(result.output)}\nThe end of its log ${logFile(cluster)}:\n${lastLines(log)}`,
    { params: { log: logFile(cluster) } },
  );
}

async function giveTo(user: ServerUser | null, file: string): Promise<void> {
  if (user !== null) await chown(file, user.uid, user.gid);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
}
