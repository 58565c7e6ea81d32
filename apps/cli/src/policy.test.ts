import { userInfo } from 'node:os';
import { administratorDocument, backupDocument, retentionSimulation, settingsDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { emptyShell, shopShell } from '../../../tests/support/cofre-shell.ts';

describe('policy and holds', () => {
  it('shows what is in force and where it comes from, sets it, and says what clean-up would remove', async () => {
    const shell = await shopShell();
    await shell.ok(`policy set --schedule '0 3 * * *' --time-zone America/Sao_Paulo --retention-days 30`);
    const set = `policy set --implementation shop/one --retention-days none --audit VERIFY_MODULE_BACKUP=off`;
    const document = await shell.json(settingsDocument, set);
    expect(document).toMatchObject({
      settings: { retentionDays: null, schedule: '0 3 * * *', audit: { VERIFY_MODULE_BACKUP: false } },
      sources: { retentionDays: 'implementation', schedule: 'global', safetyDays: 'default' },
    });
    expect(await shell.json(settingsDocument, 'policy show --implementation shop/one')).toMatchObject({
      own: { retentionDays: null },
    });
    const words = await shell.ok('policy show --implementation shop/one');
    expect(words).toMatch(/retention-days +none +implementation/);
    expect(words).toMatch(/schedule +0 3 \* \* \* +global/);
    await shell.ok('policy set --implementation shop/one --unset retention-days');
    const first = await shell.json(backupDocument, 'backup create shop/one --type config_only');
    expect(first.expiresAt).not.toBeNull();
    await shell.ok('backup create shop/one --type config_only --expires never');
    expect(await shell.ok(`backup hold ${first.id.slice(0, 8)} --reason 'the audit of May'`)).toContain('on hold');
    expect((await shell.fails(`backup delete ${first.id} --yes`, 14)).code).toBe('backup/held');
    expect(await shell.ok('backup list --held')).toContain(first.id.slice(0, 8));
    const far = '--now 2100-01-01';
    const held = await shell.json(retentionSimulation, `policy simulate ${far}`);
    expect(held.items.map(({ reason }) => reason)).toEqual(['minimum', 'held']);
    expect(await shell.ok(`backup release ${first.id}`)).toContain('expires');
    const released = await shell.json(retentionSimulation, `policy simulate ${far}`);
    expect(released).toMatchObject({ kept: 1, removed: 1, items: [{}, { backupId: first.id, reason: 'expired' }] });
    expect(await shell.ok(`policy simulate ${far}`)).toContain('Nothing was changed');
    expect((await shell.json(backupDocument, `backup show ${first.id}`)).held).toBe(false);
  });

  it('an impossible schedule or value: 2, and nothing is changed', async () => {
    const shell = await shopShell();
    expect((await shell.fails(`policy set --schedule '0 0 30 2 *'`, 2)).code).toBe('settings/invalid-schedule');
    for (const args of [
      'policy set',
      'policy set --retention-days soon',
      'policy set --retention-days 0',
      'policy set --skip-unchanged maybe',
      'policy set --audit DELETE_MODULE_BACKUP=off',
      'policy set --unset everything',
      'policy set --keep-last 3 --module shop --implementation shop/one',
      'policy simulate --now someday',
    ]) {
      expect((await shell.fails(args, 2)).code, args).toBe('usage/invalid');
    }
    expect((await shell.fails('policy show --module none', 1)).code).toBe('module/not-found');
    expect(await shell.json(settingsDocument, 'policy show')).toMatchObject({ revision: 0 });
  });
});

describe('administrators', () => {
  it('are added, removed and reset by the operator, in whose name that is logged', async () => {
    const shell = await emptyShell({}, 'migrated');
    expect((await shell.fails('admin add ana@example.org', 1)).code).toBe('access/person-not-found');
    expect((await shell.fails('admin password ana@example.org', 1)).code).toBe('access/person-not-found');
    await shell.db.query(`INSERT INTO auth.users (id, email) VALUES
      ('11111111-1111-4111-8111-111111111111', 'ana@example.org'), ('22222222-2222-4222-8222-222222222222', 'bia@example.org')`);
    const ana = await shell.json(administratorDocument, 'admin add Ana@example.org');
    expect(ana).toMatchObject({ email: 'ana@example.org', createdBy: userInfo().username });
    await shell.ok('admin add bia@example.org');
    expect(await shell.ok('admin list')).toContain('bia@example.org');
    expect((await shell.fails('admin reset ana@example.org', 2)).code).toBe('usage/confirmation-needed');
    expect(await shell.ok('admin reset ana@example.org --yes')).toContain('removed: bia@example.org');
    await shell.ok('admin remove ana@example.org');
    const { rows } = await shell.db.query('SELECT action, actor_kind, actor_name FROM audit_logs ORDER BY created_at');
    expect(rows.map(({ action }) => action)).toEqual([
      'ADD_ADMINISTRATOR',
      'ADD_ADMINISTRATOR',
      'RESET_ADMINISTRATORS',
      'REMOVE_ADMINISTRATOR',
    ]);
    for (const row of rows) expect(row).toMatchObject({ actor_kind: 'operator', actor_name: userInfo().username });
    expect((await shell.fails('admin add nonsense', 2)).code).toBe('usage/invalid');
  });
});
