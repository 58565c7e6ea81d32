import { type CheckDocument, CofreError, checkDocument } from '@cofre/contracts';
import type { ManifestTable, Repository } from '@cofre/engine';
import { batchesOfLines, linesOf } from '@cofre/engine';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService, type TestServiceOptions } from '../../../../tests/support/service-context.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { listImplementations } from '../modules/list-implementations.ts';
import type { ServiceContext } from '../service-context.ts';
import { createBackup } from './create-backup.ts';
import { showBackup } from './show-backup.ts';
import { verifyAllBackups } from './verify-all-backups.ts';
import { verifyBackup } from './verify-backup.ts';

const KEY = { kind: 'passphrase', passphrase: 'correct horse' } as const;
const LATEST = { backup: 'latest', restore: true };

describe.each(costlyTestServers())('proofs of backups on PostgreSQL $name', (server) => {
  const made: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  async function shop(options: TestServiceOptions = {}): Promise<TestService & { readonly db: TestDatabase }> {
    const db = await createTestDatabase(server, { template: 'migrated' });
    made.push(() => db.drop());
    const service = await createShop(db, options);
    made.push(async () => service[Symbol.asyncDispose]());
    await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } });
    await addImplementation(service.context, { module: 'shop', key: 'two', scope: { store_id: 2 } });
    await addImplementation(service.context, { module: 'shop', key: 'none', scope: { store_id: 3 } });
    return { ...service, db };
  }

  const lastAudit = async (db: TestDatabase) =>
    (
      await db.query(
        `SELECT outcome, details FROM audit_logs WHERE action = 'VERIFY_MODULE_BACKUP' ORDER BY created_at`,
      )
    ).rows;

  /** The same service, whose repository gives other rows of a table than it has. */
  function lying(service: TestService, table: string, spoil: (lines: string[]) => string[]): ServiceContext {
    const openRepository = async (): Promise<Repository> => {
      const repository = await service.context.openRepository();
      return Object.create(repository, {
        readRows: {
          value: async function* (stored: ManifestTable) {
            const lines: string[] = [];
            for await (const batch of repository.readRows(stored))
              for (const line of linesOf(batch)) lines.push(line.toString());
            yield* batchesOfLines((stored.name === table ? spoil(lines) : lines).map((line) => Buffer.from(line)));
          },
        },
        verifyBackup: { value: repository.verifyBackup.bind(repository) },
        readManifest: { value: repository.readManifest.bind(repository) },
      }) as Repository;
    };
    return service.again({ openRepository });
  }

  it.each([
    ['a full backup', {}, {}],
    ['an encrypted one', { key: KEY }, {}],
    ['one of configuration only', {}, { type: 'config_only' as const }],
    ['one without compression', {}, { compression: 'none' as const }],
  ])('%s is proven, and when it was is kept and shown', async (_what, options, input) => {
    const { context, db } = await shop(options);
    const backup = await createBackup(context, { implementation: 'shop/one', ...input });
    expect(backup.provenAt).toBeNull();
    const check = checkDocument.parse(await verifyBackup(context, LATEST));
    expect(check).toMatchObject({ ok: true, damage: [], proof: { provenAt: expect.any(String) } });
    const tables = check.proof?.tables ?? [];
    expect(tables.reduce((sum, { rows }) => sum + rows, 0)).toBe(backup.stats.rows);
    expect(tables.every(({ matches, structure }) => matches && structure === 'live')).toBe(true);
    const shown = await showBackup(context, { backup: 'latest' });
    expect(shown.provenAt).toBe(check.proof?.provenAt);
    expect(shown.verifiedAt).not.toBeNull();
    const [none, one, two] = await listImplementations(context);
    expect([none, one, two]).toMatchObject([
      { key: 'none', lastProvenAt: null },
      { key: 'one', lastProvenAt: shown.provenAt },
      { key: 'two', lastProvenAt: null },
    ]);
    expect(await lastAudit(db)).toMatchObject([
      { outcome: 'done', details: { ok: true, restore: true, proven: true } },
    ]);
    const { rows } = await db.query('SELECT proof FROM module_backups');
    expect(rows).toEqual([{ proof: check.proof }]);
  });

  it('an incremental and a backup of nothing are proven as well', async () => {
    const { context, db } = await shop();
    await createBackup(context, { implementation: 'shop/one' });
    await db.query('UPDATE item SET price = price + 1 WHERE item_id % 10 = 0');
    await createBackup(context, { implementation: 'shop/one', type: 'incremental' });
    expect((await verifyBackup(context, { backup: 'latest:incremental', restore: true })).ok).toBe(true);
    await createBackup(context, { implementation: 'shop/none' });
    const check = await verifyBackup(context, LATEST);
    expect(check.proof?.tables.filter(({ table }) => table === 'public.item')).toMatchObject([
      { rows: 0, matches: true },
    ]);
  });

  it('reports its progress, rows out of rows', async () => {
    const { context, again } = await shop();
    const { stats } = await createBackup(context, { implementation: 'shop/one' });
    const seen = new Map<string, number>();
    await verifyBackup(
      again({ onProgress: ({ phase, rows, rowsTotal }) => void (rowsTotal === stats.rows && seen.set(phase, rows)) }),
      LATEST,
    );
    expect(Object.fromEntries(seen)).toEqual({ apply: stats.rows, verify: stats.rows, done: stats.rows });
  });

  it('a backup that does not come back is proven no more, logged, and told to administrators once', async () => {
    const service = await shop();
    const { context, db } = service;
    const backup = await createBackup(context, { implementation: 'shop/one' });
    await verifyBackup(context, LATEST);
    const doubled = lying(service, 'item', (lines) => lines.with(1, lines[0] ?? ''));
    for (let time = 0; time < 2; time++) {
      const check = checkDocument.parse(await verifyBackup(doubled, LATEST));
      expect(check).toMatchObject({
        ok: false,
        damage: [{ object: 'public.item', kind: 'not-proven-key', backups: [backup.id] }],
        proof: {
          provenAt: null,
          error: { code: 'backup/not-proven', params: { backupId: backup.id, tables: ['public.item'] } },
        },
      });
      expect(check.proof?.tables.find(({ table }) => table === 'public.item')).toMatchObject({
        matches: false,
        fault: { kind: 'key' },
      });
    }
    expect(await showBackup(context, { backup: 'latest' })).toMatchObject({
      provenAt: null,
      verifiedAt: expect.any(String),
    });
    expect((await lastAudit(db)).at(-1)).toMatchObject({
      outcome: 'failed',
      details: { ok: false, restore: true, proven: false },
    });
    const { rows } = await db.query('SELECT kind, severity, occurrences, params FROM admin_notifications');
    expect(rows).toMatchObject([
      {
        kind: 'damage-found',
        severity: 'error',
        occurrences: 2,
        params: { implementation: 'shop/one', backupId: backup.id, code: 'backup/not-proven' },
      },
    ]);
    expect((await verifyBackup(context, LATEST)).ok).toBe(true);
    expect((await showBackup(context, { backup: 'latest' })).provenAt).not.toBeNull();
  });

  it('a flipped byte is found before anything is restored, and the backup is proven no more (I5)', async () => {
    const { context, store, again, db } = await shop();
    await createBackup(context, { implementation: 'shop/one' });
    await verifyBackup(context, LATEST);
    for await (const { path } of store.list('packs/')) {
      const pack = Buffer.from(await store.get(path));
      pack[200] = (pack[200] ?? 0) ^ 1;
      await store.put(path, pack);
    }
    const check = await verifyBackup(again(), LATEST);
    expect(check).toMatchObject({ ok: false, damage: [{ kind: 'block-damaged' }] });
    expect(check.proof).toBeUndefined();
    expect(await showBackup(context, { backup: 'latest' })).toMatchObject({ provenAt: null, verifiedAt: null });
    const { rows } = await db.query('SELECT kind, params FROM admin_notifications');
    expect(rows).toMatchObject([{ kind: 'damage-found', params: { code: 'repository/damaged' } }]);
  });

  it('runs beside a backup and another proof of the same implementation', async () => {
    const { context, again } = await shop();
    const { id } = await createBackup(context, { implementation: 'shop/one' });
    const [check, second, other] = await Promise.all([
      verifyBackup(again(), { backup: id, restore: true }),
      createBackup(again(), { implementation: 'shop/one', type: 'incremental' }),
      verifyBackup(again(), { backup: id, restore: true }),
    ]);
    expect([check.ok, other.ok, second.status]).toEqual([true, true, 'completed']);
  });

  it('what says nothing about the backup leaves the proof that there was, and is logged with its code', async () => {
    const service = await shop();
    const { context, db } = service;
    await createBackup(context, { implementation: 'shop/one' });
    await verifyBackup(context, LATEST);
    const { provenAt } = await showBackup(context, { backup: 'latest' });
    const away = lying(service, 'sale', () => {
      throw new CofreError('storage/unavailable', 'The bucket is away.');
    });
    await expect(verifyBackup(away, LATEST)).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(await showBackup(context, { backup: 'latest' })).toMatchObject({ provenAt });
    expect((await lastAudit(db)).at(-1)).toMatchObject({
      outcome: 'failed',
      details: { restore: true, code: 'storage/unavailable' },
    });
    expect((await db.query('SELECT FROM admin_notifications')).rowCount).toBe(0);
    const controller = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => void (phase === 'apply' && controller.abort());
    const stopped = service.again({ signal: controller.signal, onProgress });
    await expect(verifyBackup(stopped, LATEST)).rejects.toMatchObject({ code: 'backup/interrupted' });
    expect(await showBackup(context, { backup: 'latest' })).toMatchObject({ provenAt });
  });

  it('all at once: the newest of each implementation, and one that cannot be looked at holds up no other', async () => {
    const service = await shop();
    const { context, db } = service;
    expect(checkDocument.parse(await verifyAllBackups(context, { restore: true }))).toMatchObject({
      ok: true,
      proofs: [],
      failed: [],
    });
    const old = await createBackup(context, { implementation: 'shop/one', type: 'config_only' });
    const newest = await createBackup(context, { implementation: 'shop/one' });
    const two = await createBackup(context, { implementation: 'shop/two' });
    await db.query(`DELETE FROM module_implementations WHERE key = 'two'`);
    const check: CheckDocument = checkDocument.parse(await verifyAllBackups(context, { restore: true }));
    expect(check).toMatchObject({ ok: true, checked: { backups: 2 }, failed: [] });
    expect(new Set(check.proofs?.map(({ backupId }) => backupId))).toEqual(new Set([newest.id, two.id]));
    expect(await showBackup(context, { backup: old.id })).toMatchObject({ provenAt: null, verifiedAt: null });
    const away = lying(service, 'item', (lines) => {
      if (lines.some((line) => line.startsWith('1\t')))
        throw new CofreError('storage/unavailable', 'The bucket is away.');
      return lines;
    });
    const partly = await verifyAllBackups(away, { restore: true });
    expect(partly).toMatchObject({ ok: true, failed: [{ error: { code: 'storage/unavailable' } }] });
    expect(partly.proofs).toHaveLength(1);
  });

  it('a role that may not make a schema is told so before a byte is read', async () => {
    const { context, db, again } = await shop();
    await createBackup(context, { implementation: 'shop/one' });
    const { name } = (await db.query('SELECT current_database() AS name')).rows[0];
    const role = `proof_${name}`;
    await db.query(`CREATE ROLE ${role}; REVOKE CREATE ON DATABASE ${name} FROM PUBLIC`);
    const database = {
      ...context.database,
      connect: async (options?: { readonly applicationName?: string }) => {
        const client = await context.database.connect(options);
        await client.query(`SET ROLE ${role}`);
        return client;
      },
    };
    const refusal = { code: 'database/not-permitted' };
    await expect(verifyBackup(again({ database }), LATEST)).rejects.toMatchObject(refusal);
    await expect(verifyAllBackups(again({ database }), { restore: true })).rejects.toMatchObject(refusal);
    expect((await showBackup(context, { backup: 'latest' })).verifiedAt).toBeNull();
    await db.query(`DROP ROLE ${role}`);
  });
});
