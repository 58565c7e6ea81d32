import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import nodePath from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeStore, paths, pattern, sameBytes } from './conformance.ts';
import { fileError } from './file-errors.ts';
import { FileStore } from './file-store.ts';

const calls = vi.hoisted(() => ({ made: [] as string[] }));

/** The real functions; those whose order is a promise are written down as they are called. */
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const base = (file: unknown) => nodePath.basename(String(file)).replace(/~.*/, '~');
  return {
    ...real,
    async open(file: string, flags?: string | number, mode?: number) {
      const handle = await real.open(file, flags, mode);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        calls.made.push(`sync ${base(file)}`);
        await sync();
      };
      return handle;
    },
    async rename(from: string, to: string) {
      calls.made.push(`rename ${base(from)} ${base(to)}`);
      await real.rename(from, to);
    },
    async link(from: string, to: string) {
      calls.made.push(`link ${base(from)} ${base(to)}`);
      await real.link(from, to);
    },
  };
});

const temporaryFolder = () => fs.mkdtemp(nodePath.join(tmpdir(), 'cofre-store-'));
const remove = (folder: string) => fs.rm(folder, { recursive: true, force: true });

for (const [name, options] of [
  ['FileStore', {}],
  ['FileStore without hard links', { hardLinks: false }],
] as const) {
  describeStore(name, async () => {
    const folder = await temporaryFolder();
    const root = nodePath.join(folder, 'new', 'repository');
    const open = () => new FileStore(root, options);
    return { store: open(), other: open(), close: () => remove(folder) };
  });
}

describe('FileStore', () => {
  let folder: string;
  let store: FileStore;
  beforeEach(async () => {
    folder = await temporaryFolder();
    store = new FileStore(folder);
  });
  afterEach(() => remove(folder));

  it('says where it is as an address', () => {
    expect(new FileStore('/srv/my backups').url).toBe('file:///srv/my%20backups');
  });

  it('syncs the bytes before the name, and the folders that it makes', async () => {
    calls.made.length = 0;
    await store.put('packs/0a/x', pattern(9));
    const root = nodePath.basename(folder);
    expect(calls.made).toEqual(['sync packs', `sync ${root}`, 'sync x~', 'rename x~ x', 'sync 0a']);
    calls.made.length = 0;
    await store.put('packs/0a/y', pattern(9), { ifAbsent: true });
    expect(calls.made).toEqual(['sync y~', 'link y~ y', 'sync 0a']);
  });

  it('lets nobody but the owner read what it stores', async () => {
    await store.put('packs/x', pattern(9));
    expect((await fs.stat(nodePath.join(folder, 'packs'))).mode & 0o777).toBe(0o700);
    expect((await fs.stat(nodePath.join(folder, 'packs/x'))).mode & 0o777).toBe(0o600);
  });

  it('does not show what a crashed writer left, and removes it when it is a day old', async () => {
    await fs.mkdir(nodePath.join(folder, 'packs'));
    const leftover = async (name: string, ageMs: number) => {
      const file = nodePath.join(folder, 'packs', name);
      await fs.writeFile(file, 'half');
      const time = new Date(Date.now() - ageMs);
      await fs.utimes(file, time, time);
    };
    const hour = 3_600_000;
    await leftover('x~0011223344556677', 25 * hour);
    await leftover('y~0011223344556677', 23 * hour);
    await leftover('y~claim', 25 * hour);
    await leftover('old-object', 1000 * hour);
    expect(await paths(store, '')).toEqual(['packs/old-object']);
    await store.put('packs/z', pattern(1));
    expect((await fs.readdir(nodePath.join(folder, 'packs'))).sort()).toEqual([
      'old-object',
      'y~0011223344556677',
      'z',
    ]);
  });

  it('leaves nothing behind in the folder after puts of every kind', async () => {
    const claiming = new FileStore(folder, { hardLinks: false });
    await store.put('a', pattern(1));
    await store.put('a', pattern(1), { ifAbsent: true });
    await store.put('b', pattern(1), { ifAbsent: true });
    await claiming.put('b', pattern(1), { ifAbsent: true });
    await claiming.put('c', pattern(1), { ifAbsent: true });
    await expect(store.put('a/below', pattern(1))).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect((await fs.readdir(folder)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('asks to come again where another writer without hard links is at it', async () => {
    const claiming = new FileStore(folder, { hardLinks: false });
    await fs.writeFile(nodePath.join(folder, 'a~claim'), '');
    await expect(claiming.put('a', pattern(1), { ifAbsent: true })).rejects.toMatchObject({
      code: 'storage/unavailable',
      retryable: true,
    });
    expect((await fs.readdir(folder)).sort()).toEqual(['a~claim']);
  });

  it('finds objects behind a link that an administrator made', async () => {
    const disk = await temporaryFolder();
    onTestFinished(() => remove(disk));
    await fs.symlink(disk, nodePath.join(folder, 'packs'));
    await store.put('packs/x', pattern(3));
    expect(await fs.readdir(disk)).toEqual(['x']);
    expect(await paths(store, 'packs/')).toEqual(['packs/x']);
  });

  it('shows only whole objects after its process was killed at any moment (I3)', async () => {
    for (const puts of [5, 12, 19]) {
      const writer = startWriter(folder);
      // It prints a dot after each put and goes on, so the kill meets it in the middle of one that follows.
      for (let done = 0; done < puts; ) done += String(writer.stdout.read() ?? '').length || (await readable(writer));
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    }
    const found = await paths(store, '');
    expect(found.length).toBeGreaterThanOrEqual(19);
    for (const path of found) {
      expect(sameBytes(await store.get(path), pattern(300_000, path.length))).toBe(true);
    }
  });
});

/** Another process that puts objects as fast as it can. */
function startWriter(folder: string) {
  const source = (name: string) => JSON.stringify(pathToFileURL(nodePath.join(import.meta.dirname, name)).href);
  const script = `
    import { FileStore } from ${source('file-store.ts')};
    const store = new FileStore(${JSON.stringify(folder)});
    const pattern = (length, seed) =>
      Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed * 97) & 0xff);
    for (let round = 0; ; round++) {
      const path = 'packs/' + 'x'.repeat(1 + (round % 40));
      await store.put(path, pattern(300_000, path.length), { ifAbsent: round % 3 === 0 });
      process.stdout.write('.');
    }`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function readable(writer: { readonly stdout: Readable }): Promise<0> {
  await once(writer.stdout, 'readable');
  return 0;
}

describe('what the file system refuses', () => {
  it.each([
    ['ENOSPC', 'storage/full'],
    ['EDQUOT', 'storage/full'],
    ['EACCES', 'storage/not-permitted'],
    ['EPERM', 'storage/not-permitted'],
    ['EROFS', 'storage/not-permitted'],
    ['EIO', 'storage/unavailable'],
    ['ESTALE', 'storage/unavailable'],
    ['EMFILE', 'storage/unavailable'],
  ])('%s is %s, with the cause', (code, expected) => {
    const cause = Object.assign(new Error(`${code}: it said`), { code, syscall: 'write' });
    const error = fileError(cause, 'x could not be written');
    expect(error).toMatchObject({ code: expected, cause, message: `x could not be written: ${code}: it said` });
  });

  it('is not confused with a mistake of ours', () => {
    const mistake = new TypeError('not a function');
    expect(fileError(mistake, 'x could not be written')).toBe(mistake);
  });

  it('is told by a disk that is full and by one that is read-only (skipped where we may not mount)', async (context) => {
    const disk = await temporaryFolder();
    if (!mount(disk, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs'])) context.skip('mounting needs root');
    onTestFinished(async () => {
      execFileSync('umount', [disk]);
      await remove(disk);
    });
    const store = new FileStore(disk);
    await store.put('small', pattern(1_000));
    await expect(store.put('large', pattern(1_000_000))).rejects.toMatchObject({ code: 'storage/full' });
    expect(await fs.readdir(disk)).toEqual(['small']);
    mount(disk, ['-o', 'remount,ro']);
    await expect(store.put('other', pattern(1))).rejects.toMatchObject({ code: 'storage/not-permitted' });
    await expect(store.delete('small')).rejects.toMatchObject({ code: 'storage/not-permitted' });
    expect(sameBytes(await store.get('small'), pattern(1_000))).toBe(true);
  });
});

function mount(folder: string, args: readonly string[]): boolean {
  try {
    execFileSync('mount', [...args, folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
