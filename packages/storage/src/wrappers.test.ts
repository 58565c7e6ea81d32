import type { BlobStore } from '@cofre/engine';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../tests/support/every-type.ts';
import { describeStore, paths, pattern } from './conformance.ts';
import { counting } from './counting.ts';
import { MemoryStore } from './memory-store.ts';
import { readOnly } from './read-only.ts';
import { withDelays } from './with-delays.ts';
import { byChance, diesAt, withFaults } from './with-faults.ts';
import { withRetry } from './with-retry.ts';
import { withTimeLimit } from './with-time-limit.ts';

const noSleep = async () => undefined;
/** Time passes in turns: who waits longer goes on later. */
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};
const bytesFrom = (seed: number) => {
  const next = seededRandom(seed);
  return { bytes: (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256))) };
};

for (const [name, wrap] of [
  ['counting', counting],
  ['withRetry', (store: MemoryStore) => withRetry(store)],
  ['withTimeLimit', (store: MemoryStore) => withTimeLimit(store, 10_000)],
  ['withFaults with no fault', (store: MemoryStore) => withFaults(store, () => null)],
  [
    'withRetry around a store that fails every other call after its effect',
    (store: MemoryStore) =>
      withRetry(
        withFaults(store, (call) => (call.index % 2 === 0 ? { kind: 'after' } : null)),
        { sleep: noSleep },
      ),
  ],
  ['withDelays', (store: MemoryStore) => withDelays(store, { random: bytesFrom(1), sleep: turns, delayMsMax: 20 })],
  [
    'withRetry around a store that is slow, answers in any order and fails four of ten calls in any way',
    (store: MemoryStore) =>
      withRetry(
        withFaults(
          withDelays(store, { random: bytesFrom(2), sleep: turns, delayMsMax: 20 }),
          byChance({ before: 0.15, after: 0.15, halfway: 0.1 }, bytesFrom(3)),
        ),
        { sleep: noSleep, attempts: 40 },
      ),
  ],
] as const) {
  describeStore(name, async () => {
    const store = new MemoryStore();
    return { store: wrap(store), other: store, close: async () => undefined };
  });
}

describe('withRetry', () => {
  /** Fails the first `failures` calls. */
  const failing = (failures: number, kind: 'before' | 'after' | 'halfway' = 'before') => {
    const store = new MemoryStore();
    return { store, faulty: withFaults(store, (call) => (call.index < failures ? { kind } : null)) };
  };

  it('waits twice as long each time, up to a limit, more or less by chance', async () => {
    const delays: number[] = [];
    const sleep = async (durationMs: number) => {
      delays.push(durationMs);
    };
    const random = {
      bytes: (length: number) => Buffer.concat([Buffer.of(0x80), Buffer.alloc(length - 1)]),
      uuid: () => '',
    };
    const { faulty } = failing(9);
    await withRetry(faulty, { sleep, random, attempts: 10 }).stat('a');
    expect(delays).toEqual([188, 375, 750, 1500, 3000, 6000, 12000, 15000, 15000]);
  });

  it('gives up after its attempts with the error of the last', async () => {
    const { faulty } = failing(3);
    const store = counting(faulty);
    await expect(withRetry(store, { sleep: noSleep, attempts: 3 }).get('a')).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
    expect(store.counts().calls.get).toBe(3);
  });

  it.each(['storage/full', 'storage/not-permitted', 'repository/damaged'] as const)(
    'does not repeat what failed with %s',
    async (code) => {
      const store = counting(withFaults(new MemoryStore(), () => ({ kind: 'before', code })));
      await expect(withRetry(store, { sleep: noSleep }).put('a', pattern(1))).rejects.toMatchObject({ code });
      expect(store.counts().calls.put).toBe(1);
    },
  );

  it('knows its own object when the answer to a conditional put was lost', async () => {
    const { faulty } = failing(1, 'after');
    expect(await withRetry(faulty, { sleep: noSleep }).put('lease', pattern(9), { ifAbsent: true })).toBe(true);
  });

  it('does not take the object of another for its own', async () => {
    const { store, faulty } = failing(1, 'before');
    await store.put('lease', pattern(9, 1));
    expect(await withRetry(faulty, { sleep: noSleep }).put('lease', pattern(9, 2), { ifAbsent: true })).toBe(false);
  });

  it('goes on with a listing that broke off, each object once', async () => {
    const { store, faulty } = failing(3, 'halfway');
    const names = ['a/1', 'a/2', 'a/3', 'a/4', 'a/5'];
    for (const name of names) await store.put(name, pattern(1));
    expect(await paths(withRetry(faulty, { sleep: noSleep }), 'a/')).toEqual(names);
  });
});

describe('withFaults', () => {
  it('fails before the effect or after it', async () => {
    const store = new MemoryStore();
    const faulty = withFaults(store, (call) => ({ kind: call.index === 0 ? 'before' : 'after' }));
    await expect(faulty.put('a', pattern(1))).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(await store.stat('a')).toBeNull();
    await expect(faulty.put('a', pattern(1))).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(await store.stat('a')).not.toBeNull();
    await expect(faulty.delete('a')).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(await store.stat('a')).toBeNull();
  });

  it('gives short and wrong bytes', async () => {
    const store = new MemoryStore();
    await store.put('a', Uint8Array.of(1, 2, 3));
    expect(await withFaults(store, () => ({ kind: 'short' })).get('a')).toEqual(Uint8Array.of(1, 2));
    expect(await withFaults(store, () => ({ kind: 'flipped' })).get('a')).toEqual(Uint8Array.of(1, 3, 3));
  });

  it('lists what was there at the last fresh listing', async () => {
    let stale = false;
    const faulty = withFaults(new MemoryStore(), (call) =>
      stale && call.operation === 'list' ? { kind: 'stale' } : null,
    );
    await faulty.put('a', pattern(1));
    await faulty.put('b', pattern(1));
    await paths(faulty, '');
    await faulty.put('c', pattern(1));
    await faulty.delete('a');
    stale = true;
    expect(await paths(faulty, '')).toEqual(['a', 'b']);
    stale = false;
    expect(await paths(faulty, '')).toEqual(['b', 'c']);
  });

  it('ends a listing as if half of it were all', async () => {
    const store = new MemoryStore();
    for (const name of ['a', 'b', 'c', 'd']) await store.put(name, pattern(1));
    expect(
      await paths(
        withFaults(store, () => ({ kind: 'truncated' })),
        '',
      ),
    ).toEqual(['a', 'b']);
  });

  it('draws as often as it is told to what goes wrong, and the same from the same numbers', async () => {
    const draw = () => {
      const schedule = byChance({ before: 0.1, stale: 0.2 }, bytesFrom(7));
      return Array.from({ length: 1000 }, (_, index) => schedule({ index, operation: 'get', path: 'a' })?.kind ?? '');
    };
    const drawn = draw();
    const shareOf = (kind: string) => drawn.filter((it) => it === kind).length / 1000;
    expect(shareOf('before')).toBeCloseTo(0.1, 1);
    expect(shareOf('stale')).toBeCloseTo(0.2, 1);
    expect(shareOf('')).toBeCloseTo(0.7, 1);
    expect(draw()).toEqual(drawn);
  });

  it('dies at a call and stays dead', async () => {
    const store = new MemoryStore();
    const faulty = withFaults(store, diesAt(1, 'after'));
    await faulty.put('a', pattern(1));
    await expect(faulty.put('b', pattern(1))).rejects.toThrow('injected');
    await expect(faulty.put('c', pattern(1))).rejects.toThrow('injected');
    await expect(paths(faulty, '')).rejects.toThrow('injected');
    expect(await paths(store, '')).toEqual(['a', 'b']);
  });
});

describe('withDelays', () => {
  it('answers calls that run at once in another order than they came in', async () => {
    const slow = withDelays(new MemoryStore(), { random: bytesFrom(4), sleep: turns, delayMsMax: 50 });
    const answered: number[] = [];
    const calls = Array.from({ length: 20 }, async (_, call) => {
      await slow.put(String(call), pattern(1));
      answered.push(call);
    });
    await Promise.all(calls);
    expect(answered).not.toEqual(answered.toSorted((a, b) => a - b));
    expect(await paths(slow, '')).toHaveLength(20);
  });
});

describe('readOnly', () => {
  it('reads, and refuses to write or delete', async () => {
    const store = new MemoryStore();
    await store.put('a', pattern(4));
    const guarded = readOnly(store);
    expect(await guarded.get('a', { offset: 1, length: 2 })).toEqual(pattern(4).subarray(1, 3));
    expect(await guarded.stat('a')).toEqual(await store.stat('a'));
    expect(await paths(guarded, '')).toEqual(['a']);
    await expect(guarded.put('b', pattern(1))).rejects.toMatchObject({ code: 'storage/not-permitted' });
    await expect(guarded.delete('a')).rejects.toMatchObject({ code: 'storage/not-permitted' });
    expect(await paths(store, '')).toEqual(['a']);
  });
});

describe('counting', () => {
  it('counts calls, and bytes that went through', async () => {
    const store = counting(new MemoryStore());
    await store.put('a', pattern(10));
    await store.put('a', pattern(10), { ifAbsent: true });
    await store.get('a', { offset: 0, length: 4 });
    await store.get('none').catch(() => undefined);
    await store.stat('a');
    await paths(store, '');
    await store.delete('a');
    expect(store.counts()).toEqual({
      calls: { put: 2, get: 2, stat: 1, list: 1, delete: 1 },
      bytesWritten: 10,
      bytesRead: 4,
    });
  });
});

describe('withTimeLimit', () => {
  const LIMIT_MS = 30;
  const silent: BlobStore = {
    url: 'silent:',
    put: () => new Promise(() => undefined),
    get: () => new Promise(() => undefined),
    stat: () => new Promise(() => undefined),
    delete: () => new Promise(() => undefined),
    async *list() {
      yield { path: 'a', sizeBytes: 1, modifiedAt: new Date() };
      await new Promise(() => undefined);
    },
  };
  const store = withTimeLimit(silent, LIMIT_MS);

  it.each([
    ['put', () => store.put('a', new Uint8Array(1))],
    ['get', () => store.get('a')],
    ['stat', () => store.stat('a')],
    ['delete', () => store.delete('a')],
    ['list', () => Array.fromAsync(store.list(''))],
  ])('gives up a %s that is not answered, so that it may be tried again', async (_name, call) => {
    await expect(call()).rejects.toMatchObject({ code: 'storage/unavailable', retryable: true });
  });

  it('gives what a listing had before it stopped', async () => {
    const seen: string[] = [];
    const listing = (async () => {
      for await (const { path } of store.list('')) seen.push(path);
    })();
    await expect(listing).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(seen).toEqual(['a']);
  });

  it('passes errors on as they are, and is not late where the answer comes', async () => {
    const faulty = withTimeLimit(
      withFaults(new MemoryStore(), () => ({ kind: 'before' })),
      60_000,
    );
    await expect(faulty.stat('a')).rejects.toMatchObject({ code: 'storage/unavailable' });
    await expect(withTimeLimit(new MemoryStore(), 60_000).get('a')).rejects.toMatchObject({
      code: 'repository/object-missing',
    });
  });

  it('gives up all that hangs when its signal fires, for its reason; what tidies up afterwards is still done', async () => {
    const stop = new AbortController();
    const hanging = withTimeLimit(silent, 60_000, stop.signal);
    const calls = [hanging.put('a', new Uint8Array(1)), hanging.get('a'), Array.fromAsync(hanging.list(''))];
    const outcomes = Promise.allSettled(calls);
    const reason = new Error('the time is up');
    stop.abort(reason);
    expect(await outcomes).toEqual(calls.map(() => ({ status: 'rejected', reason })));
    const memory = new MemoryStore();
    await withTimeLimit(memory, 60_000, stop.signal).put('a', new Uint8Array(1));
    expect(await memory.stat('a')).toMatchObject({ sizeBytes: 1 });
  });
});
