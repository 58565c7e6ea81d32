import { implementationDocument, scheduledRunDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { shopShell } from '../../../tests/support/cofre-shell.ts';

const list = z.object({ items: z.array(implementationDocument) });

describe('schedule run', () => {
  it('backs up what is due, says what it did, and fails in part by 3', async () => {
    const shell = await shopShell();
    expect(await shell.ok('schedule run')).toBe('Nothing is due.\n');
    await shell.ok(`policy set --schedule '0 3 * * *' --skip-unchanged on`);
    expect(await shell.ok('schedule run')).toBe('Nothing is due.\n');
    const far = (day: number) => `schedule run --now 2100-01-0${day}T04:00:00Z`;
    const nothing = { done: 0, unchanged: 0, failed: [], deferred: 0, left: 0 };
    expect(await shell.json(scheduledRunDocument, `${far(1)} --limit 1`)).toEqual({ ...nothing, done: 1, left: 1 });
    expect(await shell.ok(far(1))).toBe('1 implementation backed up.\n');
    expect(await shell.ok(far(2))).toBe(
      '2 implementations backed up, 2 of them unchanged, so that nothing was kept.\n',
    );
    const { items } = await shell.json(list, 'implementation list');
    expect(items).toMatchObject([
      { key: 'one', backups: 1, nextBackupAt: '2100-01-03T03:00:00.000Z', overdue: false, failures: 0 },
      { key: 'two', backups: 1 },
    ]);
    await shell.db.query('ALTER TABLE sale RENAME TO sales');
    const partly = await shell.run(far(3));
    expect(partly).toMatchObject({ code: 3 });
    expect(partly.stdout).toContain('shop/one: definition/invalid');
    expect(await shell.ok('implementation list')).toMatch(/2100-01-04 .*, failed once: definition\/invalid/);
    // A time that was imagined is put right by the next run; then it may be late.
    await shell.ok('schedule run');
    await shell.db.query(`UPDATE cofre.implementation_settings SET next_backup_at = now() - interval '2 hours'`);
    expect(await shell.ok('implementation list')).toContain(', overdue');
  });

  it('a time or number that is none: 2', async () => {
    const shell = await shopShell();
    for (const args of ['schedule run --now soon', 'schedule run --limit few', 'schedule run --limit 0']) {
      expect((await shell.fails(args, 2)).code, args).toBe('usage/invalid');
    }
  });
});
