import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { backupExportDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { emptyShell, shopShell } from '../../../tests/support/cofre-shell.ts';

describe('backup export', () => {
  it('prints SQL, writes folders that only their owner reads, and overwrites nothing', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one');
    const sql = await shell.ok('backup export latest --format sql --table item');
    expect(sql).toMatch(/^-- Made by Cofre\.\n[^]*COPY "public"\."item"[^]*\n\\\.\n[^]*\nCOMMIT;\n$/);
    const folder = path.join(shell.home, 'out', 'csv');
    const words = await shell.ok(`backup export latest --format csv --output ${folder}`);
    expect(words).toContain('Not complete: left out public.store.api_key. --with-secrets writes them, too.');
    expect(await readdir(folder)).toContain('export.json');
    expect(await readFile(path.join(folder, 'public.store.csv'), 'utf8')).not.toContain('key-of-one');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(path.join(folder, 'public.item.csv'))).mode & 0o777).toBe(0o600);
    expect((await shell.fails(`backup export latest --format jsonl --output ${folder}`, 2)).code).toBe('usage/invalid');
    const document = backupExportDocument.extend({ output: z.string() });
    const all = `backup export latest --format jsonl --with-secrets --output ${shell.home}/all`;
    expect(await shell.json(document, all)).toMatchObject({ complete: true, format: 'jsonl' });
    for (const args of ['--format csv', '--format sql --table none', '--format xml', ''])
      expect((await shell.fails(`backup export latest ${args}`, 2)).code, args).toBe('usage/invalid');
  });

  it('of a damaged backup keeps no file that could be taken for whole', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one');
    const packs = path.join(shell.home, 'repository', 'packs');
    await rm(packs, { recursive: true });
    const folder = path.join(shell.home, 'csv');
    const { code } = await shell.fails(`backup export latest --format csv --output ${folder}`, 4);
    expect(code).toBe('repository/object-missing');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('repo init', () => {
  it('leaves what it takes to read it with Node alone, repo check finds it swapped, and repo recovery adds it', async () => {
    const shell = await emptyShell();
    await shell.ok('repo init --encryption none');
    const repository = path.join(shell.home, 'repository');
    const reader = path.join(repository, 'recovery', 'cofre-reader-1.mjs');
    expect(await readFile(path.join(repository, 'RECOVERY.md'), 'utf8')).toContain('recovery/cofre-reader-1.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [reader, 'list', repository, '--json']);
    expect(JSON.parse(stdout)).toEqual({ items: [] });
    await shell.ok('repo check');
    await writeFile(reader, 'steal()');
    const check = await shell.run('repo check');
    expect(check.code).toBe(4);
    expect(check.stdout).toMatch(/cofre-reader-1\.mjs +recovery-file-not-published[^]*Do not run it/);
    await rm(reader);
    expect(await shell.ok('repo recovery')).toContain('Added recovery/cofre-reader-1.mjs.');
    expect(await shell.ok('repo recovery')).toContain('They are there already');
    await shell.ok('repo check');
  });
});
