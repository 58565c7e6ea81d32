import { createHash } from 'node:crypto';
import { chown, cp, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import { binariesIn, type ServerBinaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import { runProgram } from './run-program.ts';
import { type ServerUser, serverUser } from './server-user.ts';

/** Where the server's user can go when it cannot go where root keeps its own, such as below /root. */
const SHARED_ROOT = '/var/lib/cofre';

/**
 * Finds or makes the folder of the cluster that belongs to a home. It lies in the home; for root it lies in
 * /var/lib/cofre where the server's user could not reach it otherwise. Where it lies is remembered in the home.
 */
export async function clusterFolder(embedded: string): Promise<{ folder: string; user: ServerUser | null }> {
  const remembered = await readFile(path.join(embedded, 'location'), 'utf8').catch(() => null);
  const inHome = path.join(embedded, 'cluster');
  if (remembered !== null) return { folder: remembered.trim(), user: await ownerOf(remembered.trim()) };
  const user = await serverUser();
  await makeFolderFor(user, inHome);
  let folder = inHome;
  if (user !== null && !(await canEnter(user, inHome))) {
    await rm(inHome, { recursive: true });
    const name = createHash('sha256')
      .update(await realpath(embedded))
      .digest('hex')
      .slice(0, 16);
    folder = path.join(SHARED_ROOT, name);
    await mkdir(SHARED_ROOT, { recursive: true, mode: 0o755 });
    await makeFolderFor(user, folder);
    if (!(await canEnter(user, folder))) {
      throw new CofreError('embedded/failed', `User ${user.uid} cannot use ${inHome}, nor ${folder}.`);
    }
  }
  await writeAtOnce(path.join(embedded, 'location'), `${await realpath(folder)}\n`);
  return { folder: await realpath(folder), user };
}

/** As root, the server of a home that somebody else made goes on running as that person. */
async function ownerOf(folder: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(folder).catch((cause: unknown) => {
    throw new CofreError('embedded/failed', `The data of the embedded PostgreSQL is not in ${folder} any more.`, {
      cause,
      hint: 'Bring the folder back; or, if its data is not needed, delete the folder `embedded` in COFRE_HOME.',
    });
  });
  return owner.uid === 0 ? serverUser() : { uid: owner.uid, gid: owner.gid };
}

/** Binaries that the server's user can run: the installed ones, or a copy where those lie out of its reach. */
export async function runnableBinaries(cluster: Cluster): Promise<ServerBinaries> {
  const { binaries, user } = cluster;
  if (user === null || (await canRun(user, binaries))) return binaries;
  const release = await runProgram(binaries.postgres, ['--version'], null);
  const copy = path.join(SHARED_ROOT, `postgresql-${fileNameOf(release.output)}`);
  const copied = binariesIn(copy);
  if (!(await canRun(user, copied))) {
    const unfinished = `${copy}.${process.pid}`;
    await mkdir(SHARED_ROOT, { recursive: true, mode: 0o755 });
    await cp(await realpath(binaries.root), unfinished, { recursive: true, verbatimSymlinks: true });
    await rm(copy, { recursive: true, force: true });
    await rename(unfinished, copy);
  }
  if (await canRun(user, copied)) return copied;
  throw new CofreError('embedded/failed', `User ${user.uid} cannot run ${binaries.postgres}, nor its copy in ${copy}.`);
}

function fileNameOf(version: string): string {
  return version.trim().replaceAll(/[^A-Za-z0-9.-]+/g, '-');
}

async function canRun(user: ServerUser, binaries: ServerBinaries): Promise<boolean> {
  const answered = await runProgram(binaries.postgres, ['--version'], user).catch(() => null); // EACCES on the way there.
  return answered?.exitCode === 0;
}

async function canEnter(user: ServerUser, folder: string): Promise<boolean> {
  const script = 'cd "$1" && : > entered && rm entered';
  return (await runProgram('/bin/sh', ['-c', script, 'sh', folder], user)).exitCode === 0;
}

async function makeFolderFor(user: ServerUser | null, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user !== null) await chown(folder, user.uid, user.gid);
}

/** Readers, and the next start after a crash, find the whole content or none. */
export async function writeAtOnce(file: string, content: string, mode = 0o644): Promise<void> {
  const unfinished = `${file}.${process.pid}.new`;
  await writeFile(unfinished, content, { mode });
  await rename(unfinished, file);
}
