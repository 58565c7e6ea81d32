import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { blocksOf, type Explained, explainCatalogue, nodesOf } from '../../../../tests/support/explain-catalogue.ts';
import { fillLists, implementationIdSql } from '../../../../tests/support/fill-lists.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import type { Actor } from '../actor.ts';
import { listAuditLogs } from '../audit/list-audit-logs.ts';
import { listBackups } from '../backups/list-backups.ts';
import { listJobs } from '../jobs/list-jobs.ts';
import { listNotifications } from '../notifications/list-notifications.ts';
import { listRestores } from '../restores/list-restores.ts';
import type { ServiceContext } from '../service-context.ts';

const ROWS = 10_000;
const PAGE = 20;
const PAGES = 100;
/** Rows that are walked at once on the way to the hundredth page. */
const STEP = 100;

const person = (role?: string): Actor => ({
  kind: 'person',
  userId: '22222222-2222-4222-8222-222222222222',
  name: 'vic',
  claims: role === undefined ? {} : { app_metadata: { role } },
});

interface Paged {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
}
interface List {
  /** The least that may look: row-level security must not cost the index. */
  readonly as: Actor;
  readonly page: (context: ServiceContext, input: object) => Promise<Paged>;
  /** Where its rows are. */
  readonly table: string;
  readonly filters: readonly object[];
}

/** Stands for an id that is known when the rows are there. */
const K1 = 'K1';
const backupFilters = [
  {},
  { implementation: 'm1/k1' },
  { implementation: K1 },
  { implementation: 'm1/none' },
  { module: 'm1' },
  { type: 'config_only' },
  { status: 'failed' },
  { held: true },
  { held: false },
  { expired: true },
  { expired: false },
  { since: '2025-02-01T00:00:00Z', until: '2025-02-03T00:00:00Z' },
  { text: 'importação antes' },
  { module: 'm1', type: 'full', status: 'completed' },
];
const sorts = ['newest', 'oldest', 'largest', 'expiring-first'];

const LISTS: Readonly<Record<string, List>> = {
  backups: {
    as: person(),
    page: listBackups,
    table: 'module_backups',
    filters: backupFilters.flatMap((filter) => sorts.map((sort) => ({ ...filter, sort }))),
  },
  jobs: {
    as: person('viewer'),
    page: listJobs,
    table: 'jobs',
    filters: [{}, { state: 'failed' }, { state: 'running' }, { implementation: 'm1/k1' }, { implementation: K1 }],
  },
  restores: {
    as: person('viewer'),
    page: async (context, input) => ({ items: await listRestores(context, input), nextCursor: null }),
    table: 'restores',
    filters: [{}, { implementation: 'm1/k1' }, { implementation: K1 }, { implementation: 'm1/none' }],
  },
  'audit logs': {
    as: person('admin'),
    page: listAuditLogs,
    table: 'audit_logs',
    filters: [
      {},
      { action: 'ACCESS_DENIED' },
      { action: 'NEVER_HEARD_OF' },
      { outcome: 'failed' },
      { implementationId: K1 },
      { userId: K1 },
      { since: '2025-02-01T00:00:00Z' },
    ],
  },
  notifications: {
    as: person('admin'),
    page: listNotifications,
    table: 'admin_notifications',
    filters: [{}, { unreadOnly: true }],
  },
};

describe.each(testServers())('lists of ten thousand on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  let k1 = '';
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
    await fillLists((sql, params) => db.query(sql, params), ROWS);
    k1 = (await db.query(`SELECT ${implementationIdSql('1')}::text AS id`)).rows[0]?.id;
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  const named = (filters: object) =>
    Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, value === K1 ? k1 : value]));

  /** Everything that a page asks of the database, who may look and what was interrupted included. */
  async function explainPage(list: List, input: object): Promise<readonly Explained[]> {
    const { catalogue, explained } = explainCatalogue(service.context.catalogue);
    await list.page({ ...service.context, catalogue, actor: list.as }, named(input));
    return explained;
  }

  /** Where the hundredth page begins, or one in the middle where there are fewer. */
  async function deepCursor(list: List, filters: object): Promise<string | null> {
    const cursors: string[] = [];
    for (let row = 0; row < PAGES * PAGE; row += STEP) {
      const { nextCursor } = await list.page(
        service.context,
        named({ ...filters, limit: STEP, ...at(cursors.at(-1) ?? null) }),
      );
      if (nextCursor === null) return cursors[Math.floor(cursors.length / 2)] ?? null;
      cursors.push(nextCursor);
    }
    return cursors.at(-1) ?? null;
  }

  const cases = Object.entries(LISTS).flatMap(([name, list]) =>
    list.filters.map((filters) => ({ name, list, filters, what: JSON.stringify(filters) })),
  );

  it.each(cases)('$name $what: through an index, and the hundredth page costs what the first does', async (given) => {
    const { list, filters } = given;
    // Once for nothing: a session first reads what it needs to know of functions and tables.
    await explainPage(list, { ...filters, limit: PAGE });
    const first = await explainPage(list, { ...filters, limit: PAGE });
    const scans = first
      .flatMap(({ plan }) => nodesOf(plan))
      .filter(({ 'Relation Name': table }) => table === list.table);
    expect(scans.length).toBeGreaterThan(0);
    expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    const cursor = await deepCursor(list, filters);
    if (cursor === null) return;
    const deep = await explainPage(list, { ...filters, limit: PAGE, ...at(cursor) });
    expect(blocksOf(deep)).toBeLessThanOrEqual(blocksOf(first) * 1.5 + 30);
  });
});

const at = (cursor: string | null) => (cursor === null ? {} : { cursor });
