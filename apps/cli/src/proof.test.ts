import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { backupDocument, checkDocument } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { type Shell, shopShell } from '../../../tests/support/cofre-shell.ts';

/** What the session that proves is doing; undefined: there is none. */
async function proving(shell: Shell): Promise<string | undefined> {
  const { rows } = await shell.db.query(`SELECT a.query FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.application_name = 'cofre proof' AND a.backend_xid IS NOT NULL`);
  return rows[0]?.query;
}

async function leftOver(shell: Shell): Promise<unknown[]> {
  const { rows } = await shell.db.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cofre\\_proof%'`);
  return rows;
}

describe('cofre backup verify --restore', () => {
  it('says in words what came back and what was not checked, and when it was last proven', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one');
    expect(await shell.ok('backup show latest')).toMatch(/Proven +–/);
    const words = await shell.ok('backup verify latest --restore');
    expect(words).toMatch(/^Checked 1 backup, .*: no damage\.\nProven: 1,202 rows of 5 tables came back/);
    expect(words).toMatch(/Not checked:\nTABLE +WHAT +NAME +WHY\n/);
    const { provenAt } = await shell.json(backupDocument, 'backup show latest');
    expect(provenAt).not.toBeNull();
    expect(await shell.ok('backup show latest')).toMatch(/Proven +\d{4}-/);
    expect(await shell.ok('backup list')).toMatch(/STORED +PROVEN +EXPIRES/);
    expect(await shell.ok('implementation list')).toMatch(/LAST PROVEN/);
    await shell.ok('backup create shop/two');
    const all = await shell.json(checkDocument, 'backup verify --all --restore');
    expect(all.proofs).toHaveLength(2);
    expect(await shell.ok('backup verify --all --restore')).toMatch(/shop\/two +[0-9a-f]{8} +proven +1,202 /);
    expect(await shell.ok('stats')).toMatch(/Proven +2 of 2, the last /);
  });

  it('damage: 4, named, and nothing was restored; no right to make a schema: 15', async () => {
    const shell = await shopShell();
    await shell.ok('backup create shop/one');
    const { name } = (await shell.db.query('SELECT current_database() AS name')).rows[0];
    const role = `proof_${name}`;
    await shell.db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' IN ROLE service_role;
      GRANT USAGE ON SCHEMA cofre TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA cofre, public TO ${role}`);
    const url = new URL(shell.db.url);
    [url.username, url.password] = [role, 'secret'];
    const refused = await shell.fails('backup verify latest --restore', 15, { DATABASE_URL: url.href });
    expect(refused).toMatchObject({ code: 'database/not-permitted', hint: expect.stringContaining('GRANT CREATE') });
    await shell.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    const packs = path.join(shell.home, 'repository', 'packs');
    const [file = ''] = (await readdir(packs, { recursive: true })).filter((it) => it.endsWith('.pack'));
    const bytes = await readFile(path.join(packs, file));
    bytes[300] = (bytes[300] ?? 0) ^ 1;
    await writeFile(path.join(packs, file), bytes);
    const check = await shell.json(checkDocument, 'backup verify latest --restore', 4);
    expect(check).toMatchObject({ ok: false, damage: [{ kind: 'block-damaged' }] });
    expect(check.proof).toBeUndefined();
  });

  it('killed at any moment leaves no schema, no session and no lock, and the next proof is whole', async () => {
    const shell = await shopShell();
    await shell.db.query(`INSERT INTO sale (item_id, quantity) SELECT 2, i FROM generate_series(1, 150000) AS i`);
    await shell.ok('backup create shop/one');
    for (const moment of [/^COPY .* FROM STDIN/, /^(ALTER TABLE|CREATE UNIQUE INDEX)/, /^COPY \(SELECT .*ORDER BY/]) {
      const { child, ended } = shell.start(['backup', 'verify', 'latest', '--restore', '--progress', 'none']);
      let isOver = false;
      void ended.then(() => (isOver = true));
      while (!isOver && !moment.test((await proving(shell)) ?? '')) await sleep(1);
      expect(isOver, `still running at ${moment}`).toBe(false);
      child.kill('SIGKILL');
      await ended;
      expect(await leftOver(shell)).toEqual([]);
      for (let waited = 0; (await proving(shell)) !== undefined; waited += 50) {
        expect(waited).toBeLessThan(20_000);
        await sleep(50);
      }
      expect(await leftOver(shell)).toEqual([]);
    }
    expect((await shell.json(backupDocument, 'backup show latest')).provenAt).toBeNull();
    const check = await shell.json(checkDocument, 'backup verify latest --restore');
    expect(check.proof?.tables.find(({ table }) => table === 'public.sale')).toMatchObject({
      rows: 151_000,
      matches: true,
    });
  });

  it('is stopped by an interrupt: 130, and nothing is left', async () => {
    const shell = await shopShell();
    await shell.db.query(`INSERT INTO sale (item_id, quantity) SELECT 2, i FROM generate_series(1, 150000) AS i`);
    await shell.ok('backup create shop/one');
    const { child, ended } = shell.start(['backup', 'verify', 'latest', '--restore', '--progress', 'none', '--json']);
    while ((await proving(shell)) === undefined) await sleep(1);
    child.kill('SIGINT');
    const result = await ended;
    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(result.stderr).toContain('backup/interrupted');
    expect(await proving(shell)).toBeUndefined();
    expect(await leftOver(shell)).toEqual([]);
  });
});
