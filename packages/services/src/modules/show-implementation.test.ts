import {
  backupDaysDocument,
  backupDocument,
  configurationDocument,
  implementationDetailDocument,
} from '@cofre/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { createBackup } from '../backups/create-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { readBackupRows } from '../backups/read-backup-rows.ts';
import { releaseBackup } from '../backups/release-backup.ts';
import { showBackupDays } from '../backups/show-backup-days.ts';
import { showBackup } from '../backups/show-backup.ts';
import { MASK } from '../backups/show-row.ts';
import { addImplementation } from './add-implementation.ts';
import { listImplementations } from './list-implementations.ts';
import { showConfiguration } from './show-configuration.ts';
import { showImplementation } from './show-implementation.ts';

const ONE = { implementation: 'shop/one' };

describe.each(costlyTestServers())('an implementation on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  let id: string;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createShop(db);
    id = (await addImplementation(service.context, { module: 'shop', key: 'one', scope: { store_id: 1 } })).id;
    await addImplementation(service.context, { module: 'shop', key: 'two', scope: { store_id: 2 } });
    await db.query(`INSERT INTO tenants (slug, name) VALUES ('b', 'Beta'), ('a', 'Alfa'), ('c', 'Casa')`);
    await db.query(
      `INSERT INTO tenant_module_assignments (tenant_id, implementation_id, is_active, custom_config)
       SELECT id, $1, slug <> 'c', '{"vat": 23, "apiToken": "tok-1"}' FROM tenants`,
      [id],
    );
    await db.query(`UPDATE store SET settings = '{"hours": [8, 18], "smtpPassword": "pw-1"}' WHERE store_id = 1`);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  it('before its first backup it shows who uses it, and no slice', async () => {
    const shown = implementationDetailDocument.parse(await showImplementation(service.context, ONE));
    expect(shown).toMatchObject({ key: 'one', tenants: 2, rows: null, slice: null, active: true });
    expect(shown.assignments.map(({ name, active }) => [name, active])).toEqual([
      ['Alfa', true],
      ['Beta', true],
      ['Casa', false],
    ]);
    const { days, last } = backupDaysDocument.parse(await showBackupDays(service.context, { ...ONE, days: 3 }));
    expect(last).toBeNull();
    expect(days.map(({ date, completed }) => [date, completed])).toEqual([
      ['2025-01-19', 0],
      ['2025-01-20', 0],
      ['2025-01-21', 0],
    ]);
  });

  it('the configuration is that of now, without secret columns and without what JSON keeps under secret names', async () => {
    const { tables } = configurationDocument.parse(await showConfiguration(service.context, ONE));
    const store = tables.find(({ table }) => table === 'public.store');
    expect(store).toMatchObject({ secretColumns: ['api_key'], isCut: false });
    expect(store?.rows).toEqual([
      { store_id: '1', name: 'One', settings: expect.stringContaining(MASK), api_key: MASK },
    ]);
    expect(tables.map(({ table }) => table)).not.toContain('public.item');
    const text = JSON.stringify(tables);
    for (const secret of ['key-of-one', 'pw-1', 'tok-1']) expect(text).not.toContain(secret);
    expect(text).toContain('23');
  });

  it('the slice is as the newest backup of all tables saw it, whatever came after', async () => {
    const full = await createBackup(service.context, ONE);
    await createBackup(service.context, { ...ONE, type: 'config_only' });
    const { slice, rows } = implementationDetailDocument.parse(await showImplementation(service.context, ONE));
    expect(rows).toBe(full.stats.rows);
    expect(slice).toMatchObject({ backupId: full.id });
    expect(slice?.tables).toContainEqual({
      table: 'public.item',
      role: 'data',
      rows: 200,
      bytes: expect.any(Number),
    });
    const listed = (await listImplementations(service.context)).map(({ key, rows: count }) => [key, count]);
    expect(listed).toEqual([
      ['one', full.stats.rows],
      ['two', null],
    ]);
  });

  it('a repository that is away takes the slice away, and says why', async () => {
    const away = { ...service.context, openRepository: () => Promise.reject(new Error('away')) };
    expect(await showImplementation(away, ONE)).toMatchObject({
      key: 'one',
      slice: null,
      sliceError: { code: 'internal/bug' },
    });
  });

  it('a day is one of the reader, and shows what failed beside what did not', async () => {
    // Half past two in the night in UTC is the evening before in São Paulo.
    await db.query(
      `INSERT INTO module_backups (implementation_id, source_implementation_id, module_slug, implementation_key,
         backup_type, status, created_at, safety)
       VALUES ($1, $1, 'shop', 'one', 'full', 'failed', '2025-01-20 02:30Z', false),
         ($1, $1, 'shop', 'one', 'full', 'failed', '2025-01-20 03:30Z', true)`,
      [id],
    );
    const failedOn = async (timeZone: string) => {
      const { days } = await showBackupDays(service.context, { ...ONE, days: 4, timeZone });
      return days.filter(({ failed }) => failed > 0).map(({ date, failed }) => [date, failed]);
    };
    expect(await failedOn('UTC')).toEqual([['2025-01-20', 1]]);
    expect(await failedOn('America/Sao_Paulo')).toEqual([['2025-01-19', 1]]);
    await expect(showBackupDays(service.context, { ...ONE, timeZone: 'Mars/Olympus' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
    const { days, last } = await showBackupDays(service.context, ONE);
    expect(days).toHaveLength(30);
    expect(days.at(-1)).toMatchObject({ completed: 2, overdue: false });
    expect(last).toMatchObject({ status: 'completed', errorCode: null });
  });

  it('every day since a scheduled backup was due is overdue', async () => {
    await db.query(
      `UPDATE cofre.implementation_settings SET next_backup_at = '2025-01-20 01:00Z' WHERE implementation_id = $1`,
      [id],
    );
    const { days } = await showBackupDays(service.context, { ...ONE, days: 3 });
    expect(days.map(({ date, overdue }) => [date, overdue])).toEqual([
      ['2025-01-19', false],
      ['2025-01-20', true],
      ['2025-01-21', true],
    ]);
    const late = await showBackupDays(service.context, { ...ONE, days: 3, timeZone: 'America/Sao_Paulo' });
    expect(late.days.every(({ overdue }) => overdue)).toBe(true);
  });

  it('rows are read from any place on, and past the end there are none', async () => {
    const page = async (offset: number) =>
      (await readBackupRows(service.context, { backup: 'latest:full', table: 'item', offset, limit: 2 })).rows.map(
        (row) => row['item_id'],
      );
    expect(await page(0)).toEqual(['2', '4']);
    expect(await page(2)).toEqual(['6', '8']);
    expect(await page(199)).toEqual(['400']);
    expect(await page(200)).toEqual([]);
  });

  it('a hold says who holds, since when and why, until it is released', async () => {
    const held = await holdBackup(service.context, { backup: 'latest:full', reason: 'for the auditors' });
    expect(backupDocument.parse(held)).toMatchObject({ heldBy: 'tester', heldReason: 'for the auditors' });
    expect(await showBackup(service.context, { backup: held.id })).toEqual(held);
    const released = await releaseBackup(service.context, { backup: held.id });
    expect(released).toMatchObject({ held: false, heldBy: null, heldAt: null, heldReason: null, origin: 'manual' });
  });
});
