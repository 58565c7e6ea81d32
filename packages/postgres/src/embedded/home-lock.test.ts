import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withHomeLock } from './home-lock.ts';
import { formatIdentity, isAlive, ownIdentity, parseIdentity } from './process-identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cofre-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A number that no process has: that of one that has just ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

describe('the lock of a home', () => {
  it('lets one at a time work, after one that died with it too', async () => {
    await writeFile(path.join(folder, 'lock.41'), `${deadPid()}.1`);
    const counter = path.join(folder, 'counter');
    await writeFile(counter, '0');
    const contenders = Array.from({ length: 12 }, (_, index) =>
      withHomeLock(folder, `contender${index}`, async () => {
        const seen = Number(await readFile(counter, 'utf8'));
        for (let pause = 0; pause < 5; pause++) await turn();
        await writeFile(counter, String(seen + 1));
      }),
    );
    await Promise.all(contenders);
    expect(await readFile(counter, 'utf8')).toBe('12');
    expect((await readdir(folder)).sort()).toEqual(['counter', 'lock.53']);
  });

  it('is let go when the work fails', async () => {
    const failed = withHomeLock(folder, 'a', () => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect(await withHomeLock(folder, 'b', async () => 'worked')).toBe('worked');
  });
});

describe('the identity of a process', () => {
  it('is read back as it was written', async () => {
    const own = await ownIdentity();
    expect(parseIdentity(`${formatIdentity(own)}.0a1b`)).toEqual(own);
    expect(parseIdentity(`${formatIdentity(own)}\n`)).toEqual(own);
    expect(parseIdentity('released')).toBeNull();
  });

  it('tells the living from the dead, and from another that has the same number by now', async () => {
    const own = await ownIdentity();
    expect(await isAlive(own)).toBe(true);
    expect(await isAlive({ ...own, started: '0' })).toBe(true);
    expect(await isAlive({ pid: deadPid(), started: '0' })).toBe(false);
    if (process.platform === 'linux') expect(await isAlive({ ...own, started: '1' })).toBe(false);
  });
});
