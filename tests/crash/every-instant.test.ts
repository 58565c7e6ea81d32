import { GARBAGE_GRACE_MS, type Repository } from '@cofre/engine';
import {
  addImplementation,
  checkRepository,
  cleanupExpiredBackups,
  createBackup,
  deleteBackup,
  listBackups,
  type ServiceContext,
} from '@cofre/services';
import { MemoryStore } from '@cofre/storage';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seededRandom } from '../support/every-type.ts';
import { costlyTestServers, IS_LONG } from '../support/long-tests.ts';
import { type Death, MortalProcess } from '../support/mortal-process.ts';
import { createShop, type TestService } from '../support/service-context.ts';

vi.setConfig({ testTimeout: IS_LONG ? 3_600_000 : 120_000 });

const HOUR_MS = 3_600_000;
/** So many die somewhere among what they say to the database, beside those that die at each call of the store. */
const DRAWN = IS_LONG ? 400 : 5;
const PAIRS = IS_LONG ? 400 : 6;
const KEY = { kind: 'key-file', bytes: Buffer.alloc(32, 7) } as const;
const ONE = { implementation: 'shop/one' } as const;

type Work = (context: ServiceContext) => Promise<unknown>;

/** A shop that is backed up by processes that are killed, and what who looks afterwards must find. */
class World {
  ms = Date.parse('2025-01-21T12:00:00Z');
  readonly clock = { now: () => new Date((this.ms += 10)) };
  readonly store = new MemoryStore({ clock: this.clock });
  readonly db: TestDatabase;
  readonly next = seededRandom(1);
  kills = 0;
  #service: TestService | null = null;
  /** What each backup holds, by when it was first seen: nothing changes while one is made. */
  readonly #rowsOf = new Map<string, string>();

  constructor(db: TestDatabase) {
    this.db = db;
  }

  async open(): Promise<void> {
    this.#service = await createShop(this.db, { store: this.store, key: KEY });
    for (const [key, store_id] of [
      ['one', 1],
      ['two', 2],
    ] as const)
      await addImplementation(this.calm(), { module: 'shop', key, scope: { store_id } });
    // Large enough for changes to be stored as deltas.
    await this.db.query(
      `INSERT INTO item (store_id, sku, price) SELECT 1, 'large ' || n, n FROM generate_series(1, 2000) AS n`,
    );
    await createBackup(this.calm(), { ...ONE, type: 'full', expiresAt: null });
    await this.expectOrder();
  }

  async close(): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]();
    await this.db.drop();
  }

  /** A process that lives, and begins anew. */
  calm(options: Partial<ServiceContext> = {}): ServiceContext {
    if (this.#service === null) throw new Error('the world was opened');
    return this.#service.again({ clock: this.clock, ...options });
  }

  mortal(dies: Death | null): Promise<MortalProcess> {
    return MortalProcess.start(this.db, { store: this.store, dies, again: (options) => this.calm(options) });
  }

  /**
   * Kills the work before the calls of its store, which is after the ones before them as far as the store knows, and at some
   * of the things that it says to the database. Short runs leave calls out: `tests/repository` kills at each of them without
   * a catalogue. `before` makes ready.
   */
  async killEverywhere(before: () => Promise<Work>, stride = IS_LONG ? 1 : 2): Promise<void> {
    let messages = 0;
    for (const kind of IS_LONG ? (['before', 'after'] as const) : (['before'] as const)) {
      for (let at = 0, isKilled = true; isKilled; at += stride) {
        await using process = await this.mortal({ of: 'store', at, kind });
        isKilled = await this.#kill([[process, await before()]]);
        messages = process.calls.database;
      }
    }
    for (let drawn = 0; drawn < DRAWN; drawn++) {
      const at = Math.floor(this.next() * messages);
      await using process = await this.mortal({ of: 'database', at, kind: drawn % 2 === 0 ? 'before' : 'after' });
      await this.#kill([[process, await before()]]);
    }
  }

  /** Kills two that are at work at once, each at some call of its store. */
  async killTwo(first: Work, second: Work): Promise<void> {
    const at = () => Math.floor(this.next() * 35);
    await using one = await this.mortal({ of: 'store', at: at(), kind: 'after' });
    await using other = await this.mortal({ of: 'store', at: at(), kind: 'before' });
    await this.#kill([
      [one, first],
      [other, second],
    ]);
  }

  async #kill(processes: readonly (readonly [MortalProcess, Work])[]): Promise<boolean> {
    const ends = await Promise.all(processes.map(([process, work]) => process.run(work)));
    this.kills += ends.filter((end) => end === 'died').length;
    await this.expectOrder();
    return ends.includes('died');
  }

  async change(): Promise<void> {
    await this.db.query(`UPDATE item SET price = price + 1 WHERE item_id % 300 = $1`, [Math.floor(this.next() * 300)]);
    await this.db.query(`DELETE FROM item WHERE sku = 'large ' || $1`, [1 + Math.floor(this.next() * 2000)]);
  }

  /** Nothing seems to be at work, everything that is listed as completed is there, and everything that is there is listed. */
  async expectOrder(): Promise<void> {
    const context = this.calm();
    const { items } = await listBackups(context, { limit: 500 });
    expect(items.filter(({ status }) => status !== 'completed' && status !== 'failed')).toEqual([]);
    const completed = items.filter(({ status }) => status === 'completed');
    const manifests: string[] = [];
    for await (const { path } of this.store.list('backups/')) manifests.push(path.split('/').at(-1) ?? '');
    expect(manifests.toSorted()).toEqual(completed.map(({ id }) => id).toSorted());
    expect(await checkRepository(context, {})).toMatchObject({ ok: true, damage: [] });
    const { rows } = await this.db.query('SELECT FROM public.module_backups WHERE deleted_at IS NOT NULL');
    expect(rows).toEqual([]);
    for (const { id, implementation } of completed)
      if (!this.#rowsOf.has(id)) this.#rowsOf.set(id, await this.#liveRows(implementation.key));
  }

  /** What a backup of now has to give back. */
  async #liveRows(key: string): Promise<string> {
    const { rows } = await this.db.query(
      `SELECT string_agg(concat_ws(E'\\t', item_id, store_id, sku, price) || E'\\n', '' ORDER BY item_id) AS lines
       FROM item WHERE store_id = $1`,
      [key === 'one' ? 1 : 2],
    );
    return rows[0].lines;
  }

  /** Every block of every backup opens, and each holds the rows that were there when it was made (I1). */
  async #expectWhole(repository: Repository): Promise<void> {
    expect(await repository.check({ readData: true })).toMatchObject({ ok: true, damage: [] });
    for await (const { implementationId, backupId } of repository.listManifests()) {
      const { tables } = await repository.readManifest(implementationId, backupId);
      const table = tables.find(({ name }) => name === 'item');
      if (table === undefined) throw new Error('a backup of the shop has items');
      let text = '';
      for await (const { bytes } of repository.readRows(table)) text += bytes.toString();
      expect(text === this.#rowsOf.get(backupId), backupId).toBe(true);
    }
  }

  /** After three quiet days nothing is left that no backup needs, and all that is listed is whole. */
  async expectGoodEnd(): Promise<void> {
    for (let day = 0; day < 3; day++) {
      this.ms += GARBAGE_GRACE_MS + HOUR_MS;
      expect(await cleanupExpiredBackups(this.calm(), { freeSpace: 'now' })).toMatchObject({ failed: [], left: 0 });
    }
    await this.expectOrder();
    const context = this.calm();
    const repository = await context.openRepository();
    await this.#expectWhole(repository);
    const needed = new Set<string>();
    for await (const { implementationId, backupId } of repository.listManifests())
      for (const { id } of (await repository.readManifest(implementationId, backupId)).packs) needed.add(id);
    const left: string[] = [];
    for (const prefix of ['packs/', 'trash/', 'leases/'])
      for await (const { path } of this.store.list(prefix)) if (!needed.has(path.slice(-37, -5))) left.push(path);
    expect(left).toEqual([]);
    expect(await createBackup(context, { ...ONE, type: 'incremental' })).toMatchObject({ status: 'completed' });
  }
}

describe.each(costlyTestServers())('I3: whatever is killed at any instant, on PostgreSQL $name', (server) => {
  let world: World;
  afterEach(() => world.close());
  const open = async () => {
    world = new World(await createTestDatabase(server, { template: 'migrated' }));
    await world.open();
    return world;
  };

  it.each(IS_LONG ? (['incremental', 'differential', 'full'] as const) : (['incremental', 'full'] as const))(
    'a backup (%s): what is listed is whole, and nothing stays of it that nobody needs',
    async (type) => {
      await open();
      await world.killEverywhere(async () => {
        await world.change();
        return (context) => createBackup(context, { ...ONE, type, expiresAt: null });
      });
      await world.expectGoodEnd();
      expect(world.kills).toBeGreaterThan(10);
    },
  );

  it('a deletion: the backup is listed and whole, or gone, and no other is harmed', async () => {
    await open();
    await world.killEverywhere(async () => {
      await world.change();
      const { id } = await createBackup(world.calm(), { ...ONE, type: 'incremental' });
      return (context) => deleteBackup(context, { backup: id });
    });
    await world.expectGoodEnd();
    expect(world.kills).toBeGreaterThan(5);
  });

  it('a clean-up: it goes on where it was, and frees nothing that a backup needs', async () => {
    await open();
    await world.killEverywhere(
      async () => {
        await world.change();
        for (const key of ['one', 'two']) {
          const expiresAt = new Date(world.ms + 12 * HOUR_MS).toISOString();
          await createBackup(world.calm(), { implementation: `shop/${key}`, type: 'incremental', expiresAt });
        }
        // What the one before put into the trash is to be deleted now.
        world.ms += GARBAGE_GRACE_MS + HOUR_MS;
        return (context) => cleanupExpiredBackups(context, { freeSpace: 'now' });
      },
      IS_LONG ? 1 : 4,
    );
    await world.expectGoodEnd();
    expect(world.kills).toBeGreaterThan(10);
  });

  it('a backup and a clean-up at once: neither hurts the other, nor what there was', async () => {
    await open();
    for (let round = 0; round < PAIRS; round++) {
      await world.change();
      const expiresAt = new Date(world.ms + 12 * HOUR_MS).toISOString();
      await createBackup(world.calm(), { implementation: 'shop/two', type: 'incremental', expiresAt });
      world.ms += GARBAGE_GRACE_MS + HOUR_MS;
      await world.killTwo(
        (context) => createBackup(context, { ...ONE, type: 'incremental', expiresAt: null }),
        (context) => cleanupExpiredBackups(context, { freeSpace: 'now' }),
      );
    }
    await world.expectGoodEnd();
    expect(world.kills).toBeGreaterThan(PAIRS);
  });
});
