import { rm } from 'node:fs/promises';
import path from 'node:path';
import { backupDocument, checkDocument, garbageDocument, importDocument } from '@cofre/contracts';
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
