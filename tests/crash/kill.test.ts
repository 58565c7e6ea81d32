import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BackupDocument, backupDocument, checkDocument, restoreDocument } from '@cofre/contracts';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { emptyShell, type Shell, shopShell } from '../support/cofre-shell.ts';
import { IS_LONG } from '../support/long-tests.ts';

/** `kill -9` comes so many times for each command; with `--long` for as long as a coffee lasts. */
const KILLS = IS_LONG ? 100 : 3;
if (IS_LONG) vi.setConfig({ testTimeout: 3_600_000 });

const page = z.object({ items: z.array(backupDocument), nextCursor: z.string().nullable() });

/** Runs the command once to its end, then again and again, killed at instants spread over the time that it took. */
async function killAtEveryInstant(
  shell: Shell,
  input: { readonly before: () => Promise<readonly string[]>; readonly after: (killed: boolean) => Promise<void> },
): Promise<void> {
  const begun = performance.now();
  expect(await shell.start(await input.before()).ended).toMatchObject({ code: 0 });
  const tookMs = performance.now() - begun;
  await input.after(false);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const { child, ended } = shell.start(await input.before());
    // Loading the program changes nothing; its last moments do the most.
    await sleep(tookMs * (0.25 + (0.75 * (kill + Math.random())) / KILLS));
    child.kill('SIGKILL');
    const { code } = await ended;
    await untilSessionsEnded(shell);
    await input.after(code === null);
  }
}

/** A server notices that its client is gone when it next writes to it, and finishes what it was doing. */
async function untilSessionsEnded({ db }: Shell): Promise<void> {
  for (;;) {
    const { rows } = await db.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cofre %'`,
    );
    if (rows.length === 0) return;
    await sleep(10);
  }
}

async function checksum({ db }: Shell): Promise<string> {
  const { rows } = await db.query(
    `SELECT md5(string_agg(line, ',' ORDER BY line)) AS sum FROM (
       SELECT s::text AS line FROM store AS s UNION ALL SELECT i::text FROM item AS i UNION ALL SELECT s::text FROM sale AS s) AS l`,
  );
  return rows[0].sum;
}

/** Everything that is listed is whole, everything whole is listed, and nothing seems to be running (I1, I3). */
async function expectOrder(shell: Shell): Promise<readonly BackupDocument[]> {
  const { items } = await shell.json(page, 'backup list --limit 500');
  expect(items.filter(({ status }) => status !== 'completed' && status !== 'failed')).toEqual([]);
  const check = await shell.json(checkDocument, 'repo check --read-data');
  const completed = items.filter(({ status }) => status === 'completed');
  expect(check).toMatchObject({ ok: true, damage: [], checked: { backups: completed.length } });
  const files = await readdir(path.join(shell.home, 'repository/backups'), { recursive: true });
  // What was being written has a name that no store takes for an object; it is swept a day later.
  const manifests = files.flatMap((name) => name.split('/')[1] ?? []).filter((name) => !name.includes('~'));
  expect(manifests.sort()).toEqual(completed.map(({ id }) => id).sort());
  return completed;
}

describe('kill -9 at any instant', () => {
  it('of a backup: what is listed is whole, and the next backup is made (I3)', async () => {
    const shell = await shopShell();
    const before = await checksum(shell);
    let round = 0;
    await killAtEveryInstant(shell, {
      before: async () => {
        await shell.db.query('UPDATE sale SET quantity = quantity WHERE sale_id < 100');
        return ['backup', 'create', 'shop/one', '--type', ++round % 3 === 0 ? 'full' : 'incremental'];
      },
      after: async () => {
        expect(await checksum(shell)).toBe(before);
      },
    });
    await expectOrder(shell);
    await shell.ok('backup create shop/one --type incremental');
  });

  it('of a restore: everything is back, or nothing was changed (I6)', async () => {
    const shell = await shopShell();
    const whole = await checksum(shell);
    const { id } = await shell.json(backupDocument, 'backup create shop/one');
    let damaged = '';
    let restored = 0;
    await killAtEveryInstant(shell, {
      before: async () => {
        await shell.db.query('UPDATE item SET price = price + 1 WHERE store_id = 1');
        await shell.db.query('DELETE FROM sale WHERE item_id % 4 = 0');
        damaged = await checksum(shell);
        return ['restore', 'apply', id, '--yes'];
      },
      after: async (killed) => {
        const now = await checksum(shell);
        expect(killed ? [whole, damaged] : [whole]).toContain(now);
        if (now === whole) restored += 1;
      },
    });
    const { rows } = await shell.db.query(`SELECT FROM cofre.restores WHERE status = 'completed'`);
    expect(rows).toHaveLength(restored);
    await expectOrder(shell);
    await shell.ok(`restore apply ${id} --yes`);
    expect(await checksum(shell)).toBe(whole);
  });

  it('of an undo: everything is taken back, or nothing was changed (I6)', async () => {
    const shell = await shopShell();
    const whole = await checksum(shell);
    const { id } = await shell.json(backupDocument, 'backup create shop/one');
    await shell.db.query('DELETE FROM sale WHERE item_id % 4 = 0');
    const damaged = await checksum(shell);
    let isRestored = false;
    let restore = '';
    await killAtEveryInstant(shell, {
      before: async () => {
        if (!isRestored) restore = (await shell.json(restoreDocument, `restore apply ${id} --yes`)).id;
        expect(await checksum(shell)).toBe(whole);
        return ['restore', 'undo', restore, '--yes'];
      },
      after: async (killed) => {
        const now = await checksum(shell);
        expect(killed ? [whole, damaged] : [damaged]).toContain(now);
        isRestored = now === whole;
      },
    });
    await expectOrder(shell);
  });

  it('of a deletion: no other backup is harmed, and none is left half deleted (I3)', async () => {
    const shell = await shopShell();
    const { id } = await shell.json(backupDocument, 'backup create shop/one');
    await killAtEveryInstant(shell, {
      before: async () => {
        await shell.db.query('UPDATE sale SET quantity = quantity + 1 WHERE sale_id < 100');
        const made = await shell.json(backupDocument, 'backup create shop/one --type incremental');
        return ['backup', 'delete', made.id, '--yes'];
      },
      after: () => Promise.resolve(),
    });
    const left = await expectOrder(shell);
    expect(left.map((backup) => backup.id)).toContain(id);
    const { rows } = await shell.db.query('SELECT FROM public.module_backups WHERE deleted_at IS NOT NULL');
    expect(rows).toEqual([]);
  });

  it('of `db migrate` and `repo init`: the next one goes on, and what it makes can be used', async () => {
    for (let kill = 0; kill < KILLS; kill += 2) {
      const shell = await emptyShell({ COFRE_PASSPHRASE: 'correct horse' });
      for (const args of [
        ['db', 'migrate'],
        ['repo', 'init'],
      ]) {
        const { child, ended } = shell.start(args);
        await sleep(150 + Math.random() * 600);
        child.kill('SIGKILL');
        await ended;
      }
      await shell.ok('db migrate');
      const again = await shell.run('repo init --json');
      if (again.code !== 0)
        expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('repository/exists') });
      await shell.ok('repo info');
      expect(await shell.ok('doctor')).toContain('Everything that backups need is there.');
    }
  });
});
