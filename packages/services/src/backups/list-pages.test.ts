import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { fillLists } from '../../../../tests/support/fill-lists.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import { listBackups } from './list-backups.ts';

const BACKUPS = 10_000;

describe.each(testServers())('the list of ten thousand backups on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
    await fillLists((sql, params) => db.query(sql, params), BACKUPS);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  async function walk(filters: object): Promise<readonly string[]> {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listBackups>> = await listBackups(service.context, {
        limit: 500,
        ...filters,
        ...(cursor === null ? {} : { cursor }),
      });
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    return ids;
  }

  it.each([
    ['newest', {}],
    ['oldest', { sort: 'oldest' }],
    ['largest', { sort: 'largest' }],
    ['expiring first', { sort: 'expiring-first' }],
    ['of a module', { module: 'm1' }],
  ])('every backup is on one page: %s', async (_what, filters) => {
    const ids = await walk(filters);
    const expected = await db.query(
      `SELECT count(*)::int AS count FROM module_backups WHERE status <> 'canceled' AND ($1::text IS NULL OR module_slug = $1)`,
      ['module' in filters ? filters.module : null],
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(expected.rows[0]?.count);
  });

  it('finds by the beginning of an id without reading the others', async () => {
    const { items } = await listBackups(service.context, { limit: 1 });
    const plan = await db.query(`EXPLAIN (FORMAT JSON) SELECT id FROM module_backups WHERE id >= $1 AND id <= $2`, [
      `${items[0]?.id.slice(0, 8)}-0000-0000-0000-000000000000`,
      `${items[0]?.id.slice(0, 8)}-ffff-ffff-ffff-ffffffffffff`,
    ]);
    expect(JSON.stringify(plan.rows)).toContain('module_backups_pkey');
  });

  it('filters mean what they say, and a cursor of another list is refused', async () => {
    const { context } = service;
    const find = async (filters: object) => (await listBackups(context, { limit: 500, ...filters })).items;
    const described = await find({ text: 'Importação Ant' });
    expect(described.length).toBeGreaterThan(50);
    expect(described.every(({ description }) => description?.startsWith('Antes da importação'))).toBe(true);
    expect(await find({ text: 'portação' })).toEqual([]);
    for (const { expiresAt } of await find({ expired: true }))
      expect(Date.parse(expiresAt ?? '')).toBeLessThanOrEqual(context.clock.now().getTime());
    expect((await find({ held: true, type: 'full' })).every(({ held, type }) => held && type === 'full')).toBe(true);
    const day = await find({ since: '2025-02-01T00:00:00Z', until: '2025-02-02T00:00:00Z' });
    expect(day.every(({ createdAt }) => createdAt.startsWith('2025-02-01'))).toBe(true);
    const { nextCursor } = await listBackups(context, { limit: 5, sort: 'largest' });
    await expect(listBackups(context, { cursor: nextCursor ?? '', sort: 'newest' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
  });
});
