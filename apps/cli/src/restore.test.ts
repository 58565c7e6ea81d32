import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type PlanDocument, planDocument, restoreDocument, restoreEntryDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';

/** The shop after a bad deploy, with a backup from before. */
async function damagedShell(): Promise<Shell> {
  const shell = await shopShell();
  await shell.ok('backup create shop/one');
  await shell.db.query(`
    UPDATE item SET price = 0 WHERE store_id = 1;
    DELETE FROM sale WHERE item_id = 20; DELETE FROM item WHERE item_id = 20;
    UPDATE store SET settings = NULL, name = 'Broken' WHERE store_id = 1`);
  return shell;
}

async function state(shell: Shell): Promise<unknown> {
  const { rows } = await shell.db.query(`
    SELECT (SELECT sum(price) FROM item) AS prices, (SELECT count(*)::int FROM sale) AS sales,
           (SELECT name FROM store WHERE store_id = 1) AS name`);
  return rows[0];
}

describe('restoring from the command line', () => {
  it('plans, applies after a yes, lists and undoes', async () => {
    const shell = await damagedShell();
    const damaged = await state(shell);
    const plan = await shell.json(planDocument, 'restore plan latest --rows');
    expect(plan).toMatchObject({ applicable: true, mode: 'merge' });
    const refused = await shell.fails(`restore apply ${plan.id}`, 2);
    expect(refused).toMatchObject({ code: 'usage/confirmation-needed', hint: expect.stringContaining(plan.id) });
    expect(await state(shell)).toEqual(damaged);

    const restore = await shell.json(restoreDocument, `restore apply ${plan.id.slice(0, 8)} --yes`);
    expect(restore).toMatchObject({ planId: plan.id, status: 'completed', verified: true });
    expect(restore.safetyBackupId).not.toBeNull();
    expect(await shell.ok('diff latest live')).toContain('Nothing differs');

    expect((await shell.fails(`restore undo ${restore.id}`, 2)).code).toBe('usage/confirmation-needed');
    await shell.json(restoreDocument, `restore undo ${restore.id.slice(0, 8)} --yes`);
    expect(await state(shell)).toEqual(damaged);
    const list = JSON.parse(await shell.ok('restore list --json')) as { items: unknown[] };
    expect(list.items.map((entry) => restoreEntryDocument.parse(entry).purpose)).toEqual(['undo', 'restore']);
    expect((await shell.fails(`restore undo ${restore.id} --yes`, 1)).code).toBe('restore/not-undoable');
  });

  it('applies a backup at once, only its config or only some tables, without a safety backup when told so', async () => {
    const shell = await damagedShell();
    const config = await shell.json(restoreDocument, 'restore apply latest --config-only --no-safety-backup --yes');
    expect(config.safetyBackupId).toBeNull();
    expect(await state(shell)).toMatchObject({ name: 'One' });
    const item = await shell.json(restoreDocument, 'restore apply latest --table item sale --yes');
    expect(item.tables.map(({ table }) => table)).toEqual(['public.item', 'public.sale']);
    expect(await shell.ok('diff latest live')).toContain('Nothing differs');
  });

  it('a stale plan: 13, nothing changed', async () => {
    const shell = await damagedShell();
    const plan = await shell.json(planDocument, 'restore plan latest');
    await shell.db.query('UPDATE item SET price = 5 WHERE item_id = 2');
    const before = await state(shell);
    expect((await shell.fails(`restore apply ${plan.id} --yes`, 13)).code).toBe('plan/stale');
    expect(await state(shell)).toEqual(before);
  });

  it('a flipped byte in a plan or in one of its pages: 4, nothing changed (I5)', async () => {
    const shell = await damagedShell();
    const before = await state(shell);
    const plan = await shell.json(planDocument, 'restore plan latest');
    const folder = path.join(shell.home, 'repository', 'plans', plan.id);
    const objects = await readdir(folder);
    expect(objects.length).toBeGreaterThan(1);
    for (const object of objects) {
      const bytes = await readFile(path.join(folder, object));
      const flipped = Buffer.from(bytes);
      const at = flipped.length >> 1;
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await writeFile(path.join(folder, object), flipped);
      expect((await shell.fails(`restore apply ${plan.id} --no-safety-backup --yes`, 4)).code).toBe(
        'repository/damaged',
      );
      await writeFile(path.join(folder, object), bytes);
    }
    expect(await state(shell)).toEqual(before);
    await shell.ok(`restore apply ${plan.id} --yes`);
  });

  it('a plan with conflicts is shown with 0, and refused with 14', async () => {
    const shell = await damagedShell();
    await shell.db.query(`INSERT INTO item (store_id, sku) VALUES (2, 'sku-20')`);
    const before = await state(shell);
    const plan: PlanDocument = await shell.json(planDocument, 'restore plan latest');
    expect(plan.applicable).toBe(false);
    expect(await shell.ok('restore plan latest')).toContain('It cannot be applied');
    expect((await shell.fails(`restore apply ${plan.id} --yes`, 14)).code).toBe('plan/conflicts');
    expect(await state(shell)).toEqual(before);
  });

  it('a role that cannot keep triggers from firing: 14, with what to grant', async () => {
    const shell = await damagedShell();
    const name = (await shell.db.query('SELECT current_database() AS name')).rows[0]?.name as string;
    const role = `owner_${name.slice(2, 14)}`;
    await shell.db.query(`
      CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.price := 1; RETURN NEW; END';
      CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON public.item FOR EACH ROW EXECUTE FUNCTION public.stamp();
      CREATE ROLE ${role} LOGIN BYPASSRLS PASSWORD 'x';
      GRANT ALL ON SCHEMA public, cofre TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA cofre TO ${role}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cofre TO ${role}`);
    const url = new URL(shell.db.url);
    [url.username, url.password] = [role, 'x'];
    const before = await state(shell);
    const error = await shell.fails('restore apply latest --yes', 14, { DATABASE_URL: url.href });
    expect(error).toMatchObject({ code: 'plan/triggers', hint: expect.stringContaining('session_replication_role') });
    expect(await state(shell)).toEqual(before);
    await shell.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('unknown plans, backups and restores: 1; flags of the plan with a plan: 2', async () => {
    const shell = await damagedShell();
    expect((await shell.fails('restore plan abcd', 1)).code).toBe('backup/not-found');
    expect((await shell.fails('restore apply abcd --yes', 1)).code).toBe('backup/not-found');
    expect((await shell.fails('restore undo abcd --yes', 1)).code).toBe('restore/not-found');
    expect((await shell.fails('restore plan latest --table nothing', 2)).code).toBe('usage/invalid');
    const plan = await shell.json(planDocument, 'restore plan latest');
    expect((await shell.fails(`restore apply ${plan.id} --config-only --yes`, 2)).code).toBe('usage/invalid');
  });
});
