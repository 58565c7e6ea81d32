import { statisticsDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { shopShell } from '../../../tests/support/cofre-shell.ts';

describe('cofre stats', () => {
  it('says the same in words and as JSON, of everything and of a part', async () => {
    const shell = await shopShell();
    expect(await shell.ok('stats')).toMatch(/Backups +0\n/);
    await shell.ok('backup create shop/one');
    await shell.ok('backup create shop/two --type config_only');
    await shell.ok('backup verify latest:full');
    const all = await shell.json(statisticsDocument, 'stats');
    expect(all).toMatchObject({
      backups: { total: 2, byType: { full: 1, config_only: 1 }, byStatus: { completed: 2 }, verified: { backups: 1 } },
      period: { backups: { completed: 2, failed: 0, successRate: 1 }, restores: { successRate: null } },
      implementations: [{ module: 'shop' }, { module: 'shop' }],
      repository: { complete: true },
    });
    const words = await shell.ok('stats');
    expect(words).toMatch(/Types +1 full, 1 config_only\n/);
    expect(words).toMatch(/Verified +1 of 2, the last /);
    expect(words).toMatch(/Proven +none of 2\n/);
    expect(words).toMatch(/2 backups completed, 0 failed, 100 % succeeded, /);
    expect(words).toMatch(/shop\/two +1 +2 /);
    const one = await shell.json(statisticsDocument, 'stats --implementation shop/one --since 7d');
    expect(one).toMatchObject({ implementation: 'shop/one', backups: { total: 1 }, implementations: [{ key: 'one' }] });
    expect(one.repository).toBeUndefined();
    expect(await shell.ok('stats --module other')).toMatch(/Of +the module other\nBackups +0\n/);
    expect((await shell.fails('stats --since someday', 2)).code).toBe('usage/invalid');
  });

  it('works while the place of the backups is away, and says so', async () => {
    const shell = await shopShell();
    const variables = { COFRE_REPOSITORY: 's3://none/x?endpoint=http://127.0.0.1:9&region=eu&forcePathStyle=true' };
    expect(await shell.ok('stats', variables)).toMatch(/Repository +not measured: /);
  });
});
