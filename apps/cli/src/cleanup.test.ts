import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { backupDocument, checkDocument, cleanupDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';

/** The objects of the repository, made older by so many hours: a folder's ages are those of its files. */
async function age(shell: Shell, hours: number): Promise<void> {
  const folder = path.join(shell.home, 'repository');
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/packs|trash|marks|leases|plans/.test(entry.parentPath)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const then = new Date(Date.now() - hours * 3_600_000);
    await utimes(file, then, then);
  }
}

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

describe('cleanup run', () => {
  it('says what would go, removes it, and frees the space when it has waited a day', async () => {
    const shell = await shopShell();
    await shell.ok('policy set --retention-days 30 --minimum-kept 0');
    const kept = await shell.json(backupDocument, 'backup create shop/two --expires never');
    const gone = await shell.json(backupDocument, 'backup create shop/one');
    const stored = gone.stats.bytesStored;
    expect(await shell.ok('cleanup run')).toContain('0 backups were removed');
    const dry = await shell.ok(`cleanup run --dry-run --now ${inDays(31)}`);
    expect(dry).toContain(gone.id.slice(0, 8));
    expect(dry).toMatch(/1 backup would be removed .*This is a dry run: nothing was changed/s);
    await age(shell, 13);
    expect(await shell.json(cleanupDocument, `cleanup run --now ${inDays(31)}`)).toMatchObject({
      done: 1,
      kept: 1,
      items: [{ backupId: gone.id, reason: 'expired' }],
      waitingBytes: stored,
    });
    expect((await shell.fails(`backup show ${gone.id}`, 1)).code).toBe('backup/not-found');
    await age(shell, 25);
    expect(await shell.json(cleanupDocument, 'cleanup run')).toMatchObject({ done: 0, freedBytes: stored });
    expect((await shell.json(checkDocument, 'repo check --read-data')).ok).toBe(true);
    expect((await shell.json(checkDocument, `backup verify ${kept.id}`)).ok).toBe(true);
    expect(await shell.ok('cleanup run')).not.toContain('wait');
  });

  it('where one cannot be removed: 3, the others are, and what was not is named', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one --expires 12h');
    const [one, two] = [
      await shell.json(backupDocument, 'backup create shop/one'),
      await shell.json(backupDocument, 'backup create shop/two --expires 12h'),
    ];
    await shell.ok('backup create shop/two');
    await shell.db.query(
      `UPDATE module_backups SET repository_id = gen_random_uuid() WHERE implementation_key = 'one'`,
    );
    const document = await shell.json(cleanupDocument, `cleanup run --now ${inDays(1)}`, 3);
    expect(document).toMatchObject({
      done: 1,
      failed: [{ implementation: 'shop/one', code: 'repository/identity-changed' }],
      items: [{ backupId: two.id }],
    });
    const { code, stdout } = await shell.run(`cleanup run --now ${inDays(1)}`);
    expect(code).toBe(3);
    expect(stdout).toContain('A backup of shop/one could not be removed: repository/identity-changed');
    expect((await shell.json(backupDocument, `backup show ${one.id}`)).status).toBe('completed');
  });

  it('refuses a time or a number that it does not understand: 2', async () => {
    const shell = await shopShell();
    for (const args of ['cleanup run --now someday', 'cleanup run --limit many', 'cleanup run --limit 0'])
      expect((await shell.fails(args, 2)).code, args).toBe('usage/invalid');
  });
});
