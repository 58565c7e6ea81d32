import { createHash } from 'node:crypto';
import {
  joinLine,
  type Manifest,
  batchesOfLines,
  packPath,
  type ProbedTable,
  putTrash,
  ProbeRefuted,
  RANGE_ROWS,
  type RangeCount,
} from '@cofre/engine';
import { MemoryStore } from '@cofre/storage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IS_LONG } from '../support/long-tests.ts';
import { backUp, batches, initRepository, keyFile, noKey, readText, rowsOf, tableOf, textOf } from './fixtures.ts';
import { LiveTable } from './live-table.ts';

/** Some twenty of these fill a range, so that a history of few rows has many ranges. */
const wide = (text: string) => text.padEnd(100_000, '.');

async function expectWhole(
  repository: Awaited<ReturnType<typeof initRepository>>,
  manifest: Manifest,
  rows: ReadonlyMap<number, string>,
) {
  expect(await readText(repository, manifest)).toBe(textOf(rows));
  const table = tableOf(manifest);
  expect(table.rows).toBe(rows.size);
  let last: string | null | undefined;
  for await (const range of repository.ranges(table)) {
    if (last === undefined) expect(range.low).toBeNull();
    else if (last !== null) expect(Number(range.low)).toBeGreaterThan(Number(last));
    last = range.low;
    expect(range.deltas.length).toBeLessThanOrEqual(8);
  }
  expect(await repository.verifyBackup(manifest)).toMatchObject({ ok: true, damage: [] });
}

describe('a backup from what a probe says', () => {
  it('of a table in which nothing changed stores no block and reads no row', async () => {
    const repository = await initRepository(new MemoryStore(), keyFile);
    const rows = rowsOf(3 * RANGE_ROWS);
    const first = await backUp(repository, rows);
    const silent = () => ({
      rows: () => {
        throw new Error('asked for rows');
      },
      keys: () => {
        throw new Error('asked for keys');
      },
    });
    const next = await backUp(repository, rows, { parent: first, probe: new LiveTable(rows).probe(silent) });
    expect(next.stats).toMatchObject({ rows: rows.size, rowsRead: 0, rowsChanged: 0, blocksNew: 0, bytesStored: 0 });
    expect(tableOf(next).ranges).toEqual(tableOf(first).ranges);
    expect(next.packs).toEqual(first.packs);
    await expectWhole(repository, next, rows);
  });

  it('stores only what changed, beside the ranges of the parent', async () => {
    const repository = await initRepository(new MemoryStore(), keyFile);
    const first = await backUp(repository, rowsOf(4 * RANGE_ROWS));
    const live = new LiveTable(rowsOf(4 * RANGE_ROWS));
    live.set(5, 'changed');
    live.set(6, 'value 6');
    live.delete(RANGE_ROWS + 1);
    live.set(4 * RANGE_ROWS, 'appended');
    const next = await backUp(repository, live.rows, { parent: first, probe: live.probe() });
    // Two deltas of upserts, one of deletes, and the range list.
    expect(next.stats).toMatchObject({ rowsRead: 3, rowsChanged: 4, blocksNew: 4, rows: 4 * RANGE_ROWS });
    expect(next.stats.bytesStored).toBeLessThan(first.stats.bytesStored / 20);
    await expectWhole(repository, next, live.rows);
    await expectWhole(repository, first, rowsOf(4 * RANGE_ROWS));
  });

  it('I2: any history of touches, deletions and growth reads back as the rows were at each step', async () => {
    const step = fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 150 }),
        count: fc.oneof(
          { weight: 6, arbitrary: fc.constant(1) },
          { weight: 1, arbitrary: fc.integer({ min: 2, max: 60 }) },
        ),
        what: fc.constantFrom('set', 'touch', 'delete'),
        value: fc.string({ maxLength: 5 }),
      }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const repository = await initRepository(new MemoryStore(), noKey, 'zstd');
        const live = new LiveTable(rowsOf(100, (id) => wide(`first ${id}`)));
        let parent = await backUp(repository, live.rows);
        for (const changes of steps) {
          live.touched.clear();
          for (const { from, count, what, value } of changes) {
            for (let id = from; id < from + count; id += 1) {
              if (what === 'set') live.set(id, wide(`${value} ${id}`));
              else if (what === 'delete') live.delete(id);
              else if (live.rows.has(id)) live.touched.add(id);
            }
          }
          const probe = live.probe();
          try {
            parent = await backUp(repository, live.rows, { parent, probe });
          } catch (error) {
            // A table that was empty has no ranges to build on.
            if (!(error instanceof ProbeRefuted) || error.isAlarming || tableOf(parent).rows > 0) throw error;
            parent = await backUp(repository, live.rows, { parent });
          }
          await expectWhole(repository, parent, live.rows);
        }
      }),
      { numRuns: IS_LONG ? 300 : 10 },
    );
  });

  it('a long life of small changes keeps the deltas of a range few, and small beside it', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const live = new LiveTable(rowsOf(RANGE_ROWS));
    let parent = await backUp(repository, live.rows);
    for (let round = 0; round < 100; round += 1) {
      live.touched.clear();
      for (let id = round; id < RANGE_ROWS; id += 100) live.set(id, `round ${round} ${id}`);
      parent = await backUp(repository, live.rows, { parent, probe: live.probe() });
      for await (const { base, deltas } of repository.ranges(tableOf(parent))) {
        const bytes = deltas.reduce((sum, { upserts }) => sum + (upserts?.plainBytes ?? 0), 0);
        expect(bytes).toBeLessThan(0.35 * (base?.rows.plainBytes ?? 0));
      }
    }
    await expectWhole(repository, parent, live.rows);
  });

  it('of a long life stores a part of the ranges anew now and then, and never all of them at once', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const rangeRows = 256;
    const noise = (text: string) => createHash('sha512').update(text).digest('hex');
    const live = new LiveTable(rowsOf(64 * rangeRows, (id) => noise(`${id}`)));
    let parent = await backUp(repository, live.rows, { rangeRows });
    const full = parent.stats.bytesStored;
    const stored: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      live.touched.clear();
      for (let id = round; id < 64 * rangeRows; id += 100) live.set(id, noise(`round ${round} ${id}`));
      parent = await backUp(repository, live.rows, { parent, probe: live.probe(), rangeRows });
      stored.push(parent.stats.bytesStored);
    }
    expect(Math.max(...stored)).toBeLessThan(full / 2);
    expect(stored.reduce((sum, bytes) => sum + bytes, 0) / stored.length).toBeLessThan(full / 5);
    await expectWhole(repository, parent, live.rows);
  });

  it('of a row that changes, goes and comes back again and again has what it was last', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const live = new LiveTable(rowsOf(1000));
    let parent = await backUp(repository, live.rows);
    for (const change of [
      () => live.set(7, 'second'),
      () => live.set(7, 'third'),
      () => live.delete(7),
      () => live.set(7, 'fourth'),
      () => live.set(8, 'beside it'),
    ]) {
      live.touched.clear();
      change();
      parent = await backUp(repository, live.rows, { parent, probe: live.probe() });
      await expectWhole(repository, parent, live.rows);
    }
    for await (const { deltas } of repository.ranges(tableOf(parent))) expect(deltas.length).toBeGreaterThan(1);
  });

  it('I3: builds on no pack that is in the trash', async () => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const live = new LiveTable(rowsOf(1000));
    const first = await backUp(repository, live.rows);
    await putTrash(
      repository,
      first.packs.map(({ id }) => id),
    );
    live.set(7, 'changed');
    const next = await backUp(repository, live.rows, { parent: first, probe: live.probe() });
    const trashed = new Set(first.packs.map(({ id }) => id));
    expect(next.packs.filter(({ id }) => trashed.has(id))).toEqual([]);
    await expectWhole(repository, next, live.rows);
  });

  it('I3: where a block of the backup before is hurt, one from a probe is refused and one that reads everything is whole', async () => {
    const store = new MemoryStore();
    const repository = await initRepository(store, noKey);
    const live = new LiveTable(rowsOf(3000));
    const first = await backUp(repository, live.rows);
    for (const id of [5, 2500]) live.set(id, 'changed');
    live.delete(7);
    const entries = await Array.fromAsync(repository.ranges(tableOf(first)));
    const refs = [...tableOf(first).ranges, ...entries.flatMap(({ base }) => [base?.rows, base?.keys])];
    for (const ref of refs.filter((it) => it != null)) {
      const whole = Buffer.from(await store.get(packPath(ref.pack)));
      const hurt = Buffer.from(whole);
      hurt.writeUInt8(hurt.readUInt8(ref.offset + 3) ^ 1, ref.offset + 3);
      await store.put(packPath(ref.pack), hurt);
      const isKeysOrList = ref.id !== entries[0]?.base?.rows.id;
      const probed = backUp(repository, live.rows, { parent: first, probe: live.probe() });
      if (isKeysOrList) await expect(probed).rejects.toMatchObject({ isAlarming: false });
      else await probed;
      await expectWhole(repository, await backUp(repository, live.rows, { parent: first }), live.rows);
      await store.put(packPath(ref.pack), whole);
    }
  });

  const lies: readonly (readonly [string, (honest: ProbedTable) => Partial<ProbedTable>])[] = [
    [
      'a touched row is not counted',
      (honest) => ({ count: withCounts(honest, ({ rows, touched }) => ({ rows, touched: touched - 1 })) }),
    ],
    [
      'more rows are counted than there are',
      (honest) => ({ count: withCounts(honest, ({ rows, touched }) => ({ rows: rows + 1, touched })) }),
    ],
    [
      'fewer rows are counted than there are',
      (honest) => ({ count: withCounts(honest, ({ rows, touched }) => ({ rows: rows - 1, touched })) }),
    ],
    [
      'a row came that nothing touched',
      (honest) => ({ count: withCounts(honest, ({ rows }) => ({ rows: rows + 2, touched: 0 })) }),
    ],
    ['touched rows are left out', () => ({ rows: () => batches(new Map()) })],
    ['a key is left out', () => ({ keys: () => batches(new Map()) })],
    ['a key stands for another', (honest) => ({ keys: (ranges) => swappingKey(honest.keys(ranges), '5000') })],
    ['rows come in another order', (honest) => ({ rows: (whole) => reversed(honest.rows(whole)) })],
  ];

  it.each(lies)('where %s, it is refuted, alarming, and nothing of it is kept', async (_, lie) => {
    const repository = await initRepository(new MemoryStore(), noKey);
    const parent = await backUp(repository, rowsOf(1000));
    const live = new LiveTable(rowsOf(1000));
    for (const id of [3, 4, 1000]) live.set(id, 'changed');
    for (const id of [7, 8]) live.delete(id);
    const attempt = backUp(repository, live.rows, { parent, probe: live.probe(lie) });
    await expect(attempt).rejects.toMatchObject({ isAlarming: true });
    await expect(attempt).rejects.toBeInstanceOf(ProbeRefuted);
  });
});

function withCounts(honest: ProbedTable, change: (count: RangeCount) => RangeCount): ProbedTable['count'] {
  return async () => new Map([...(await honest.count())].map(([range, count]) => [range, change(count)]));
}

async function* reversed(rows: ReturnType<ProbedTable['rows']>): ReturnType<typeof batchesOfLines> {
  const lines: Buffer[] = [];
  for await (const { bytes, ends } of rows)
    for (const [at, end] of ends.entries()) lines.push(Buffer.from(bytes.subarray(ends[at - 1] ?? 0, end)));
  yield* batchesOfLines(lines.toReversed());
}

/** As many keys as there were: an old one is missing, and the last is one that nobody has seen. */
async function* swappingKey(keys: ReturnType<ProbedTable['keys']>, key: string): ReturnType<typeof batchesOfLines> {
  const lines: Buffer[] = [];
  for await (const { bytes, ends } of keys)
    for (const [at, end] of ends.entries()) lines.push(Buffer.from(bytes.subarray(ends[at - 1] ?? 0, end)));
  yield* batchesOfLines([...lines.slice(0, -2), ...lines.slice(-1), joinLine([key])]);
}
