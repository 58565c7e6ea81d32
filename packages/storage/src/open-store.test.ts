import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStore } from './file-store.ts';
import { MemoryStore } from './memory-store.ts';
import { openStore } from './open-store.ts';

describe('openStore', () => {
  it('opens a folder by its address, and makes nothing before the first put', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-open-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const url = pathToFileURL(path.join(folder, 'my backups')).href;
    const store = openStore(url);
    expect(store).toBeInstanceOf(FileStore);
    expect(store.url).toBe(url);
    expect(await readdir(folder)).toEqual([]);
    await store.put('a', new Uint8Array(1));
    expect(await readdir(path.join(folder, 'my backups'))).toEqual(['a']);
  });

  it('opens a store in memory', () => {
    expect(openStore('memory:')).toBeInstanceOf(MemoryStore);
  });

  it('says that S3 comes later', () => {
    expect(() => openStore('s3://bucket/prefix?region=eu-west-1')).toThrow(
      expect.objectContaining({ code: 'usage/not-available-yet' }),
    );
  });

  it.each([
    '',
    '/srv/backups',
    'backups',
    'file://backups/x',
    'file:///',
    'file:///srv?x=1',
    'file:///srv/a%2Fb',
    'memory:x',
    'https://user:secret@example.com/backups',
  ])('refuses %j and repeats no credentials', (url) => {
    try {
      openStore(url);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'usage/invalid' });
      expect(String(error)).not.toContain('secret');
    }
  });
});
