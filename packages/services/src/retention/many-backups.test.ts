import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createShop, type TestService } from '../../../../tests/support/service-context.ts';
import { cleanupExpiredBackups } from './cleanup-expired-backups.ts';
import { retainedPages } from './read-retained.ts';

const IMPLEMENTATIONS = 1000;
const BACKUPS_EACH = 10;

describe.each(costlyTestServers())('clean-up of many on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createShop(db);
    // Failed ones: their rows are all there is of them, so that the choosing is what is measured.
    await db.query(
      `INSERT INTO module_implementations (module_id, key, name)
         SELECT m.id, 'i' || n, 'I' || n FROM base_modules m, generate_series(1, ${IMPLEMENTATIONS}) AS n`,
    );
    await db.query(
      `INSERT INTO module_backups (implementation_id, source_implementation_id, module_slug, implementation_key, backup_type,
         status, created_at, expires_at, expiry_source)
       SELECT i.id, i.id, 'shop', i.key, 'full', 'failed', timestamptz '2025-01-01' + n * interval '1 day',
         CASE WHEN n <= 2 AND i.key LIKE 'i%0' THEN timestamptz '2025-01-10' ELSE timestamptz '2030-01-01' END, 'explicit'
       FROM module_implementations i, generate_series(1, ${BACKUPS_EACH}) AS n`,
    );
    await db.query('ANALYZE');
  }, 120_000);
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  it('holds a hundred implementations at once, whatever their number, and none twice', async () => {
    const { catalogue } = service.context;
    const seen = new Set<string>();
    let largest = 0;
    for await (const page of retainedPages(catalogue, { names: catalogue })) {
      largest = Math.max(largest, page.length);
      for (const { ref, backups } of page) {
        expect(seen.has(ref.id)).toBe(false);
        expect(backups).toHaveLength(BACKUPS_EACH);
        seen.add(ref.id);
      }
    }
    expect([seen.size, largest]).toEqual([IMPLEMENTATIONS, 100]);
  });

  it('reads each page through an index', async () => {
    const { rows } = await db.query(
      `SELECT source_implementation_id AS id FROM module_backups ORDER BY source_implementation_id LIMIT 1 OFFSET 5000`,
    );
    const plan = async (sql: string) =>
      JSON.stringify((await db.query(`EXPLAIN (FORMAT JSON) ${sql}`)).rows[0]?.['QUERY PLAN']);
    const ids = await plan(
      `SELECT DISTINCT source_implementation_id FROM module_backups WHERE module_slug IS NOT NULL
         AND deleted_at IS NULL AND status IN ('completed', 'failed', 'canceled')
         AND source_implementation_id > '${rows[0].id}' ORDER BY source_implementation_id LIMIT 100`,
    );
    expect(ids).not.toContain('Seq Scan');
    const backups = await plan(
      `SELECT * FROM module_backups WHERE source_implementation_id IN ('${rows[0].id}')
         AND deleted_at IS NULL ORDER BY source_implementation_id, created_at DESC, id DESC`,
    );
    expect(backups).not.toContain('Seq Scan');
  });

  it('chooses among all in one dry run, and removes what it chose', async () => {
    const now = '2025-02-01T00:00:00.000Z';
    const expected = { done: 200, kept: 9800, left: 0, failed: [] };
    expect(await cleanupExpiredBackups(service.context, { now, dryRun: true })).toMatchObject(expected);
    expect(await cleanupExpiredBackups(service.context, { now })).toMatchObject(expected);
    expect((await db.query('SELECT FROM module_backups')).rowCount).toBe(9800);
    expect(await cleanupExpiredBackups(service.context, { now, dryRun: true })).toMatchObject({ done: 0 });
  }, 240_000);
});
