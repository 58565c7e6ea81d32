import type { Manifest, RestorePlan } from '@cofre/engine';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AWKWARD_DAMAGE,
  AWKWARD_DEFINITION,
  AWKWARD_ROWS,
  AWKWARD_SCHEMA,
  type Checksums,
  outsideChecksums,
  sliceChecksums,
} from '../../../../tests/support/awkward-shop.ts';
import { createTestDatabase, type TestDatabase } from '../../../../tests/support/database.ts';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';
import type { ApplyStep } from './attempt-apply.ts';
import type { ApplyOptions } from './apply-plan.ts';

const STEPS: readonly ApplyStep[] = ['begun', 'locked', 'written', 'verified', 'checked', 'recorded', 'committing'];

describe.each(costlyTestServers())('applying a plan on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let scenario: RestoreScenario;
  let manifest: Manifest;
  let plan: RestorePlan;
  let before: Checksums;
  let damaged: Checksums;
  let outside: Checksums;
  const query = (sql: string) => db.query(sql);

  beforeAll(async () => {
    db = await createTestDatabase(server);
    await db.query(AWKWARD_SCHEMA);
    await db.query(AWKWARD_ROWS);
    await db.query('CREATE TABLE evidence (what text)');
    scenario = await restoreScenario({ database: db.database, definition: AWKWARD_DEFINITION, rootKey: { id: 1 } });
    before = await sliceChecksums(query);
    manifest = await scenario.backUp();
    await db.query(AWKWARD_DAMAGE);
    damaged = await sliceChecksums(query);
    outside = await outsideChecksums(query);
    plan = await scenario.plan(manifest);
    expect(plan.applicable).toBe(true);
  });
  afterAll(() => db.drop());

  async function nothingChanged() {
    expect(await sliceChecksums(query)).toEqual(damaged);
    expect(await outsideChecksums(query)).toEqual(outside);
    const sessions = `SELECT FROM pg_stat_activity WHERE application_name = 'cofre restore' AND datname = current_database()`;
    await expect.poll(async () => (await db.query(sessions)).rowCount).toBe(0);
  }

  const apply = (options: Partial<ApplyOptions>) => scenario.apply(plan, manifest, options);
  const at = (wanted: ApplyStep, work: () => unknown) => async (step: ApplyStep) => {
    if (step === wanted) await work();
  };

  describe('changes nothing when it ends badly (I6)', () => {
    it.each(STEPS)('the server ends the session at "%s"', async (step) => {
      const kill = () =>
        db.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cofre restore' AND datname = current_database()`,
        );
      await expect(apply({ onStep: at(step, kill) })).rejects.toMatchObject({ code: 'database/connection-lost' });
      await nothingChanged();
    });

    it.each(STEPS)('it is interrupted at "%s"', async (step) => {
      const abort = new AbortController();
      const onStep = at(step, () => abort.abort());
      await expect(apply({ onStep, signal: abort.signal })).rejects.toMatchObject({ code: 'backup/interrupted' });
      await nothingChanged();
    });

    it('it is interrupted before it begins', async () => {
      const signal = AbortSignal.abort();
      await expect(apply({ signal })).rejects.toMatchObject({ code: 'backup/interrupted' });
      await nothingChanged();
    });

    it('the record of the restore cannot be written; nor is half of it kept', async () => {
      const writeEvidence = async (client: pg.ClientBase) => {
        await client.query(`INSERT INTO public.evidence VALUES ('half')`);
        throw new Error('no room');
      };
      await expect(apply({ writeEvidence })).rejects.toMatchObject({ code: 'database/failed' });
      expect((await db.query('SELECT FROM evidence')).rowCount).toBe(0);
      await nothingChanged();
    });

    it('a page of the plan is damaged or missing', async () => {
      const table = plan.tables.find(({ pages }) => pages.length > 0);
      const [page] = table?.pages ?? [];
      expect(page).toBeDefined();
      const path = page ?? '';
      const { store } = scenario.repository;
      const bytes = Buffer.from(await store.get(path));
      const flipped = Buffer.from(bytes);
      flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
      await store.put(path, flipped);
      await expect(apply({})).rejects.toMatchObject({ code: 'repository/damaged' });
      await store.delete(path);
      await expect(apply({})).rejects.toMatchObject({ code: 'repository/object-missing' });
      await store.put(path, bytes);
      await nothingChanged();
    });

    it('it expired', async () => {
      const clock = { now: () => new Date(Date.parse(plan.expiresAt) + 1) };
      await expect(apply({ clock })).rejects.toMatchObject({ code: 'plan/expired' });
      await nothingChanged();
    });
  });

  describe('is stale when what it saw is no longer so, and changes nothing', () => {
    it.each([
      ['a row that it updates was changed', `UPDATE item SET price = 77 WHERE id = 6`],
      ['a row that it updates was deleted', `DELETE FROM "Ünit 📦"."sh""elf 📚" WHERE "select" = 1001`],
      ['a row that it inserts came back', `INSERT INTO event VALUES (1, '2024-12-06', 5, 'back')`],
      ['a row that it inserts came back elsewhere', `INSERT INTO booking VALUES (3, 2, 77, '[2001-01-01,2001-01-02)')`],
      ['a value that must be unique was taken', `INSERT INTO rank VALUES (1000, 1, 30)`],
      ['a time was taken that must not overlap', `INSERT INTO booking VALUES (1000, 2, 3, '[2025-01-04,2025-01-05)')`],
      ['a parent outside is gone', `UPDATE item SET city = 1 WHERE city = 20; DELETE FROM city WHERE id = 20`],
      ['a row with no key came back', `INSERT INTO log VALUES (1, 'line 3', '{"n" : 3}')`],
      ['a column was added', 'ALTER TABLE slot ADD COLUMN extra int'],
      ['a trigger was added', 'CREATE TRIGGER late BEFORE INSERT ON slot FOR EACH ROW EXECUTE FUNCTION touch()'],
      ['an index was added', 'CREATE UNIQUE INDEX ON rank (place, shop)'],
    ])('%s', async (_, change) => {
      const twin = await createTestDatabase(server);
      try {
        await twin.query(AWKWARD_SCHEMA);
        await twin.query(AWKWARD_ROWS);
        const own = await restoreScenario({
          database: twin.database,
          definition: AWKWARD_DEFINITION,
          rootKey: { id: 1 },
        });
        const backup = await own.backUp();
        await twin.query(AWKWARD_DAMAGE);
        const made = await own.plan(backup);
        await twin.query(change);
        const asLeft = await sliceChecksums((sql) => twin.query(sql));
        await expect(own.apply(made, backup)).rejects.toMatchObject({ code: 'plan/stale' });
        expect(await sliceChecksums((sql) => twin.query(sql))).toEqual(asLeft);
      } finally {
        await twin.drop();
      }
    });
  });

  it('gives way while others hold rows that it needs, and in the end gives up', async () => {
    const other = await db.database.connect();
    await other.query('BEGIN; SELECT FROM shop WHERE id = 1 FOR UPDATE');
    await expect(apply({ attempts: 2, lockTimeoutMs: 20 })).rejects.toMatchObject({ code: 'database/lock-timeout' });
    await other.query('ROLLBACK');
    await other.end();
    await nothingChanged();
  });

  it('writes its record if and only if it is committed, beside writers of other slices, whose rows stay as they left them (I8)', async () => {
    const audited = (await db.query('SELECT count(*)::int AS n FROM audit')).rows[0]?.n;
    const writers = [2, 3].map((shop) => writeAway(shop));
    const blocker = await db.database.connect();
    await blocker.query('BEGIN; SELECT FROM shop WHERE id = 1 FOR UPDATE');
    let attempts = 0;
    const applied = await apply({
      attempts: 50,
      // The row is let go when the first attempt has given up.
      onStep: at('begun', async () => {
        attempts++;
        if (attempts === 2) await blocker.query('COMMIT');
      }),
      writeEvidence: async (client, tables) => {
        await client.query('INSERT INTO public.evidence SELECT $1', [JSON.stringify(tables)]);
      },
    });
    await blocker.end();
    const written = await Promise.all(writers.map((writer) => writer.stop()));
    expect(applied.attempts).toBe(attempts);
    expect(attempts).toBeGreaterThan(1);
    expect(await sliceChecksums(query)).toEqual(before);
    const { rows: evidence } = await db.query('SELECT what FROM evidence');
    expect(evidence.map(({ what }) => JSON.parse(what))).toEqual([applied.tables]);
    const { rows } = await db.query('SELECT id::int, label FROM item WHERE shop <> 1 ORDER BY id');
    expect(rows.filter(({ label }) => label.startsWith('written'))).toEqual(
      written.flatMap(({ left }) => left).sort((a, b) => a.id - b.id),
    );
    const { rows: audit } = await db.query(`SELECT count(*)::int AS n FROM audit`);
    // Their own triggers fired once for each of their updates, and none fired for ours.
    expect(audit[0]?.n - audited).toBe(written.reduce((sum, { updates }) => sum + updates, 0));
  });

  /** Updates items of another shop until it is stopped; gives what it left. */
  function writeAway(shop: number) {
    let stopped = false;
    let updates = 0;
    const left = new Map<number, string>();
    const run = (async () => {
      const client = await db.database.connect();
      for (let n = 0; !stopped; n++) {
        const { rows } = await client.query(
          `UPDATE item SET label = $1 WHERE id = (SELECT id FROM item WHERE shop = $2 ORDER BY id OFFSET $3 LIMIT 1) RETURNING id::int`,
          [`written ${n}`, shop, n % 50],
        );
        left.set(rows[0].id, `written ${n}`);
        updates++;
      }
      await client.end();
    })();
    return {
      async stop() {
        stopped = true;
        await run;
        return { updates, left: [...left].map(([id, label]) => ({ id, label })) };
      },
    };
  }
});
