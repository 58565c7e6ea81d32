import { CofreError, type StatisticsDocument, statisticsDocument } from '@cofre/contracts';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createTestService, type TestService } from '../../../../tests/support/service-context.ts';
import { MemoryStore } from '@cofre/storage';
import type { Actor } from '../actor.ts';
import { catalogueAs } from '../catalogue/catalogue-as.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { readBackupDurations, readBackupFigures } from './backup-figures.ts';
import { measureRepository } from './measure-repository.ts';
import { readImplementationFigures, readModuleFigures } from './place-figures.ts';
import { readRestoreFigures } from './restore-figures.ts';
import { showStatistics } from './show-statistics.ts';

const VIEWER: Actor = {
  kind: 'person',
  userId: '22222222-2222-4222-8222-222222222222',
  name: 'vic',
  claims: { app_metadata: { role: 'viewer' } },
};
const NOW = '2025-06-01T00:00:00.000Z';
const SINCE = '2025-05-02T00:00:00.000Z';
const BACKUPS = 100_000;

const uuidOf = (text: string) => `overlay(overlay(md5(${text}) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid`;
/** Something below `n` that is always the same for a row, and has nothing to do with what other `of` give. */
const pick = (n: number, of: string) => `((hashtextextended('${of}' || i, 0) & 1048575) % ${n})::int`;

/** Two hundred implementations of four modules, a backup each minute until now. */
const BACKUPS_SQL = `
  INSERT INTO public.module_backups (id, backup_type, status, origin, safety, module_slug, implementation_key,
    source_implementation_id, created_at, completed_at, expires_at, held, size_bytes, stats, deleted_at, file_path,
    checksum, repository_id, verified_at, proven_at, missing_at, backup_data)
  SELECT ${uuidOf(`'b' || i`)}, (ARRAY['full', 'incremental', 'config_only'])[1 + ${pick(3, 'type')}],
    status, origin, origin = 'safety', 'm' || it % 4, 'k' || it, ${uuidOf(`'i' || it`)},
    made, CASE WHEN done THEN made + interval '1 second' END,
    CASE WHEN ${pick(3, 'end')} = 0 THEN NULL ELSE made + ${pick(60, 'age')} * interval '1 day' END,
    ${pick(40, 'held')} = 0, CASE WHEN done THEN size END,
    CASE WHEN done THEN jsonb_build_object('tables', 3, 'rows', ${pick(1000, 'rows')}, 'rowsRead', 0, 'rowsChanged', 0,
      'bytesRaw', size * 3, 'bytesStored', size, 'blocksNew', 1, 'blocksReused', 0,
      'durationMs', ${pick(10_000, 'ms')}) END,
    CASE WHEN ${pick(500, 'deleted')} = 0 THEN now() END, 'backups/x', 'sha256:', ${uuidOf(`'r'`)},
    CASE WHEN done AND ${pick(10, 'verified')} = 0 THEN made + interval '1 hour' END,
    CASE WHEN done AND ${pick(100, 'proven')} = 0 THEN made + interval '2 hours' END,
    CASE WHEN done AND ${pick(1000, 'missing')} = 0 THEN made END, jsonb_build_object('tables', repeat('x', 300))
  FROM (
    SELECT i, timestamptz '${NOW}' - (${BACKUPS} - i) * interval '1 minute' AS made, ${pick(200, 'of')} AS it,
      ${pick(100_000, 'size')} AS size,
      (ARRAY['manual', 'scheduled', 'scheduled', 'safety', 'imported'])[1 + ${pick(5, 'origin')}] AS origin,
      ${pick(50, 'status')} > 3 AS done,
      CASE ${pick(50, 'status')} WHEN 0 THEN 'canceled' WHEN 1 THEN 'pending' WHEN 2 THEN 'failed' WHEN 3 THEN 'failed'
        ELSE 'completed' END AS status
    FROM generate_series(1, ${BACKUPS}) AS i
  ) AS each`;

const RESTORES_SQL = `
  INSERT INTO cofre.restores (id, purpose, plan_id, backup_id, implementation_id, module_slug, implementation_key, mode,
    status, duration_ms, created_at, undone_by)
  SELECT ${uuidOf(`'s' || i`)}, CASE WHEN i % 10 = 0 THEN 'undo' ELSE 'restore' END, ${uuidOf(`'p' || i`)},
    ${uuidOf(`'b' || i`)}, ${uuidOf(`'i' || i % 200`)}, 'm' || i % 4, 'k' || i % 200, 'merge',
    CASE WHEN i % 4 = 0 THEN 'failed' ELSE 'completed' END, i, timestamptz '${NOW}' - (1000 - i) * interval '1 hour',
    CASE WHEN i % 10 = 1 THEN ${uuidOf(`'u' || i`)} END
  FROM generate_series(1, 1000) AS i`;

interface Backup {
  readonly of: string;
  readonly module: string;
  readonly type: string;
  readonly status: string;
  readonly origin: string;
  readonly made: Date;
  readonly ends: Date | null;
  readonly held: boolean;
  readonly gone: boolean;
  readonly missing: boolean;
  readonly verified: Date | null;
  readonly proven: Date | null;
  readonly size: number;
  readonly raw: number;
  readonly rows: number;
  readonly ms: number;
}

/** The same, row by row. */
async function everyBackup(db: TestDatabase): Promise<readonly Backup[]> {
  const { rows } = await db.query(`
    SELECT implementation_key AS of, module_slug AS module, backup_type AS type, status, origin, created_at AS made,
      expires_at AS ends, held, implementation_id IS NULL AS gone, missing_at IS NOT NULL AS missing,
      verified_at AS verified, proven_at AS proven, size_bytes::int AS size, (stats ->> 'bytesRaw')::int AS raw,
      (stats ->> 'rows')::int AS rows, (stats ->> 'durationMs')::int AS ms
    FROM module_backups WHERE deleted_at IS NULL`);
  return rows;
}

const sum = (all: readonly Backup[], of: 'size' | 'raw' | 'rows' | 'ms') =>
  all.reduce((total, it) => total + it[of], 0);
const tally = (all: readonly Backup[], of: 'type' | 'status' | 'origin') =>
  Object.fromEntries([...Map.groupBy(all, (it) => it[of])].map(([value, group]) => [value, group.length]));

function checked(times: readonly (Date | null)[]) {
  const known = times.filter((time) => time !== null).map(Number);
  const at = (ms: number) => new Date(ms).toISOString();
  return { backups: known.length, newestAt: at(Math.max(...known)), oldestAt: at(Math.min(...known)) };
}

function expectedFigures(all: readonly Backup[]): Partial<StatisticsDocument> & object {
  const completed = all.filter(({ status }) => status === 'completed');
  const recent = all.filter(({ made }) => made >= new Date(SINCE));
  const done = recent.filter(({ status }) => status === 'completed');
  const failed = recent.filter(({ status }) => status === 'failed').length;
  const { newestAt, oldestAt } = checked(completed.map(({ made }) => made));
  return {
    backups: {
      total: all.length,
      byType: { full: 0, incremental: 0, differential: 0, config_only: 0, ...tally(all, 'type') },
      byStatus: { pending: 0, running: 0, completed: 0, failed: 0, canceled: 0, ...tally(all, 'status') },
      byOrigin: { manual: 0, scheduled: 0, safety: 0, imported: 0, ...tally(all, 'origin') },
      rows: sum(completed, 'rows'),
      bytesRaw: sum(completed, 'raw'),
      bytesStored: sum(completed, 'size'),
      newestAt,
      oldestAt,
      held: all.filter(({ held }) => held).length,
      expiredKept: all.filter(({ ends }) => ends !== null && ends <= new Date(NOW)).length,
      orphans: all.filter(({ gone }) => gone).length,
      missing: all.filter(({ missing }) => missing).length,
      verified: checked(completed.map(({ verified }) => verified)),
      proven: checked(completed.map(({ proven }) => proven)),
    },
    period: {
      backups: {
        completed: done.length,
        failed,
        canceled: recent.filter(({ status }) => status === 'canceled').length,
        successRate: done.length / (done.length + failed),
        rows: sum(done, 'rows'),
        bytesRaw: sum(done, 'raw'),
        bytesStored: sum(done, 'size'),
        averageMs: Math.round(sum(done, 'ms') / done.length),
        p95Ms: percentile95(done.map(({ ms }) => ms)),
      },
      restores: expect.any(Object),
    },
  };
}

/** Between the two values that stand around it, as `percentile_cont` does. */
function percentile95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = 0.95 * (sorted.length - 1);
  const [low = 0, high = low] = sorted.slice(Math.floor(place));
  return Math.round(low + (high - low) * (place - Math.floor(place)));
}

const at = (context: ServiceContext, actor: Actor = VIEWER): ServiceContext => ({
  ...context,
  actor,
  clock: { now: () => new Date(NOW) },
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

const nodes = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

/** Asks for the plan of whatever a function reads, instead of reading it. */
function explaining(catalogue: Catalogue, plans: Plan[]): Catalogue {
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      if (node.kind !== 'RawNode') return node;
      const [first = '', ...rest] = node.sqlFragments;
      return { ...node, sqlFragments: [`EXPLAIN (ANALYZE, FORMAT JSON) ${first}`, ...rest] };
    },
    transformResult({ result }) {
      const row = result.rows[0] as { readonly 'QUERY PLAN': readonly { readonly Plan: Plan }[] } | undefined;
      for (const { Plan: plan } of row?.['QUERY PLAN'] ?? []) plans.push(plan);
      return Promise.resolve({ ...result, rows: [] });
    },
  };
  return catalogue.withPlugin(plugin);
}

describe.each(costlyTestServers())('statistics on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
    service = await createTestService(db);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await db.drop();
  });

  const shown = async (input: object, context = at(service.context)) =>
    statisticsDocument.parse(await showStatistics(context, input));

  it('of nothing are zeros, and say of nothing that it succeeded', async () => {
    const statistics = await shown({});
    expect(statistics.backups).toMatchObject({ total: 0, bytesStored: 0, newestAt: null, verified: { backups: 0 } });
    expect(statistics.period.backups).toMatchObject({ completed: 0, successRate: null, averageMs: null, p95Ms: null });
    expect(statistics.period.restores).toMatchObject({ done: 0, successRate: null, p95Ms: null });
    expect(statistics).toMatchObject({ modules: [], implementations: [], implementationsLeftOut: 0 });
    expect(statistics.repository).toMatchObject({ complete: true });
    expect((await shown({ implementation: 'no/such' })).backups.total).toBe(0);
    expect((await shown({ implementation: 'what?' })).backups.total).toBe(0);
  });

  it('a store that cannot be listed takes nothing from the catalogue’s figures, and is named', async () => {
    const store = new MemoryStore();
    store.list = () => {
      throw new CofreError('storage/unavailable', 'It is away.');
    };
    const statistics = await shown({}, { ...at(service.context), store });
    expect(statistics.repositoryError?.code).toBe('storage/unavailable');
    expect(statistics.repository).toBeUndefined();
  });

  describe('of a hundred thousand backups', () => {
    let all: readonly Backup[];
    beforeAll(async () => {
      await db.query(BACKUPS_SQL);
      await db.query(RESTORES_SQL);
      await db.query('ANALYZE public.module_backups, cofre.restores');
      all = await everyBackup(db);
    }, 120_000);

    it('a viewer gets them, and they are what counting the rows one by one gives', async () => {
      const statistics = await shown({ since: SINCE });
      expect(all.length).toBeGreaterThan(99_000);
      expect(statistics).toMatchObject(expectedFigures(all));
      // Of 744 restores and undos since; every tenth is an undo, every fourth of the others failed.
      expect(statistics.period.restores).toMatchObject({ done: 504, failed: 144, undone: 72, successRate: 504 / 648 });
      expect(statistics.modules).toHaveLength(4);
      const m1 = all.filter(({ module, status }) => module === 'm1' && status === 'completed');
      expect(statistics.modules.find(({ module }) => module === 'm1')).toMatchObject({
        implementations: 50,
        backups: m1.length,
        bytesStored: sum(m1, 'size'),
        completed: m1.filter(({ made }) => made >= new Date(SINCE)).length,
        lastProvenAt: checked(m1.map(({ proven }) => proven)).newestAt,
      });
      expect(statistics).toMatchObject({ implementations: { length: 10 }, implementationsLeftOut: 190 });
      const stored = statistics.implementations.map(({ bytesStored }) => bytesStored);
      expect(stored).toEqual(stored.toSorted((a, b) => b - a));
      for (const { key, module, bytesStored, backups } of statistics.implementations) {
        const own = all.filter(({ of, status }) => of === key && status === 'completed');
        expect({ module, bytesStored, backups }).toEqual({
          module: own[0]?.module,
          bytesStored: sum(own, 'size'),
          backups: own.length,
        });
      }
    });

    it.each([
      ['a module', { module: 'm2' }, (it: Backup) => it.module === 'm2'],
      ['an implementation by name', { implementation: 'm3/k7' }, (it: Backup) => it.of === 'k7'],
    ])('of %s are those of its backups alone, without the repository’s size', async (_what, which, isOne) => {
      const statistics = await shown({ ...which, since: SINCE });
      expect(statistics).toMatchObject({ ...which, ...expectedFigures(all.filter(isOne)) });
      expect(statistics.repository).toBeUndefined();
      expect(statistics.modules).toHaveLength(1);
    });

    it('by id an implementation has the figures that it has by name', async () => {
      const { now: _now, implementation: _name, ...byName } = await shown({ implementation: 'm3/k7' });
      const [it] = byName.implementations;
      const { now: _also, implementation: id, ...byId } = await shown({ implementation: it?.id });
      expect(id).toBe(it?.id);
      expect(byId).toEqual(byName);
    });

    it('none of the queries hands on more than its figures, and of a part only its rows are read', async () => {
      const as = { role: 'authenticated', userId: VIEWER.userId, claims: VIEWER.claims } as const;
      const plans: Plan[] = [];
      const catalogue = explaining(catalogueAs(service.context.catalogue, as), plans);
      const options = { now: new Date(NOW), since: new Date(SINCE) };
      await readBackupFigures(catalogue, options);
      await readBackupDurations(catalogue, options);
      await readModuleFigures(catalogue, options);
      await readImplementationFigures(catalogue, { ...options, top: 10 });
      await readRestoreFigures(catalogue, options);
      expect(plans.map((plan) => plan['Actual Rows'] <= 80)).toEqual([true, true, true, true, true]);
      plans.length = 0;
      const part = { ...options, implementation: 'm3/k7' };
      await readBackupFigures(catalogue, part);
      await readBackupDurations(catalogue, part);
      await readModuleFigures(catalogue, part);
      await readImplementationFigures(catalogue, part);
      await readBackupDurations(catalogue, { ...options, since: new Date('2025-05-31T00:00:00Z') });
      const scans = plans.flatMap(nodes).filter((node) => node['Relation Name'] === 'module_backups');
      expect(scans.length).toBeGreaterThanOrEqual(5);
      expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    });

    it('an implementation that was renamed is one, under the name it has in its newest backup', async () => {
      await db.query(`UPDATE module_backups SET implementation_key = 'renamed'
        WHERE implementation_key = 'k9' AND created_at >= '${SINCE}'`);
      const figures = await readImplementationFigures(service.context.catalogue, {
        now: new Date(NOW),
        since: new Date(SINCE),
      });
      expect(figures).toHaveLength(200);
      const renamed = figures.find(({ key }) => key === 'renamed');
      const own = all.filter(({ of, status }) => of === 'k9' && status === 'completed');
      expect(renamed).toMatchObject({ module: 'm1', backups: own.length, gone: true });
    });
  });
});

describe('the size of a repository', () => {
  const clock = { now: () => new Date(NOW) };

  it('is the sum of all objects, or of the first of them where there are too many', async () => {
    const store = new MemoryStore();
    for (let n = 0; n < 10; n++) await store.put(`packs/0${n}/x.pack`, Buffer.alloc(n));
    expect(await measureRepository(store, { clock })).toEqual({
      objects: 10,
      bytes: 45,
      complete: true,
      measuredAt: clock.now(),
    });
    expect(await measureRepository(store, { clock, objectsMax: 4 })).toMatchObject({ objects: 4, complete: false });
    expect(await measureRepository(store, { clock, objectsMax: 10 })).toMatchObject({ objects: 10, complete: true });
    expect(await measureRepository(store, { clock, until: clock.now() })).toMatchObject({
      objects: 0,
      complete: false,
    });
  });

  it('stops being measured when it is cancelled', async () => {
    const store = new MemoryStore();
    await store.put('packs/00/x.pack', Buffer.alloc(1));
    await expect(measureRepository(store, { clock, signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
