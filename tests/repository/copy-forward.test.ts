import { createHash } from 'node:crypto';
import { collectGarbage, type Manifest, type Repository } from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import { describe, expect, it } from 'vitest';
import { backUp, IMPLEMENTATION, initRepository, keyFile, readText, rowsOf, textOf } from './fixtures.ts';
import { LiveTable } from './live-table.ts';

const DAY_MS = 86_400_000;
const RANGE = 16;
const ROWS = 960;

/** Text that does not get smaller by compression, and is the same in every run. */
const noise = (...seed: readonly (string | number)[]) =>
  createHash('sha512').update(seed.join(' ')).digest('base64').repeat(2);

/** Numbers below `below` that look like chance and are the same in every run. */
function* chance(below: number): Generator<number, never> {
  for (let state = 12_345; ; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    yield (state >>> 8) % below;
  }
}

async function place() {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const store = new MemoryStore({ clock: { now: () => new Date(nowMs) } });
  const repository = await initRepository(store, keyFile, 'none');
  const storedBytes = async () => {
    let sum = 0;
    for await (const { sizeBytes } of store.list('packs/')) sum += sizeBytes;
    return sum;
  };
  return { store, repository, storedBytes, passDay: () => void (nowMs += DAY_MS + 1000) };
}

async function expectWhole(repository: Repository, manifest: Manifest, text: string): Promise<void> {
  expect(await readText(repository, manifest)).toBe(text);
  expect((await repository.verifyBackup(manifest)).damage).toEqual([]);
}

describe('blocks of packs that are hardly used any more', () => {
  it('I3: a long life of changes keeps no dead pack alive, and each backup is as its rows were', async () => {
    const { repository, storedBytes, passDay } = await place();
    const live = new LiveTable(rowsOf(ROWS, (id) => noise(id)));
    const kept: { manifest: Manifest; text: string }[] = [];
    const ids = chance(ROWS);
    let most = 0;
    for (let day = 0; day < 120; day++) {
      live.touched.clear();
      // What changes moves slowly through the table, and a part of it is changed never.
      for (let change = 0; change < 20; change++) live.set((ids.next().value % 700) + 1, noise(day, change));
      const parent = kept.at(-1)?.manifest;
      const how = parent === undefined ? {} : { parent, probe: live.probe() };
      kept.push({
        manifest: await backUp(repository, live.rows, { ...how, rangeRows: RANGE }),
        text: textOf(live.rows),
      });
      for (const { manifest } of kept.splice(0, kept.length - 3))
        await repository.deleteManifest(IMPLEMENTATION, manifest.backupId);
      passDay();
      await collectGarbage(repository);
      if (day > 20) most = Math.max(most, await storedBytes());
    }
    for (const { manifest, text } of kept) await expectWhole(repository, manifest, text);
    // Without copying it is more than ten times as much, in three times as many packs, and both grow with the history.
    expect(most).toBeLessThan(7 * textOf(live.rows).length);
    expect(kept.at(-1)?.manifest.packs.length).toBeLessThan(10);
  });

  it('are stored under the same ids without asking for a row, and the backups before keep theirs', async () => {
    const { repository } = await place();
    const live = new LiveTable(rowsOf(ROWS, (id) => noise(id)));
    const first = await backUp(repository, live.rows, { rangeRows: RANGE });
    const before = textOf(live.rows);
    for (let id = 0; id < ROWS * 0.8; id++) live.set(id, noise('changed', id));
    const second = await backUp(repository, live.rows, { parent: first, probe: live.probe(), rangeRows: RANGE });
    live.touched.clear();
    const third = await backUp(repository, live.rows, { parent: second, probe: live.probe(), rangeRows: RANGE });
    expect(second.packs.map(({ id }) => id)).toEqual(expect.arrayContaining(first.packs.map(({ id }) => id)));
    expect(third.packs.filter(({ id }) => first.packs.some((pack) => pack.id === id))).toEqual([]);
    expect(third.stats).toMatchObject({ rowsRead: 0, rowsChanged: 0 });
    expect(await idsOf(repository, third)).toEqual(await idsOf(repository, second));
    await repository.deleteManifest(IMPLEMENTATION, second.backupId);
    await expectWhole(repository, third, textOf(live.rows));
    await expectWhole(repository, first, before);
    // What was copied is used whole: the next backup copies nothing.
    const fourth = await backUp(repository, live.rows, { parent: third, probe: live.probe(), rangeRows: RANGE });
    expect(fourth.stats.blocksNew).toBe(0);
  });

  it('stay where they are when one cannot be read: the backup is made, and what is hurt is found by who reads it', async () => {
    const { repository, store } = await place();
    const live = new LiveTable(rowsOf(ROWS, (id) => noise(id)));
    const first = await backUp(repository, live.rows, { rangeRows: RANGE });
    for (let id = 0; id < ROWS * 0.8; id++) live.set(id, noise('changed', id));
    const second = await backUp(repository, live.rows, { parent: first, probe: live.probe(), rangeRows: RANGE });
    live.touched.clear();
    for (const { id } of first.packs) {
      const path = `packs/${id.slice(0, 2)}/${id}.pack`;
      const bytes = await store.get(path);
      await store.put(path, Uint8Array.from(bytes).fill(1, 100));
    }
    const third = await backUp(repository, live.rows, { parent: second, probe: live.probe(), rangeRows: RANGE });
    expect((await repository.verifyBackup(third)).ok).toBe(false);
  });
});

async function idsOf(repository: Repository, manifest: Manifest): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const table of manifest.tables)
    for await (const { base, deltas } of repository.ranges(table))
      for (const ref of [base?.rows, base?.keys, ...deltas.flatMap(({ upserts, deletes }) => [upserts, deletes])])
        if (ref != null) ids.push(ref.id);
  return ids;
}
