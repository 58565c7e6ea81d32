import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  addedKeyDocument,
  backupDocument,
  checkDocument,
  garbageDocument,
  importDocument,
  repositoryKeysDocument,
  rotatedKeyDocument,
} from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { shopShell } from '../../../tests/support/cofre-shell.ts';

describe('repo gc', () => {
  it('frees what deleted backups alone needed, says before what it would free, and leaves the rest whole', async () => {
    const shell = await shopShell();
    const kept = await shell.json(backupDocument, 'backup create shop/two');
    const gone = await shell.json(backupDocument, 'backup create shop/one');
    await shell.ok(`backup delete ${gone.id} --yes`);
    expect(await shell.json(garbageDocument, 'repo gc')).toMatchObject({ freedBytes: 0, waitingBytes: 0 });
    const stored = { waitingBytes: gone.stats.bytesStored, freedBytes: 0 };
    expect(await shell.json(garbageDocument, 'repo gc --grace 0h --dry-run')).toMatchObject(stored);
    expect(await shell.json(garbageDocument, 'repo gc --grace 0h')).toMatchObject(stored);
    expect(await shell.ok('repo gc --grace 0h --dry-run')).toMatch(/Would free .* in 1 object.*nothing was changed/s);
    expect(await shell.json(garbageDocument, 'repo gc --grace 0h')).toEqual({
      dryRun: false,
      freedBytes: gone.stats.bytesStored,
      freedObjects: 1,
      waitingBytes: 0,
      plans: 0,
      writers: 0,
    });
    expect((await shell.fails('repo gc --grace soon', 2)).code).toBe('usage/invalid');
    expect((await shell.fails('repo check --read-data 3/2', 2)).code).toBe('usage/invalid');
    expect((await shell.json(checkDocument, 'repo check --read-data 1/1')).checked.packs).toBe(1);
    expect((await shell.json(checkDocument, `backup verify ${kept.id}`)).ok).toBe(true);
    const { rows } = await shell.db.query(
      `SELECT action, details FROM cofre.v_audit_logs WHERE action = 'COLLECT_GARBAGE' ORDER BY created_at DESC`,
    );
    expect(rows[0]).toMatchObject({ action: 'COLLECT_GARBAGE', details: { freedObjects: 1, graceMs: 0 } });
  });
});

describe('repo import', () => {
  it('lists again what the catalogue lost, and marks what was taken out of the repository, which repo check finds', async () => {
    const shell = await shopShell();
    const kept = await shell.json(backupDocument, 'backup create shop/one');
    const taken = await shell.json(backupDocument, 'backup create shop/two');
    await shell.db.query('DELETE FROM public.module_backups WHERE id = $1', [kept.id]);
    await rm(path.join(shell.home, 'repository', taken.filePath ?? ''));
    const { damage, comparedWithCatalogue } = await shell.json(checkDocument, 'repo check', 4);
    expect(comparedWithCatalogue).toBe(true);
    expect(damage).toEqual([{ object: taken.filePath, kind: 'manifest-missing', backups: [taken.id] }]);
    expect(await shell.json(importDocument, 'repo import')).toEqual({
      imported: 1,
      present: 0,
      missing: 1,
      unreadable: [],
    });
    expect(await shell.ok('repo import')).toMatch(/Listed 0 backups.* knew 1 already.*1 backup is .*missing/s);
    expect(await shell.ok('backup list')).toContain('missing');
    expect((await shell.json(checkDocument, `backup verify ${kept.id}`)).ok).toBe(true);
    // With no database it still checks what is there, and says what it could not see.
    const nowhere = await shell.run('repo check', { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(nowhere).toMatchObject({ code: 0, stdout: expect.stringContaining('no database to compare it with') });
  });
});

describe('repo key', () => {
  it('adds, lists, rotates and removes; what a key opens is what the words say', async () => {
    const shell = await shopShell({ COFRE_PASSPHRASE: 'correct horse' });
    const before = await shell.json(backupDocument, 'backup create shop/one');
    const file = path.join(shell.home, 'new.key');
    await writeFile(file, `${'0123456789abcdef'.repeat(4)}\n`);
    expect((await shell.fails('repo key add', 12)).code).toBe('repository/key-required');
    const { key: added } = await shell.json(addedKeyDocument, `repo key add --key-file ${file}`);
    expect(added).toMatchObject({ kind: 'key-file', opensAll: true, inUse: false });
    const byFile = { COFRE_PASSPHRASE: '', COFRE_KEY_FILE: file };
    await shell.ok(`backup rows ${before.id} item`, byFile);
    const { leftOut } = await shell.json(rotatedKeyDocument, 'repo key rotate');
    expect(leftOut).toMatchObject([{ id: added.id, opensAll: false }]);
    const after = await shell.json(backupDocument, 'backup create shop/one');
    expect((await shell.fails(`backup verify ${after.id}`, 12, byFile)).code).toBe('repository/key-wrong');
    expect((await shell.fails('backup create shop/one', 12, byFile)).code).toBe('repository/key-wrong');
    expect(await shell.ok('repo key list')).toMatch(/key-file .* only what is older/);
    await shell.ok(`repo key add --key-file ${file}`);
    await shell.ok(`backup verify ${after.id}`, byFile);
    const { items } = await shell.json(repositoryKeysDocument, 'repo key list');
    expect(items.map(({ kind, opensAll, inUse }) => [kind, opensAll, inUse])).toEqual([
      ['passphrase', true, true],
      ['key-file', true, false],
    ]);
    const passphrase = items[0]?.id ?? '';
    expect((await shell.fails(`repo key remove ${passphrase}`, 2, byFile)).code).toBe('usage/confirmation-needed');
    expect((await shell.fails(`repo key remove ${passphrase} --yes`, 1)).code).toBe('repository/key-needed');
    expect((await shell.fails('repo key remove ffff0000 --yes', 2)).code).toBe('repository/key-not-found');
    expect(await shell.ok(`repo key remove ${passphrase.slice(0, 8)} --yes`, byFile)).toContain(
      'copied the repository',
    );
    expect((await shell.fails('repo check', 12)).code).toBe('repository/key-wrong');
    expect(JSON.parse(await shell.ok('repo check --read-data --json', byFile))).toMatchObject({ ok: true });
    const { rows } = await shell.db.query(`SELECT action, outcome FROM cofre.v_audit_logs
      WHERE action ~ 'KEY' ORDER BY created_at`);
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'ADD_REPOSITORY_KEY done',
      'ROTATE_ROOT_KEY done',
      'ADD_REPOSITORY_KEY done',
      'REMOVE_REPOSITORY_KEY failed',
      'REMOVE_REPOSITORY_KEY failed',
      'REMOVE_REPOSITORY_KEY done',
    ]);
    const pins = await shell.db.query('SELECT cardinality(root_key_ids) AS keys FROM cofre.repository_pin');
    expect(pins.rows).toEqual([{ keys: 2 }]);
    expect((await readdir(path.join(shell.home, 'repository/roots'))).toSorted()).toEqual(['2']);
  });

  it('a root key’s file that is taken away: 4, since it was used before', async () => {
    const shell = await shopShell({ COFRE_PASSPHRASE: 'correct horse' });
    await shell.ok('repo key rotate');
    await rm(path.join(shell.home, 'repository/roots/2'));
    expect((await shell.fails('backup create shop/one', 4)).code).toBe('repository/identity-changed');
  });
});
