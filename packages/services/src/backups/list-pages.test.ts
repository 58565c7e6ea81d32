import { listBackupsInput, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import type { Actor } from '../actor.ts';
import { catalogueAs } from '../catalogue/catalogue-as.ts';
import { listBackups, pageQuery } from './list-backups.ts';

const BACKUPS = 10_000;
const NOW = new Date('2025-06-01T00:00:00Z');
const VIEWER: Actor = {
  kind: 'person',
  userId: '22222222-2222-4222-8222-222222222222',
  name: 'vic',
  claims: { app_metadata: { role: 'viewer' } },
};

/** A UUID of the kind that everything here has, made of a text. */
const uuidOf = (text: string) => `overlay(overlay(md5(${text}) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid`;

/** Of twenty implementations; four share each moment, so that pages end between equals. */
const BACKUPS_SQL = `
  INSERT INTO public.module_backups (id, backup_type, status, module_slug, implementation_key, source_implementation_id,
    created_at, expires_at, held, description, size_bytes, deleted_at)
  SELECT ${uuidOf(`'b' || i`)},
    (ARRAY['full', 'incremental', 'config_only'])[1 + i % 3],
    CASE WHEN i % 51 = 0 THEN 'canceled' ELSE 'failed' END,
    'm' || i % 4, 'k' || i % 20, ${uuidOf(`'i' || i % 20`)},
    timestamptz '2025-01-01 00:00:00.123456+00' + (i / 4) * interval '11 minutes 0.000001 seconds',
    CASE WHEN i % 3 = 0 THEN NULL ELSE timestamptz '2025-05-30' + (i % 7) * interval '1 day' END,
    i % 40 = 0,
    CASE WHEN i % 100 = 0 THEN 'Antes da importação nº ' || i END,
    CASE WHEN i % 5 = 0 THEN NULL ELSE (i * 7919) % 100000 END,
    CASE WHEN i % 500 = 0 THEN now() END
  FROM generate_series(1, ${BACKUPS}) AS i`;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

const nodes = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

describe.each(testServers())('the list of ten thousand backups on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
    await db.query(BACKUPS_SQL);
    await db.query('ANALYZE public.module_backups');
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  /** As the least that may look: row-level security must not cost the index. */
  async function explain(input: object): Promise<Plan> {
    const catalogue = catalogueAs(service.context.catalogue, {
      role: 'authenticated',
      userId: VIEWER.kind === 'person' ? VIEWER.userId : '',
      claims: VIEWER.kind === 'person' ? VIEWER.claims : {},
    });
    const query = pageQuery(catalogue, parseInput(listBackupsInput, input), NOW);
    const [row] = await query.explain('json', sql`ANALYZE, BUFFERS`);
    return row?.['QUERY PLAN'][0].Plan as Plan;
  }

  async function lastCursor(filters: object): Promise<{ readonly ids: string[]; readonly cursor: string }> {
    const ids: string[] = [];
    let [cursor, last]: (string | null)[] = [null, null];
    do {
      const page: Awaited<ReturnType<typeof listBackups>> = await listBackups(service.context, {
        limit: 500,
        ...filters,
        ...(cursor === null ? {} : { cursor }),
      });
      ids.push(...page.items.map(({ id }) => id));
      last = cursor ?? last;
      cursor = page.nextCursor;
    } while (cursor !== null);
    return { ids, cursor: last ?? '' };
  }

  it.each([
    ['all, newest first', {}],
    ['all, oldest first', { sort: 'oldest' }],
    ['all, the largest first', { sort: 'largest' }],
    ['all, what expires first', { sort: 'expiring-first' }],
    ['of an implementation by name', { implementation: 'm1/k1' }],
    ['of an implementation by id', { implementation: '9ce88802-f075-41e5-ae04-57ef51ece021' }],
    ['of a module', { module: 'm1' }],
    ['of a type', { type: 'config_only' }],
    ['of a status', { status: 'canceled' }],
    ['on hold', { held: true }],
    ['made between', { since: '2025-02-01T00:00:00Z', until: '2025-02-03T00:00:00Z' }],
    ['by words of the description', { text: 'importação antes' }],
  ])('is read through an index: %s', async (_what, filters) => {
    const plan = await explain({ ...filters, limit: 20 });
    const scans = nodes(plan).filter((node) => node['Relation Name'] === 'module_backups');
    expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    expect(scans.length).toBeGreaterThan(0);
  });

  it.each([
    ['newest', {}],
    ['oldest', { sort: 'oldest' }],
    ['largest', { sort: 'largest' }],
    ['expiring first', { sort: 'expiring-first' }],
    ['of a module', { module: 'm1' }],
  ])('the last page costs what the first costs, and every backup is on one page: %s', async (_what, filters) => {
    const { ids, cursor } = await lastCursor(filters);
    const expected = await db.query(
      `SELECT count(*)::int AS count FROM module_backups
       WHERE deleted_at IS NULL AND status <> 'canceled' AND ($1::text IS NULL OR module_slug = $1)`,
      ['module' in filters ? filters.module : null],
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(expected.rows[0]?.count);
    const blocks = (plan: Plan) => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    const first = blocks(await explain({ ...filters, limit: 20 }));
    const last = blocks(await explain({ ...filters, limit: 20, cursor }));
    expect(last).toBeLessThan(first * 2 + 50);
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
