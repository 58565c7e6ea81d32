import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { backupDocument, checkDocument, cleanupDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Shell, shopShell, untilWaiting } from '../support/cofre-shell.ts';

const page = z.object({ items: z.array(backupDocument), nextCursor: z.string().nullable() });
const KILLS = 5;
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

/** Two days pass for whatever the collector looks at: a folder's ages are those of its files. */
async function passTwoDays({ home }: Shell): Promise<void> {
  for (const folder of ['packs', 'trash', 'leases', 'marks']) {
    const root = path.join(home, 'repository', folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const then = new Date(Date.now() - 2 * 86_400_000);
      await utimes(file, then, then);
    }
  }
}

/** Everything that is listed is whole, and everything whole is listed. */
async function expectOrder(shell: Shell): Promise<number> {
  const { items } = await shell.json(page, 'backup list --limit 500');
  expect(items.map(({ status }) => status)).toEqual(items.map(() => 'completed'));
  const check = await shell.json(checkDocument, 'repo check --read-data');
  expect(check).toMatchObject({ ok: true, damage: [], checked: { backups: items.length } });
  return items.length;
}

describe('a clean-up', () => {
  it('that is killed at any instant leaves every listed backup whole, and the next one goes on (I3)', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one --type full --expires never');
    for (let kill = 0; kill < KILLS; kill++) {
      await shell.db.query('UPDATE item SET price = price + 1');
      for (const key of ['one', 'two']) await shell.ok(`backup create shop/${key} --type incremental --expires 12h`);
      // What the clean-up before has put into the trash is now to be deleted, too.
      await passTwoDays(shell);
      const { child, ended } = shell.start(['cleanup', 'run', '--now', inDays(1)]);
      await sleep(200 + kill * 150);
      child.kill('SIGKILL');
      await ended;
      expect(await expectOrder(shell)).toBeGreaterThan(0);
    }
    await passTwoDays(shell);
    expect(await shell.json(cleanupDocument, `cleanup run --now ${inDays(1)}`)).toMatchObject({ failed: [], left: 0 });
    await passTwoDays(shell);
    expect(await shell.json(cleanupDocument, 'cleanup run')).toMatchObject({ failed: [], waitingBytes: 0 });
    await expectOrder(shell);
  });

  it('beside a running backup leaves that implementation for later, and neither hurts the other', async () => {
    const shell = await shopShell();
    for (const key of ['one', 'two']) {
      await shell.ok(`backup create shop/${key} --expires 12h`);
      await shell.ok(`backup create shop/${key} --type incremental`);
    }
    const blocker = await shell.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE sale IN ACCESS EXCLUSIVE MODE');
    const { ended } = shell.start(['backup', 'create', 'shop/one', '--type', 'incremental']);
    await untilWaiting(shell.db);
    const document = await shell.json(cleanupDocument, `cleanup run --now ${inDays(1)}`);
    expect(document).toMatchObject({ done: 1, left: 1, failed: [], items: [{ implementation: 'shop/two' }] });
    await blocker.query('COMMIT');
    await blocker.end();
    expect(await ended).toMatchObject({ code: 0 });
    expect(await expectOrder(shell)).toBe(4);
    expect(await shell.json(cleanupDocument, `cleanup run --now ${inDays(1)}`)).toMatchObject({ done: 1, left: 0 });
    expect(await expectOrder(shell)).toBe(3);
  });
});
