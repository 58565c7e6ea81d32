import { setTimeout } from 'node:timers/promises';
import { CofreError } from '@cofre/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { s3Address } from '../../../tests/support/s3-server.ts';
import { S3Stub } from '../../../tests/support/s3-stub.ts';
import { paths, pattern, sameBytes } from './conformance.ts';
import { openStore } from './open-store.ts';
import { CLAIM_LIFE_MS } from './s3-claims.ts';
import { withRetry } from './with-retry.ts';

const SEED = 20250120;

describe('on a store without conditional puts', () => {
  let stub: S3Stub;
  beforeEach(async () => {
    stub = await S3Stub.start({ conditionalPuts: 'ignored' });
  });
  afterEach(() => stub.close());

  const sleep = () => setTimeout(1);
  const open = (name = 'r', token?: number) =>
    openStore(s3Address(stub, name), {
      s3: {
        credentials: stub.credentials,
        sleep,
        ...(token === undefined
          ? {}
          : { random: { bytes: (length) => new Uint8Array(length).fill(token), uuid: () => '' } }),
      },
    });
  const keys = () => [...stub.objects.keys()].sort();
  /** A claim that another writer, with the given token, has put on `lease`. */
  const placeClaim = async (token: number, ageMs: number) => {
    let claim = '';
    stub.fault = ({ operation, key }) => {
      if (operation === 'put' && key.includes('~claim~')) claim = key;
      return null;
    };
    await open('r', token).put('lease', pattern(1), { ifAbsent: true });
    stub.fault = () => null;
    stub.objects.clear();
    stub.place(claim, 'lease\n', new Date(Date.now() - ageMs));
    return claim;
  };

  it('at most one of racing writers wins and its object stays, however their requests mix', async (context) => {
    // A generator of its own, so that a failure can be seen again by its seed.
    let state = SEED;
    const draw = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    stub.pause = () => (draw() < 0.5 ? setTimeout(draw() * 5) : Promise.resolve());
    await context.annotate(`seed ${SEED}`);
    const stores = Array.from({ length: 3 }, () => open());
    for (let round = 0; round < 25; round++) {
      const path = `leases/${round}`;
      const racers = stores.map(async (store, racer) => {
        await setTimeout(draw() * 10);
        return store.put(path, pattern(100, racer), { ifAbsent: true });
      });
      const won = (await Promise.all(racers)).flatMap((isWinner, racer) => (isWinner ? [racer] : []));
      expect(won).toHaveLength(1);
      expect(sameBytes(await open().get(path), pattern(100, won[0]))).toBe(true);
    }
    expect(keys().filter((key) => key.includes('~'))).toEqual([]);
  });

  it('two writers that race for many objects share them out', async () => {
    const path = (index: number) => `objects/${index}`;
    const claimAll = async (writer: number) => {
      const store = open();
      const won: number[] = [];
      for (let index = 0; index < 20; index++) {
        if (await store.put(path(index), pattern(10, writer), { ifAbsent: true })) won.push(index);
      }
      return won;
    };
    const [left, right] = await Promise.all([claimAll(1), claimAll(2)]);
    expect([...left, ...right].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    for (const index of left) expect(sameBytes(await open().get(path(index)), pattern(10, 1))).toBe(true);
  });

  it('leaves nothing in the bucket but the object', async () => {
    const store = open();
    expect(await store.put('a/b', pattern(3), { ifAbsent: true })).toBe(true);
    expect(await store.put('a/b', pattern(4), { ifAbsent: true })).toBe(false);
    expect(keys()).toEqual(['r/a/b']);
  });

  it('claims of one object do not hold up another', async () => {
    await placeClaim(1, 0);
    expect(await open('r', 2).put('lease2', pattern(1), { ifAbsent: true })).toBe(true);
    expect(await open('r', 2).put('lease/2', pattern(1), { ifAbsent: true })).toBe(true);
  });

  it.each([
    ['before', 1],
    ['after', 3],
  ])('does not write while another writer is at it, whose token comes %s ours', async (_order, token) => {
    const claim = await placeClaim(token, CLAIM_LIFE_MS - 60_000);
    await expect(open('r', 2).put('lease', pattern(1), { ifAbsent: true })).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
    expect(keys()).toEqual([claim]);
  });

  it('ignores and removes the claim of a writer that was killed', async () => {
    await placeClaim(1, CLAIM_LIFE_MS + 60_000);
    expect(await open('r', 2).put('lease', pattern(1), { ifAbsent: true })).toBe(true);
    expect(keys()).toEqual(['r/lease']);
  });

  it('does not write where the store does not list the claim it has confirmed', async () => {
    stub.fault = ({ operation }) =>
      operation === 'list'
        ? { kind: 'answer', status: 200, body: '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>' }
        : null;
    await expect(open().put('lease', pattern(1), { ifAbsent: true })).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
    expect(keys()).toEqual([]);
  });

  it('keeps others away while a put without an answer may still have its effect, and knows its own object', async () => {
    const store = open('r', 1);
    let failing = true;
    stub.fault = ({ operation, key }) =>
      failing && operation === 'put' && key === 'r/lease' ? { kind: 'lost' } : null;
    await expect(store.put('lease', pattern(9, 1), { ifAbsent: true })).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
    stub.objects.delete('r/lease'); // As if it had not had its effect yet.
    await expect(open('r', 2).put('lease', pattern(9, 2), { ifAbsent: true })).rejects.toBeInstanceOf(CofreError);
    expect(await paths(open(), '')).toEqual([]);

    let attempts = 0;
    const noSleep = async () => {
      failing = ++attempts < 2;
    };
    expect(await withRetry(store, { sleep: noSleep }).put('lease', pattern(9, 1), { ifAbsent: true })).toBe(true);
    expect(keys()).toEqual(['r/lease']);
    expect(await open('r', 2).put('lease', pattern(9, 2), { ifAbsent: true })).toBe(false);
  });
});
