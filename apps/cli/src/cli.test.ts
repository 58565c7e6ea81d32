import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BackupDocument,
  backupDocument,
  backupRowsDocument,
  type CheckDocument,
  checkDocument,
  diffDocument,
  doctorDocument,
  implementationDocument,
  migrationsDocument,
  moduleDetailDocument,
  progressEvent,
  repositoryDocument,
} from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { emptyShell, type Shell, shopShell, untilWaiting } from '../../../tests/support/cofre-shell.ts';
import { loadShop, SHOP_DEFINITION } from '../../../tests/support/service-context.ts';

async function objects(shell: Shell, folder: string): Promise<string[]> {
  const root = path.join(shell.home, 'repository', folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

async function flipByte(file: string, where: (length: number) => number = (length) => length >> 1): Promise<void> {
  const bytes = await readFile(file);
  const at = where(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe('from an empty database to backups', () => {
  it('makes, lists, shows, reads, compares, verifies and deletes them, as documents that hold to the contract', async () => {
    const shell = await emptyShell();
    await loadShop(shell.db);
    expect((await shell.fails('backup list', 1)).code).toBe('catalogue/not-migrated');
    await shell.ok('db migrate');
    await shell.json(migrationsDocument, 'db status');
    const repository = await shell.json(repositoryDocument, 'repo init --encryption none');
    expect(await shell.json(repositoryDocument, 'repo info')).toEqual(repository);
    const file = path.join(shell.home, 'shop.yaml');
    await writeFile(file, SHOP_DEFINITION);
    await shell.ok(`module apply ${file}`);
    await shell.json(implementationDocument, `implementation add shop one --scope '{"store_id":1}'`);
    const module = await shell.json(moduleDetailDocument, 'module show shop');
    expect(module).toMatchObject({ tables: 3, implementationList: [{ key: 'one', scope: { store_id: 1 } }] });

    const full = await shell.json(backupDocument, `backup create shop/one --description 'the first'`);
    await shell.db.query('UPDATE item SET price = 0 WHERE item_id = 20');
    const child = await shell.json(backupDocument, 'backup create shop/one --type incremental --expires 30d');
    expect(child).toMatchObject({ type: 'incremental', parentId: full.id });
    expect(child.expiresAt).not.toBeNull();
    const list = JSON.parse(await shell.ok('backup list --json')) as { items: unknown[]; nextCursor: unknown };
    expect(list).toEqual({ items: [child, full], nextCursor: null });
    expect(await shell.json(backupDocument, `backup show ${full.id.slice(0, 8)}`)).toEqual(full);
    expect(await shell.ok('backup list')).toContain('the first');
    const rows = await shell.json(backupRowsDocument, 'backup rows latest item --limit 1');
    expect(rows.rows).toEqual([{ item_id: '2', store_id: '1', sku: 'sku-2', price: '2.20' }]);
    const diff = await shell.json(diffDocument, `diff ${full.id} ${child.id}`);
    expect(diff.tables).toContainEqual({ table: 'public.item', inserted: 0, updated: 1, deleted: 0 });
    expect(await shell.ok(`diff latest live`)).toContain('Nothing differs');
    expect((await shell.json(checkDocument, 'backup verify latest')).ok).toBe(true);
    expect((await shell.json(doctorDocument, 'doctor')).ok).toBe(true);
    expect((await shell.fails('backup delete latest', 2)).code).toBe('usage/confirmation-needed');
    await shell.json(backupDocument, `backup delete ${full.id} --yes`);
    expect((await shell.json(checkDocument, 'repo check --read-data')).checked.backups).toBe(1);
  });

  it('prints progress as JSON lines on stderr, and the answer alone on stdout', async () => {
    const shell = await shopShell();
    const { stdout, stderr } = await shell.run('backup create shop/one --progress json --json');
    backupDocument.parse(JSON.parse(stdout));
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => progressEvent.parse(JSON.parse(line)));
    expect(events.at(0)?.phase).toBe('prepare');
    expect(events.at(-1)).toMatchObject({ phase: 'done', rows: 1202 });
  });

  it('a batch with one failure is partly done: 3', async () => {
    const shell = await shopShell();
    await shell.db.query(
      `UPDATE cofre.implementation_settings SET backup_scope = NULL WHERE backup_scope ->> 'store_id' = '2'`,
    );
    const result = await shell.run('backup create --module shop --type config_only --json');
    expect(result).toMatchObject({ code: 3 });
    expect(JSON.parse(result.stdout)).toMatchObject({ items: [{ status: 'completed' }], failed: 1 });
  });
});

describe('bad input', () => {
  it('says what is wrong with a call, exits 2, and starts nothing', async () => {
    const shell = await emptyShell({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    for (const args of [
      'backup crate',
      'backup create',
      'backup create --all --module shop',
      'backup create shop/one --type sometimes',
      'backup create shop/one --expires tomorrow',
      'backup list --limit many',
      'repo init --encryption rot13',
      'repo init',
      'module discover',
      'module apply /does/not/exist',
      'backup list --nonsense',
      'backup verify',
      'backup verify latest --all',
    ]) {
      expect(await shell.fails(args, 2), args).toMatchObject({
        code: 'usage/invalid',
        message: expect.stringContaining('Nothing was'),
      });
    }
    const words = await shell.run('backup create');
    expect(words.stderr.trim().split('\n')).toHaveLength(1);
    expect(words.stderr).not.toContain(' at ');
  });

  it('refuses by name what a later version brings', async () => {
    const shell = await emptyShell();
    for (const args of [
      'restore plan latest --mode exact',
      'restore plan latest --key public.item=1',
      'restore apply latest --allow-collateral public.item --yes',
    ]) {
      expect(await shell.fails(args, 2), args).toMatchObject({ code: 'usage/not-available-yet' });
    }
  });

  it('no repository: 10, before the database is touched', async () => {
    const shell = await emptyShell({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    for (const args of [
      'backup create shop/one',
      'repo check',
      'repo info',
      'diff latest live',
      'backup verify latest',
    ]) {
      expect((await shell.fails(args, 10)).code).toBe('repository/not-found');
    }
  });

  it('wrong or missing or unwanted key: 12, before anything is read', async () => {
    const key = { COFRE_PASSPHRASE: 'correct horse' };
    const shell = await shopShell(key);
    await shell.ok('backup create shop/one --type config_only');
    const wrong = { COFRE_PASSPHRASE: 'battery staple' };
    // With a database that is not there: the key is looked at first.
    const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    expect((await shell.fails('backup create shop/one', 12, { ...wrong, ...nowhere })).code).toBe(
      'repository/key-wrong',
    );
    expect((await shell.fails('repo check --read-data', 12, wrong)).code).toBe('repository/key-wrong');
    expect((await shell.fails('repo check', 12, { COFRE_PASSPHRASE: '' })).code).toBe('repository/key-required');
    const plain = await shopShell();
    expect((await plain.fails('backup create shop/one', 12, key)).code).toBe('repository/key-not-wanted');
  });

  it('a key file opens what it made; one that is no key is refused', async () => {
    const shell = await emptyShell();
    const file = path.join(shell.home, 'key');
    await writeFile(file, `${'0123456789abcdef'.repeat(4)}\n`);
    await shell.ok('repo init', { COFRE_KEY_FILE: file });
    // config.json remembers the file.
    await shell.ok('repo check');
    await writeFile(file, 'short');
    expect((await shell.fails('repo check', 12)).code).toBe('repository/key-wrong');
    await rm(file);
    expect((await shell.fails('repo check', 12)).code).toBe('repository/key-required');
  });

  it('a repository that was replaced, or lost its encryption: 4', async () => {
    const shell = await shopShell({ COFRE_PASSPHRASE: 'correct horse' });
    await shell.ok('backup create shop/one --type config_only');
    await rm(path.join(shell.home, 'repository'), { recursive: true });
    const other = await emptyShell();
    await other.ok('repo init --encryption none');
    await cp(path.join(other.home, 'repository'), path.join(shell.home, 'repository'), { recursive: true });
    expect((await shell.fails('repo check', 4, { COFRE_PASSPHRASE: '' })).code).toBe('repository/identity-changed');
    expect((await shell.fails('backup create shop/one', 4, { COFRE_PASSPHRASE: '' })).code).toBe(
      'repository/identity-changed',
    );
  });

  it('a repository of a newer format: refused, nothing read', async () => {
    const shell = await shopShell();
    const file = path.join(shell.home, 'repository', 'cofre.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"format":\s*1/, '"format": 2'));
    expect((await shell.fails('repo check', 1)).code).toBe('repository/newer-format');
  });

  it('a definition that names what is not there: 2, every fault with its place, and the kept one stays', async () => {
    const shell = await shopShell();
    const file = path.join(shell.home, 'bad.yaml');
    await writeFile(
      file,
      SHOP_DEFINITION.replace('public.sale', 'public.sail').replace('secret: [api_key]', 'secret: [password]'),
    );
    const error = await shell.fails(`module apply ${file}`, 2);
    expect(error).toMatchObject({
      code: 'definition/invalid',
      params: { faults: [expect.stringMatching(/^5:\d+ /), expect.stringMatching(/^7:\d+ /)] },
    });
    expect(await shell.json(moduleDetailDocument, 'module show shop')).toMatchObject({ revision: 1 });
  });

  it('unknown ids and names: 1; a prefix that fits several: 2', async () => {
    const shell = await shopShell();
    expect((await shell.fails('backup show abcd', 1)).code).toBe('backup/not-found');
    expect((await shell.fails('backup show latest', 1)).code).toBe('backup/not-found');
    expect((await shell.fails('backup create shop/nine', 1)).code).toBe('implementation/not-found');
    expect((await shell.fails('backup create 8f14e45f-ceea-467a-9575-28f8b0b1c2d3', 1)).code).toBe(
      'implementation/not-found',
    );
    expect((await shell.fails('module show nothing', 1)).code).toBe('module/not-found');
    expect((await shell.fails('implementation add nothing one', 1)).code).toBe('module/not-found');
    expect((await shell.fails(`implementation add shop one --scope '{"store_id":1}'`, 1)).code).toBe(
      'implementation/exists',
    );
    expect((await shell.fails('backup show abc', 2)).code).toBe('usage/invalid');
    for (const n of [1, 2]) {
      const id = `abcd0000-0000-4000-8000-00000000000${n}`;
      await shell.db.query(
        `INSERT INTO public.module_backups (id, backup_type, status, source_implementation_id, module_slug, implementation_key)
         SELECT $1, 'full', 'failed', id, 'shop', 'one' FROM public.module_implementations WHERE key = 'one'`,
        [id],
      );
    }
    expect((await shell.fails('backup show abcd', 2)).code).toBe('backup/ambiguous');
  });

  it('two backups of one implementation at once, or a lock that is not to be had: 11', async () => {
    const shell = await shopShell();
    const blocker = await shell.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const first = shell.start(['backup', 'create', 'shop/one', '--json']);
    await untilWaiting(shell.db);
    expect((await shell.fails('backup create shop/one', 11)).code).toBe('backup/busy');
    const timedOut = await first.ended;
    expect(timedOut).toMatchObject({ code: 11 });
    expect(JSON.parse(timedOut.stderr)).toMatchObject({ error: { code: 'database/lock-timeout' } });
    await blocker.end();
  });

  it('a role that row-level security would blind: 15', async () => {
    const shell = await shopShell();
    const name = (await shell.db.query('SELECT current_database() AS name')).rows[0]?.name as string;
    const role = `blind_${name.slice(2, 14)}`;
    await shell.db.query(`
      CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT service_role TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
      GRANT USAGE ON SCHEMA cofre TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA cofre TO ${role};
      ALTER ROLE ${role} INHERIT;
      ALTER TABLE public.item ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON public.item USING (price > 100)`);
    const url = new URL(shell.db.url);
    [url.username, url.password] = [role, 'x'];
    expect((await shell.fails('backup create shop/one', 15, { DATABASE_URL: url.href })).code).toBe(
      'database/row-security',
    );
    await shell.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

describe('damage', () => {
  async function twoBackups(): Promise<{ shell: Shell; one: BackupDocument; two: BackupDocument }> {
    const shell = await shopShell();
    const one = await shell.json(backupDocument, 'backup create shop/one');
    const two = await shell.json(backupDocument, 'backup create shop/two');
    return { shell, one, two };
  }

  /** Names exactly the hurt backup; the other one is whole. */
  async function expectHurt(shell: Shell, hurt: BackupDocument, whole: BackupDocument): Promise<CheckDocument> {
    const check = await shell.json(checkDocument, 'repo check --read-data', 4);
    expect([...new Set(check.damage.flatMap(({ backups }) => backups))]).toEqual([hurt.id]);
    expect((await shell.json(checkDocument, `backup verify ${whole.id}`)).ok).toBe(true);
    return check;
  }

  async function packOf(shell: Shell, backup: BackupDocument): Promise<string> {
    const packs = await objects(shell, 'packs');
    const others = [];
    for (const pack of packs) {
      // Each of the two backups has its own pack: theirs are the ones that a check misses when they are away.
      await cp(pack, `${pack}.away`);
      await rm(pack);
      const check = await shell.json(checkDocument, 'repo check', 4);
      await cp(`${pack}.away`, pack);
      await rm(`${pack}.away`);
      if (check.damage.some(({ backups }) => backups.includes(backup.id))) others.push(pack);
    }
    expect(others).toHaveLength(1);
    return others[0] ?? '';
  }

  it('a flipped byte, a truncated and a missing pack: 4, naming the backup that is hurt; the other still verifies (I5)', async () => {
    const { shell, one, two } = await twoBackups();
    const pack = await packOf(shell, one);
    const bytes = await readFile(pack);
    await flipByte(pack);
    await expectHurt(shell, one, two);
    expect((await shell.json(checkDocument, `backup verify ${one.id}`, 4)).ok).toBe(false);
    await writeFile(pack, bytes);
    await flipByte(pack, (length) => length - 20);
    expect((await shell.json(checkDocument, 'repo check --read-data', 4)).ok).toBe(false);
    await truncate(pack, bytes.length >> 1);
    await expectHurt(shell, one, two);
    await rm(pack);
    await expectHurt(shell, one, two);
    expect(await shell.fails(`backup rows ${one.id} item`, 4)).toMatchObject({ code: 'repository/object-missing' });
    // The other one does not only verify, it restores.
    await shell.db.query('UPDATE item SET price = 0 WHERE store_id = 2');
    await shell.ok(`restore apply ${two.id} --yes`);
    expect(await shell.ok(`diff ${two.id} live`)).toContain('Nothing differs');
    expect((await shell.fails(`diff ${one.id} live`, 4)).code).toBe('repository/object-missing');
    await writeFile(pack, bytes);
    expect((await shell.json(checkDocument, 'repo check --read-data')).ok).toBe(true);
  });

  it('a flipped byte in a manifest: 4, naming its backup', async () => {
    const { shell, one, two } = await twoBackups();
    expect((await shell.json(checkDocument, 'backup verify --all')).checked.backups).toBe(2);
    await flipByte(path.join(shell.home, 'repository', one.filePath ?? ''));
    await expectHurt(shell, one, two);
    const verified = await shell.json(checkDocument, 'backup verify --all', 4);
    expect(verified.damage).toEqual([{ object: one.filePath, kind: 'manifest-damaged', backups: [one.id] }]);
    expect((await shell.fails(`backup rows ${one.id} item`, 4)).code).toBe('repository/damaged');
  });

  it('a flipped byte in cofre.json, or in the key file of an encrypted repository: 4 or 12, and nothing is read', async () => {
    const shell = await shopShell({ COFRE_PASSPHRASE: 'correct horse' });
    await shell.ok('backup create shop/one --type config_only');
    const config = path.join(shell.home, 'repository', 'cofre.json');
    const bytes = await readFile(config);
    const createdAt = bytes.indexOf('createdAt') + 'createdAt":"'.length + 3;
    await flipByte(config, () => createdAt);
    expect((await shell.fails('backup verify latest', 4)).code).toBe('repository/damaged');
    await writeFile(config, bytes);
    const [key = ''] = await objects(shell, 'keys');
    await flipByte(key);
    expect([4, 12]).toContain((await shell.run('backup verify latest')).code);
  });
});

describe('interruption', () => {
  it('Ctrl-C ends a backup with 130, says that nothing half is listed, and so it is', async () => {
    const shell = await shopShell();
    const blocker = await shell.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const { child, ended } = shell.start(['backup', 'create', 'shop/one']);
    await untilWaiting(shell.db);
    child.kill('SIGINT');
    const result = await ended;
    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(result.stderr).toContain('Nothing half done is listed');
    await blocker.end();
    expect(JSON.parse(await shell.ok('backup list --json'))).toEqual({ items: [], nextCursor: null });
    expect((await shell.json(checkDocument, 'repo check')).checked.backups).toBe(0);
  });

  it('a killed process leaves nothing running: the next command marks it failed, and can back up', async () => {
    const shell = await shopShell();
    const blocker = await shell.db.database.connect();
    await blocker.query('BEGIN; LOCK TABLE public.sale IN ACCESS EXCLUSIVE MODE');
    const { child, ended } = shell.start(['backup', 'create', 'shop/one']);
    await untilWaiting(shell.db);
    child.kill('SIGKILL');
    await ended;
    await blocker.end();
    const list = async () => JSON.parse(await shell.ok('backup list --json')) as { items: { status: string }[] };
    // The server notices that the client is gone when it next looks at the socket.
    for (let tries = 0; tries < 100 && (await list()).items[0]?.status === 'running'; tries += 1) await sleep(100);
    expect(await list()).toMatchObject({ items: [{ status: 'failed', error: { code: 'backup/interrupted' } }] });
    await shell.ok('backup create shop/one');
  });
});
