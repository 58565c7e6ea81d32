import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import { openStore, systemClock } from '../../../storage/src/index.ts';
import { listBackups } from '../backups/list-backups.ts';
import { verifyAllBackups } from '../backups/verify-all-backups.ts';
import { listImplementations } from '../modules/list-implementations.ts';
import { listRestores } from '../restores/list-restores.ts';
import type { ServiceContext } from '../service-context.ts';
import { loadDemoHistory } from './load-history.ts';

const DAY_MS = 86_400_000;

// One server is enough: what differs between them is tested where it is done.
describe.each(costlyTestServers())('the demo’s history on PostgreSQL $name', (server) => {
  let database: TestDatabase;
  let service: TestService;
  let context: ServiceContext;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cofre-history-'));
    database = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(database, { store: openStore(pathToFileURL(folder).href) });
    context = service.again({ clock: systemClock });
    await loadDemoHistory(context);
  }, 600_000);
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows thirty days of backups, and one of everything that a screen can show', async () => {
    const { items } = await listBackups(context, { limit: 500 });
    const days = new Set(items.map(({ createdAt }) => createdAt.slice(0, 10)));
    expect(days.size).toBeGreaterThanOrEqual(30);
    const now = Date.now();
    expect(items.every(({ createdAt }) => Date.parse(createdAt) <= now)).toBe(true);
    expect(items.every(({ createdAt }) => Date.parse(createdAt) > now - 33 * DAY_MS)).toBe(true);
    expect(items.filter(({ status }) => status === 'failed').length).toBeGreaterThan(0);
    expect(items.filter(({ held }) => held)).toHaveLength(1);
    expect(items.some(({ implementation }) => implementation.key === 'campaigns')).toBe(true);
    expect(items.some(({ expiresAt }) => expiresAt !== null && Date.parse(expiresAt) < now)).toBe(true);
    expect(items.some(({ type }) => type === 'incremental')).toBe(true);
    expect(await listRestores(context, {})).toMatchObject([{ status: 'completed', verified: true }]);
  });

  it('leaves one implementation overdue, and one failing', async () => {
    const implementations = await listImplementations(context, {});
    const which = (test: (it: (typeof implementations)[number]) => boolean) =>
      implementations.filter(test).map(({ module, key }) => `${module}/${key}`);
    expect(which(({ overdue, failures }) => overdue && failures === 0)).toEqual(['inventory/multi-warehouse']);
    expect(which(({ failures }) => failures > 0)).toEqual(['crm/pipeline']);
  });

  it('has nothing but backups that are whole', async () => {
    const { ok, checked } = await verifyAllBackups(context, {});
    expect(ok).toBe(true);
    expect(checked.backups).toBeGreaterThan(80);
  }, 120_000);
});
