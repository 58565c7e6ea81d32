import { readFile, readlink, realpath, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answersToKill } from './process-identity.ts';
import { systemCode } from './system-code.ts';

/** What `postmaster.pid` says, its process alive. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly state: 'starting' | 'ready' | 'stopping';
}

/** null: no server runs on this data directory. What a killed server left is not taken for one. */
export async function runningPostmaster(data: string): Promise<Postmaster | null> {
  const lines = await readPidFile(data);
  const pid = pidIn(lines);
  if (pid === null || !(await runsOn(pid, data))) return null;
  const state = lines[7]?.trim();
  return {
    pid,
    port: Number(lines[3]),
    state: state === 'ready' || state === 'stopping' ? state : 'starting',
  };
}

async function readPidFile(data: string): Promise<string[]> {
  const content = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => ''); // Most often there is none.
  return content.split('\n');
}

function pidIn(lines: readonly string[]): number | null {
  const pid = Number(lines[0]);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/** After a reboot the number in the file may be any process's. A postmaster stands in its data directory. */
async function runsOn(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') return answersToKill(pid);
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(data));
  } catch (error) {
    // Not there, or a zombie. Where we may not look, it is safer to believe the file.
    return systemCode(error) === 'EACCES' && answersToKill(pid);
  }
}

/**
 * Takes away what a killed server left, where PostgreSQL would not: it takes over a file whose number nobody has, but
 * refuses to start when somebody has it, even an unrelated process or a zombie. Call it only under the lock.
 */
export async function removeStalePidFile(data: string): Promise<void> {
  const pid = pidIn(await readPidFile(data));
  if (pid === null || !answersToKill(pid) || (await runsOn(pid, data))) return;
  await unlink(path.join(data, 'postmaster.pid'));
}

const POLL_MS = 50;
/** A start after a crash replays the log first; a stop writes a checkpoint. */
const SETTLE_MS = 120_000;

/** Waits while the server starts or stops: what comes back is ready, or null. */
export async function settledPostmaster(data: string): Promise<Postmaster | null> {
  for (let waitedMs = 0; waitedMs < SETTLE_MS; waitedMs += POLL_MS) {
    const postmaster = await runningPostmaster(data);
    if (postmaster === null || postmaster.state === 'ready') return postmaster;
    await sleep(POLL_MS);
  }
  return runningPostmaster(data);
}
