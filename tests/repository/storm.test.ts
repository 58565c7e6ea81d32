import { type BackupId, isCofreError } from '@cofre/contracts';
import {
  type BlobStore,
  collectGarbage,
  GARBAGE_GRACE_MS,
  type Manifest,
  ProbeRefuted,
  type Repository,
  type WriteLease,
} from '@cofre/engine';
import { byChance, type Chances, MemoryStore, openStore, withDelays, withFaults, withRetry } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../support/every-type.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { s3Address } from '../support/s3-server.ts';
import { failure, S3Stub, type StubFault } from '../support/s3-stub.ts';
import {
  backUp,
  IMPLEMENTATION,
  initRepository,
  keyFile,
  openRepository,
  readText,
  rowsOf,
  textOf,
} from './fixtures.ts';
import { LiveTable } from './live-table.ts';

const HOUR_MS = 3_600_000;

/** What a person may be told in a storm. Anything else, an assertion of ours or a wrong row, is a fault. */
const TOLD = new Set([
  'storage/unavailable',
  'repository/damaged',
  'repository/newer-format',
  'repository/object-missing',
  'repository/not-found',
  'repository/key-wrong',
  'backup/took-too-long',
]);

/** Some twenty of these fill a range, so that a few rows have several ranges, with deltas. */
const wide = (text: string) => text.padEnd(100_000, '.');

/** The life of a repository, drawn from a seed, on a store whose weather is the test's. What somebody was told is remembered. */
class Life {
  nowMs = Date.parse('2026-01-03T00:00:00Z');
  readonly clock = { now: () => new Date(this.nowMs) };
  readonly done = { backups: 0, probed: 0, deletions: 0, collections: 0, reads: 0, failures: 0 };
  /** Backups that somebody was told are there, with the rows that each must give back. */
  readonly #expected = new Map<BackupId, ReadonlyMap<number, string>>();
  /** When each row was last set: what a probe would call touched. */
  readonly #setAt = new Map<number, number>();
  readonly #madeAt = new Map<BackupId, number>();
  readonly #rows = new Map<number, string>();
  readonly #next: () => number;
  #step = 0;

  constructor(next: () => number) {
    this.#next = next;
    for (let id = 0; id < 60; id++) this.#set(id, `first ${id}`);
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  #set(id: number, text: string): void {
    this.#rows.set(id, wide(text));
    this.#setAt.set(id, this.#step);
  }

  /** One thing that a person or a schedule does. Each begins anew, as a process of its own would. */
  async step(store: BlobStore): Promise<void> {
    this.#step++;
    this.nowMs += ([0, 0, 1, 7, 13, 25][this.#below(6)] ?? 0) * HOUR_MS;
    this.#change();
    try {
      const repository = await openRepository(store, keyFile);
      const drawn = this.#below(10);
      if (drawn < 4) await this.#backUp(repository);
      else if (drawn < 5) await this.#delete(repository);
      else if (drawn < 8) await this.#collect(repository);
      else await this.#read(repository);
    } catch (error) {
      if (!isCofreError(error) || !TOLD.has(error.code)) throw error;
      this.done.failures++;
    }
  }

  #change(): void {
    for (let change = this.#below(5); change > 0; change--) {
      const id = this.#below(70);
      if (this.#below(4) === 0) this.#rows.delete(id);
      else this.#set(id, `set in step ${this.#step}`);
    }
  }

  async #backUp(repository: Repository): Promise<void> {
    const lease = await repository.takeLease();
    try {
      const parent = await this.#parent(repository);
      const manifest = await this.#write(repository, { lease, parent });
      this.#expected.set(manifest.backupId, new Map(this.#rows));
      this.#madeAt.set(manifest.backupId, this.#step);
      this.done.backups++;
    } finally {
      await lease.release();
    }
  }

  async #parent(repository: Repository): Promise<Manifest | null> {
    const newest = [...this.#expected.keys()].at(-1);
    return newest === undefined ? null : repository.readManifest(IMPLEMENTATION, newest);
  }

  async #write(
    repository: Repository,
    { lease, parent }: { readonly lease: WriteLease; readonly parent: Manifest | null },
  ): Promise<Manifest> {
    if (parent === null) return backUp(repository, this.#rows, { lease });
    if (this.#below(4) === 0) return backUp(repository, this.#rows, { lease, parent });
    const since = this.#madeAt.get(parent.backupId) ?? 0;
    const live = new LiveTable(this.#rows);
    // What was set in the very step of the parent came before it.
    for (const id of this.#rows.keys()) if ((this.#setAt.get(id) ?? 0) > since) live.touched.add(id);
    try {
      const manifest = await backUp(repository, this.#rows, { lease, parent, probe: live.probe() });
      this.done.probed++;
      return manifest;
    } catch (error) {
      if (!(error instanceof ProbeRefuted) || error.isAlarming) throw error;
      return backUp(repository, this.#rows, { lease, parent });
    }
  }

  /** Forgotten before it is deleted, as the catalogue marks its row. */
  async #delete(repository: Repository): Promise<void> {
    const chosen = [...this.#expected.keys()][this.#below(this.#expected.size)];
    if (chosen === undefined) return;
    this.#expected.delete(chosen);
    await repository.deleteManifest(IMPLEMENTATION, chosen);
    this.done.deletions++;
  }

  async #collect(repository: Repository): Promise<void> {
    const known = [...this.#expected.keys()].map((id) => ({ implementationId: IMPLEMENTATION, backupId: id }));
    await collectGarbage(repository, { known });
    this.done.collections++;
  }

  /** Whatever the weather: the rows as they were, or an error. */
  async #read(repository: Repository): Promise<void> {
    const [chosen, rows] = [...this.#expected][this.#below(this.#expected.size)] ?? [];
    if (chosen === undefined || rows === undefined) return;
    expect(await readText(repository, await repository.readManifest(IMPLEMENTATION, chosen))).toBe(textOf(rows));
    await repository.check({ readData: true });
    this.done.reads++;
  }

  /** The store behaves again: everything that was told is whole, and after three quiet days there is no garbage. */
  async expectGoodEnd(store: BlobStore): Promise<void> {
    const repository = await openRepository(store, keyFile);
    await this.#expectWhole(repository);
    for (let run = 0; run < 3; run++) {
      this.nowMs += GARBAGE_GRACE_MS + HOUR_MS;
      await this.#collect(repository);
    }
    await this.#expectWhole(repository);
    expect(await garbageOf(repository)).toEqual([]);
  }

  async #expectWhole(repository: Repository): Promise<void> {
    for (const [backup, rows] of this.#expected) {
      const manifest = await repository.readManifest(IMPLEMENTATION, backup);
      expect(await readText(repository, manifest)).toBe(textOf(rows));
      expect((await repository.verifyBackup(manifest)).damage).toEqual([]);
    }
  }
}

async function garbageOf(repository: Repository): Promise<string[]> {
  const needed = new Set<string>();
  for await (const { backupId } of repository.listManifests())
    for (const { id } of (await repository.readManifest(IMPLEMENTATION, backupId)).packs) needed.add(id);
  const garbage: string[] = [];
  for await (const { path } of repository.store.list('packs/'))
    if (!needed.has(path.slice(-37, -5))) garbage.push(path);
  for (const prefix of ['trash/', 'leases/'])
    for await (const { path } of repository.store.list(prefix)) garbage.push(path);
  return garbage;
}

/** The numbers of a seed, as a source of randomness for wrappers. */
const bytesFrom = (next: () => number) => ({
  bytes: (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256))),
});
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};
const noSleep = async () => undefined;

const WEATHERS: readonly (readonly [string, Chances])[] = [
  ['fails before and after the effect, slowly and in any order', { before: 0.1, after: 0.15, halfway: 0.1 }],
  ['gives short and wrong bytes', { short: 0.02, flipped: 0.02, before: 0.05, after: 0.05 }],
  ['shows stale listings, and parts of listings as if they were all', { stale: 0.2, truncated: 0.2, after: 0.05 }],
];
const SEEDS = Array.from({ length: IS_LONG ? 200 : 3 }, (_, seed) => seed + 1);
const STEPS = 60;

describe.each(WEATHERS)('I1, I3: a repository on a store that %s', (_, chances) => {
  it.each(SEEDS)('loses nothing that was told, and is clean when the store behaves again; seed %i', async (seed) => {
    const next = seededRandom(seed);
    const life = new Life(next);
    const calm = new MemoryStore({ clock: life.clock });
    await initRepository(calm, keyFile);
    const slow = withDelays(calm, { random: bytesFrom(next), sleep: turns, delayMsMax: 5 });
    const rough = withFaults(slow, byChance(chances, bytesFrom(next)));
    // Few attempts: what is given up for good has to show as well.
    const store = withRetry(rough, { sleep: noSleep, attempts: 3 });
    for (let step = 0; step < STEPS; step++) await life.step(store);
    await life.expectGoodEnd(calm);
    expect(life.done.backups).toBeGreaterThan(0);
  });
});

describe('I3: a store whose listings leave something out again and again', () => {
  it('lets a collector delete nothing that a listed backup needs', async () => {
    const life = new Life(seededRandom(1));
    const calm = new MemoryStore({ clock: life.clock });
    await initRepository(calm, keyFile);
    const blind = withFaults(calm, ({ path }) => (path === 'backups/' ? { kind: 'truncated' } : null));
    const repository = await openRepository(blind, keyFile);
    const rows = rowsOf(5);
    const { backupId } = await backUp(repository, rows);
    const known = [{ implementationId: IMPLEMENTATION, backupId }];
    for (let run = 0; run < 3; run++) {
      life.nowMs += GARBAGE_GRACE_MS + HOUR_MS;
      expect(await collectGarbage(repository, { known })).toMatchObject({ freedObjects: 0, waitingBytes: 0 });
    }
    expect(await readText(repository, await repository.readManifest(IMPLEMENTATION, backupId))).toBe(textOf(rows));
    // One that is gone for good, or was deleted since it was looked up, keeps nobody from freeing what it needed.
    await repository.deleteManifest(IMPLEMENTATION, backupId);
    life.nowMs += GARBAGE_GRACE_MS + HOUR_MS;
    expect((await collectGarbage(repository, { known })).waitingBytes).toBeGreaterThan(0);
  });
});

const ROUGH: readonly StubFault[] = [
  { kind: 'lost' },
  { kind: 'failed' },
  { kind: 'cut' },
  { kind: 'short' },
  { kind: 'stale' },
  { kind: 'truncated' },
  { ...failure(503, 'SlowDown'), kind: 'answer' },
];

describe('I1, I3: a repository in a bucket whose answers are lost, cut, short, stale, truncated and late', () => {
  it.each(SEEDS.slice(0, IS_LONG ? 20 : 1))('loses nothing that was told; seed %i', async (seed) => {
    const next = seededRandom(seed);
    const life = new Life(next);
    const stub = await S3Stub.start({ pageSize: 3, clock: life.clock });
    try {
      const open = () => openStore(s3Address(stub, 'storm'), { s3: { credentials: stub.credentials } });
      await initRepository(open(), keyFile);
      stub.pause = async () => {
        for (let turn = Math.floor(next() * 4); turn > 0; turn--) await new Promise(setImmediate);
      };
      stub.fault = () => ROUGH[Math.floor(next() * 80)] ?? null;
      for (let step = 0; step < STEPS / 3; step++) await life.step(withRetry(open(), { sleep: noSleep, attempts: 2 }));
      stub.fault = () => null;
      await life.expectGoodEnd(open());
    } finally {
      await stub.close();
    }
  });
});
