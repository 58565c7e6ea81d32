import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ScheduledRunDocument, scheduledRunDocument } from '@cofre/contracts';
import type { Database } from '@cofre/postgres';
import { openStore } from '@cofre/storage';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { costlyTestServers } from '../../../../tests/support/long-tests.ts';
import { createScheduledShop, DUE, DUE_NEXT, type ScheduledShop } from '../../../../tests/support/scheduled-shop.ts';
import { checkRepository } from '../repository/check-repository.ts';
import type { ServiceContext } from '../service-context.ts';
import { executeScheduledBackups } from './execute-scheduled-backups.ts';

// Other processes load the whole program first, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const RUNNER = path.resolve(import.meta.dirname, '../../../../tests/support/scheduled-runner.ts');
const CLAIM_LAPSED_MS = 121_000;

describe.each(costlyTestServers())('several runners at once, on PostgreSQL $name', (server) => {
  const made: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of made.splice(0).reverse()) await end();
  });

  interface Scene extends ScheduledShop {
    readonly repository: string;
  }

  /** Everything is due, and the repository is a folder, which processes can share. */
  async function shop(implementations: number): Promise<Scene> {
    const folder = await mkdtemp(path.join(tmpdir(), 'cofre-runners-'));
    made.push(() => rm(folder, { recursive: true }));
    const repository = pathToFileURL(folder).href;
    const scene = await createScheduledShop(server, { implementations, store: openStore(repository) });
    made.push(() => scene[Symbol.asyncDispose]());
    scene.clock.set(DUE);
    return { ...scene, repository };
  }

  function start({ db, repository }: Scene): { kill(): void; readonly ended: Promise<ScheduledRunDocument | null> } {
    const child = spawn(process.execPath, [RUNNER, db.url, repository, DUE], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const ended = new Promise<ScheduledRunDocument | null>((resolve) => {
      child.on('close', (code) => resolve(code === 0 ? scheduledRunDocument.parse(JSON.parse(stdout)) : null));
    });
    made.push(() => {
      child.kill('SIGKILL');
      return ended;
    });
    return { kill: () => child.kill('SIGKILL'), ended };
  }

  async function expectEachOnce(scene: Scene, implementations: number): Promise<void> {
    const { rows } = await scene.db.query(
      `SELECT implementation_key AS key, count(*)::int AS n FROM module_backups WHERE status = 'completed' GROUP BY 1`,
    );
    expect(rows).toHaveLength(implementations);
    expect(rows.filter(({ n }) => n !== 1)).toEqual([]);
    const standings = await scene.db.query(
      'SELECT DISTINCT next_backup_at, failures, claimed_by, claimed_until FROM cofre.implementation_settings',
    );
    expect(standings.rows).toEqual([
      { next_backup_at: new Date(DUE_NEXT), failures: 0, claimed_by: null, claimed_until: null },
    ]);
    const check = await checkRepository(scene.context, { readData: true });
    expect(check).toMatchObject({ ok: true, checked: { backups: implementations } });
  }

  const sum = (runs: readonly (ScheduledRunDocument | null)[]) =>
    runs.reduce((total, run) => total + (run?.done ?? 0), 0);

  it('in one process: each implementation is backed up by one of them', async () => {
    const scene = await shop(32);
    const another = scene.again({ clock: scene.clock, actor: { kind: 'service', name: 'edge function' } });
    const budget = { mayStart: () => true, sliceBytesMax: null, concurrency: 2 };
    const runs = await Promise.all([
      executeScheduledBackups(scene.context, {}, budget),
      executeScheduledBackups(another, {}, budget),
    ]);
    expect(runs.flatMap(({ failed }) => failed)).toEqual([]);
    expect(sum(runs)).toBe(32);
    expect(runs.every(({ done }) => done > 0)).toBe(true);
    await expectEachOnce(scene, 32);
  });

  it('in three processes: each implementation is backed up by one of them', async () => {
    const scene = await shop(36);
    const runs = await Promise.all([start(scene).ended, start(scene).ended, start(scene).ended]);
    expect(runs.map((run) => run?.failed)).toEqual([[], [], []]);
    expect(sum(runs)).toBe(36);
    await expectEachOnce(scene, 36);
  });

  it('one that is killed lets go of what it had when its claim lapses, and nothing is doubled or lost', async () => {
    const scene = await shop(12);
    const { context, clock, db } = scene;
    const killed = start(scene);
    const begun = async () => (await db.query(`SELECT FROM module_backups`)).rowCount;
    await expect.poll(begun, { timeout: 60_000, interval: 2 }).toBeGreaterThan(2);
    killed.kill();
    expect(await killed.ended).toBeNull();
    const claimed = await db.query('SELECT FROM cofre.implementation_settings WHERE claimed_by IS NOT NULL');
    const left = claimed.rowCount ?? 0;
    await expect.poll(() => sessionsOfOthers(scene)).toBe(0);
    expect(left).toBeGreaterThan(0);
    // It still seems to be at them.
    expect(await executeScheduledBackups(context)).toMatchObject({ failed: [], left });
    clock.pass(CLAIM_LAPSED_MS);
    expect(await executeScheduledBackups(context)).toMatchObject({ done: left, failed: [], left: 0 });
    await expectEachOnce(scene, 12);
  });

  const sessionsOfOthers = async ({ db }: Scene) =>
    (
      await db.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name IN
      ('cofre lock', 'cofre backup', 'cofre lineage')`)
    ).rowCount;

  describe('a runner that died', () => {
    const LEAVE = `UPDATE cofre.implementation_settings SET next_backup_at = $1, claimed_by = 'dead', claimed_until = $1`;

    it('after the backup and before it said so: it is not made a second time', async () => {
      const scene = await shop(1);
      await executeScheduledBackups(scene.context);
      await scene.db.query(LEAVE, [DUE]);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1, left: 0 });
      await expectEachOnce(scene, 1);
    });

    it('between the manifest and the list: the manifest is the backup', async () => {
      const scene = await shop(1);
      await executeScheduledBackups(scene.context);
      await scene.db.query(LEAVE, [DUE]);
      await scene.db.query(`UPDATE module_backups SET status = 'running', completed_at = NULL, file_path = NULL,
        checksum = NULL, stats = NULL, size_bytes = NULL, backup_data = NULL`);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1 });
      await expectEachOnce(scene, 1);
    });

    it('before the backup: it is made, also where one of another time is there', async () => {
      const scene = await shop(1);
      await executeScheduledBackups(scene.context);
      await scene.db.query(LEAVE, [DUE_NEXT]);
      scene.clock.set(DUE_NEXT);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1 });
      const { rows } = await scene.db.query(`SELECT metadata FROM module_backups ORDER BY created_at`);
      expect(rows.map(({ metadata }) => new Date(metadata.scheduledFor).toISOString())).toEqual([DUE, DUE_NEXT]);
    });
  });

  describe('a runner that slept past its claim', () => {
    /** A service whose sessions of one name are opened only when the gate opens. */
    function gated(scene: Scene, name: string): { context: ServiceContext; reached: Promise<void>; open: () => void } {
      const gate = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      const { database } = scene.context;
      const slow: Database = {
        label: database.label,
        connect: async (options) => {
          if (options?.applicationName === name) {
            reached.resolve();
            await gate.promise;
          }
          return database.connect(options);
        },
      };
      const context = scene.again({ clock: scene.clock, database: slow, actor: { kind: 'service', name: 'sleeper' } });
      return { context, reached: reached.promise, open: gate.resolve };
    }

    it('before it had the lock: somebody else did it, and it does nothing', async () => {
      const scene = await shop(1);
      const { context, reached, open } = gated(scene, 'cofre lock');
      const asleep = executeScheduledBackups(context);
      await reached;
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0, left: 1 });
      scene.clock.pass(CLAIM_LAPSED_MS);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 1, left: 0 });
      open();
      expect(await asleep).toMatchObject({ done: 0, failed: [], left: 0 });
      await expectEachOnce(scene, 1);
    });

    it('before it had the lock, and somebody else is at it: it does nothing, and takes nothing from them', async () => {
      const scene = await shop(1);
      const sleeper = gated(scene, 'cofre lock');
      const asleep = executeScheduledBackups(sleeper.context);
      await sleeper.reached;
      scene.clock.pass(CLAIM_LAPSED_MS);
      const slow = gated(scene, 'cofre backup');
      const other = executeScheduledBackups(slow.context);
      await slow.reached;
      sleeper.open();
      expect(await asleep).toMatchObject({ done: 0, failed: [] });
      expect((await scene.standing('s1')).claimedBy).not.toBeNull();
      slow.open();
      expect(await other).toMatchObject({ done: 1 });
      await expectEachOnce(scene, 1);
    });

    it('with the lock: nobody else can begin, and it ends what it began', async () => {
      const scene = await shop(1);
      const { context, reached, open } = gated(scene, 'cofre backup');
      const asleep = executeScheduledBackups(context);
      await reached;
      scene.clock.pass(CLAIM_LAPSED_MS);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0, failed: [], left: 1 });
      open();
      expect(await asleep).toMatchObject({ done: 1 });
      scene.clock.pass(CLAIM_LAPSED_MS);
      expect(await executeScheduledBackups(scene.context)).toMatchObject({ done: 0, left: 0 });
      const { rows } = await scene.db.query('SELECT retry_at FROM cofre.implementation_settings');
      expect(rows).toEqual([{ retry_at: null }]);
      await expectEachOnce(scene, 1);
    });
  });
});
