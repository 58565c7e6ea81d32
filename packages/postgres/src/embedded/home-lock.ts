import { link, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import { formatIdentity, isAlive, ownIdentity, parseIdentity } from './process-identity.ts';
import { systemCode } from './system-code.ts';

const POLL_MS = 50;
/** initdb on a slow disk takes half a minute; a start after a crash may replay for another. */
const WAIT_MS = 180_000;
const RELEASED = 'released';

/**
 * Does the work while no other process does work under the same folder. A process that dies while it holds the lock
 * loses it at once.
 *
 * Node has no flock(2), and "delete the dead one's file, then make mine" lets two that delete at once both win. So
 * lock files are numbered: whoever made the highest number holds the lock, the next number may be made (by link(2), so
 * by one process only) when its holder has released it or is dead, and the highest file is never deleted.
 */
export async function withHomeLock<T>(folder: string, token: string, work: () => Promise<T>): Promise<T> {
  const mine = path.join(folder, `taking.${token}`);
  await writeFile(mine, formatIdentity(await ownIdentity()));
  try {
    const held = await acquire(folder, mine);
    try {
      return await work();
    } finally {
      await writeFile(held, RELEASED);
    }
  } finally {
    await unlink(mine);
  }
}

async function acquire(folder: string, mine: string): Promise<string> {
  for (let waitedMs = 0; ; ) {
    const highest = Math.max(0, ...(await lockNumbers(folder)));
    const holder = await holderOf(lockFile(folder, highest));
    if (holder === null || !(await isAlive(holder))) {
      const taken = await take(folder, mine, highest + 1);
      if (taken !== null) return taken;
      continue;
    }
    if (waitedMs >= WAIT_MS) {
      throw new CofreError(
        'embedded/failed',
        `Process ${holder.pid} has been starting the embedded PostgreSQL for ${WAIT_MS / 1000} s. Nothing was changed.`,
        { hint: `Wait for process ${holder.pid} to finish, or end it, and call again.` },
      );
    }
    await sleep(POLL_MS);
    waitedMs += POLL_MS;
  }
}

async function take(folder: string, mine: string, number: number): Promise<string | null> {
  const file = lockFile(folder, number);
  try {
    await link(mine, file);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return null;
    throw error;
  }
  const numbers = await lockNumbers(folder);
  // We looked so long ago that others had the lock since; this number is history.
  const outdated = numbers.some((other) => other > number);
  for (const other of numbers) {
    if (other < number || (outdated && other === number)) await unlink(lockFile(folder, other)).catch(() => undefined);
  }
  return outdated ? null : file;
}

async function lockNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const match = /^lock\.(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

async function holderOf(file: string) {
  const content = await readFile(file, 'utf8').catch(() => RELEASED); // Nobody has held it yet, or it was cleaned away.
  return parseIdentity(content);
}

function lockFile(folder: string, number: number): string {
  return path.join(folder, `lock.${number}`);
}
