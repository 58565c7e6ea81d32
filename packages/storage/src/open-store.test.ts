import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStore } from './file-store.ts';
import { MemoryStore } from './memory-store.ts';
import { openStore } from './open-store.ts';
import { S3Store } from './s3-store.ts';

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

  it('opens a bucket by its address, and says where it is without the parameters', () => {
    const store = openStore('s3://bucket/a/prefix?region=eu-west-1&endpoint=http://127.0.0.1:1');
    expect(store).toBeInstanceOf(S3Store);
    expect(store.url).toBe('s3://bucket/a/prefix');
    expect(openStore('s3://bucket').url).toBe('s3://bucket');
  });

  it('loads the SDK with the first request to a bucket, and never for a folder', () => {
    const loaded = (address: string) => {
      const script = `
        import { registerHooks } from 'node:module';
        const found = new Set();
        registerHooks({ resolve: (name, context, next) => (name.startsWith('@aws-sdk/') && found.add(name), next(name, context)) });
        const { openStore } = await import(${JSON.stringify(new URL('./open-store.ts', import.meta.url).href)});
        const store = openStore(${JSON.stringify(address)});
        const before = found.size;
        await store.stat('a').catch(() => undefined);
        process.stdout.write(JSON.stringify([before, found.has('@aws-sdk/client-s3')]));`;
      const env = { ...process.env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
      return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env }).toString());
    };
    expect(loaded('file:///no/such/folder')).toEqual([0, false]);
    expect(loaded('s3://bucket/prefix?endpoint=http://127.0.0.1:1&forcePathStyle=true')).toEqual([0, true]);
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
    's3://user:secret@bucket/backups',
    's3://bucket/backups?password=secret',
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
