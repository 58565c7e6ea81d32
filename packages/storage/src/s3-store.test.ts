import { inspect } from 'node:util';
import type { BlobStore } from '@cofre/engine';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { seededRandom } from '../../../tests/support/every-type.ts';
import { type S3TestServer, s3Address, startS3rver } from '../../../tests/support/s3-server.ts';
import { failure, S3Stub, type StubFault, type StubRequest } from '../../../tests/support/s3-stub.ts';
import { describeStore, paths, pattern, sameBytes } from './conformance.ts';
import { openStore } from './open-store.ts';
import type { S3StoreOptions } from './s3-store.ts';
import { withRetry } from './with-retry.ts';

const MIB = 1024 * 1024;
/** Its period divides no part's size, so parts in a wrong order show. */
const large = (length: number) => Buffer.alloc(length, pattern(4_099));

const s3rverReplacesInPlace = { replacesInPlace: 's3rver, unlike S3, writes over the old file while others read it' };

for (const [name, start, exemptions] of [
  ['s3rver', startS3rver, s3rverReplacesInPlace],
  ['the stub', () => S3Stub.start({ pageSize: 400 }), {}],
  ['the stub without conditional puts', () => S3Stub.start({ conditionalPuts: 'ignored' }), {}],
] as const) {
  describe(`on ${name}`, () => {
    let server: S3TestServer;
    let stores = 0;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.close());

    describeStore(
      'S3Store',
      async () => {
        const address = s3Address(server, `repositories/${stores++}`);
        const open = () => openStore(address, { s3: { credentials: server.credentials } });
        return { store: open(), other: open(), close: async () => undefined };
      },
      exemptions,
    );
  });
}

/** Of a hundred requests five go wrong, in every way that a network and a store within its contract have. */
const ROUGH: readonly StubFault[] = [
  { kind: 'lost' },
  { kind: 'failed' },
  { kind: 'cut' },
  { ...failure(503, 'SlowDown'), kind: 'answer' },
  { ...failure(500, 'InternalError'), kind: 'answer' },
  { kind: 'answer', status: 502, body: '<html>' },
];

describe('on the stub in rough weather', () => {
  let stub: S3Stub;
  let stores = 0;
  beforeAll(async () => {
    stub = await S3Stub.start({ pageSize: 100 });
    const next = seededRandom(1);
    stub.fault = () => ROUGH[Math.floor(next() * 120)] ?? null;
    stub.pause = async () => {
      // Requests that run at once take effect, and are answered, in any order.
      for (let turn = Math.floor(next() * 4); turn > 0; turn--) await new Promise(setImmediate);
    };
  });
  afterAll(() => stub.close());

  describeStore('S3Store with retries', async () => {
    const address = s3Address(stub, `repositories/${stores++}`);
    const open = () =>
      withRetry(openStore(address, { s3: { credentials: stub.credentials } }), { sleep: async () => undefined });
    return { store: open(), other: open(), close: async () => undefined };
  });
});

describe('S3Store', () => {
  let stub: S3Stub;
  beforeEach(async () => {
    stub = await S3Stub.start();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await stub.close();
  });

  const open = (options: S3StoreOptions = {}, name = 'r') =>
    openStore(s3Address(stub, name), { s3: { credentials: stub.credentials, ...options } });
  const operations = () => stub.requests.map(({ operation }) => operation);
  /** The first requests of one kind fail as given. */
  const failFirst = (count: number, operation: StubRequest['operation'], fault: StubFault) => {
    let left = count;
    stub.fault = (request) => (request.operation === operation && left-- > 0 ? fault : null);
  };
  const answer = (status: number, code: string): StubFault => ({ ...failure(status, code), kind: 'answer' });

  it('keeps to its prefix, and shows no object of others', async () => {
    const store = open();
    await store.put('a/b', pattern(3));
    expect([...stub.objects.keys()]).toEqual(['r/a/b']);
    for (const foreign of ['other', 'r2/a', 'r', 'r/', 'r/a/', 'r/with blank', 'r/~probe~1', 'r/a//b']) {
      stub.place(foreign, 'x', new Date());
    }
    expect(await paths(store, '')).toEqual(['a/b']);
    expect(await paths(openStore(s3Address(stub, ''), { s3: { credentials: stub.credentials } }), 'r/')).toEqual([
      'r/a/b',
    ]);
  });

  it('puts what fits in one request, and more in parts that go together', async () => {
    const store = open();
    await store.put('pack', large(20 * MIB));
    expect(operations()).toEqual(['put']);
    const bytes = large(40 * MIB);
    await store.put('huge', bytes);
    expect(operations().slice(1).sort()).toEqual(['part', 'part', 'part', 'parts-begin', 'parts-end']);
    expect(sameBytes(await store.get('huge'), bytes)).toBe(true);
    const range = { offset: 17 * MIB - 5, length: 10 };
    expect(sameBytes(await store.get('huge', range), bytes.subarray(range.offset, range.offset + 10))).toBe(true);
  });

  it('leaves neither an object nor parts where a part fails', async () => {
    failFirst(1, 'part', answer(403, 'AccessDenied'));
    await expect(open().put('huge', large(40 * MIB))).rejects.toMatchObject({ code: 'storage/not-permitted' });
    expect(stub.objects.size).toBe(0);
    expect(stub.openUploads).toBe(0);
  });

  it('goes on with a listing page by page, and never takes a part of it for the whole', async () => {
    const small = await S3Stub.start({ pageSize: 2 });
    onTestFinished(() => small.close());
    const store = openStore(s3Address(small, 'r'), { s3: { credentials: small.credentials } });
    for (const path of ['a/1', 'a/2', 'a/3', 'a/4', 'a/5']) await store.put(path, pattern(1));
    small.requests.length = 0;
    expect(await paths(store, 'a/')).toEqual(['a/1', 'a/2', 'a/3', 'a/4', 'a/5']);
    expect(small.requests).toHaveLength(3);
    small.fault = () => ({ kind: 'endless' });
    await expect(paths(store, 'a/')).rejects.toMatchObject({ code: 'storage/unavailable' });
  });

  it('tries again by itself what failed in passing', async () => {
    failFirst(2, 'put', answer(503, 'SlowDown'));
    expect(await open().put('a', pattern(9))).toBe(true);
    expect(operations()).toEqual(['put', 'put', 'put']);
  });

  it.each<[string, (store: BlobStore) => Promise<unknown>]>([
    ['the whole object', (store) => store.get('a')],
    ['a range', (store) => store.get('a', { offset: 100, length: 5_000 })],
    ['a listing', (store) => paths(store, '')],
  ])('does not return an answer that was cut short: %s', async (_what, read) => {
    const store = open();
    await store.put('a', pattern(10_000));
    const whole = await read(store);
    stub.fault = () => ({ kind: 'cut' });
    await expect(read(store)).rejects.toMatchObject({ code: 'storage/unavailable', retryable: true });
    const noSleep = async () => {
      stub.fault = () => null;
    };
    expect(await read(withRetry(store, { sleep: noSleep }))).toEqual(whole);
  });

  it.each<[string, (store: BlobStore) => Promise<unknown>]>([
    ['a range', (store) => store.get('a', { offset: 100, length: 5_000 })],
    ['a listing', (store) => paths(store, '')],
  ])('does not return an answer that is short though its length fits: %s', async (_what, read) => {
    const store = open();
    for (const path of ['a', 'b', 'c']) await store.put(path, pattern(10_000));
    stub.fault = () => ({ kind: 'short' });
    await expect(read(store)).rejects.toMatchObject({ code: 'storage/unavailable' });
  });

  it('takes only what it asked for from a store that knows no ranges', async () => {
    const store = open();
    await store.put('a', pattern(1_000));
    stub.fault = () => ({ kind: 'answer', status: 200, body: Buffer.from(pattern(1_000)) });
    expect(sameBytes(await store.get('a', { offset: 10, length: 20 }), pattern(1_000).subarray(10, 30))).toBe(true);
    await expect(store.get('a', { offset: 990, length: 20 })).rejects.toMatchObject({ code: 'repository/damaged' });
  });

  it('gives up a store that does not answer', async () => {
    stub.fault = () => ({ kind: 'hang' });
    await expect(open({ idleTimeoutMs: 100 }).get('a')).rejects.toMatchObject({
      code: 'storage/unavailable',
      message: expect.stringContaining('a could not be read from s3://cofre-test/r: TimeoutError'),
    });
  });

  describe('conditional puts', () => {
    const probes = () => stub.requests.filter(({ key, operation }) => operation === 'put' && key.includes('~probe~'));
    const lease = { ifAbsent: true };

    it('are tried out once in the life of a store', async () => {
      const store = open();
      await store.put('a', pattern(1));
      expect(probes()).toHaveLength(0);
      await Promise.all([store.put('b', pattern(1), lease), store.put('c', pattern(1), lease)]);
      await store.put('d', pattern(1), lease);
      expect(probes()).toHaveLength(2);
      expect([...stub.objects.keys()].sort()).toEqual(['r/a', 'r/b', 'r/c', 'r/d']);
      expect(stub.requests.some(({ key }) => key.includes('~claim~'))).toBe(false);
    });

    it.each(['ignored', 'refused'] as const)('are not used where they are %s', async (conditionalPuts) => {
      const other = await S3Stub.start({ conditionalPuts });
      onTestFinished(() => other.close());
      const store = openStore(s3Address(other, 'r'), { s3: { credentials: other.credentials } });
      expect(await store.put('a', pattern(1, 1), lease)).toBe(true);
      expect(await store.put('a', pattern(1, 2), lease)).toBe(false);
      expect(sameBytes(await store.get('a'), pattern(1, 1))).toBe(true);
      expect(other.requests.filter(({ key }) => key === 'r/a').every(({ headers }) => !headers['if-none-match'])).toBe(
        true,
      );
    });

    it('are tried out again after a store that did not answer', async () => {
      const store = open();
      failFirst(3, 'put', answer(500, 'InternalError'));
      await expect(store.put('a', pattern(1), lease)).rejects.toMatchObject({ code: 'storage/unavailable' });
      expect(await store.put('a', pattern(1), lease)).toBe(true);
      expect(stub.requests.at(-1)?.headers['if-none-match']).toBe('*');
    });

    it('are tried out without the right to delete', async () => {
      stub.fault = ({ operation }) => (operation === 'delete' ? answer(403, 'AccessDenied') : null);
      const store = open();
      expect(await store.put('a', pattern(1), lease)).toBe(true);
      expect(await paths(store, '')).toEqual(['a']);
    });

    it('know their own object when an answer was lost, and not that of another', async () => {
      const store = open();
      await store.put('warm', pattern(1), lease);
      failFirst(1, 'put', { kind: 'lost' });
      expect(await store.put('a', pattern(9, 1), lease)).toBe(true);
      failFirst(1, 'put', answer(503, 'SlowDown'));
      expect(await store.put('a', pattern(9, 2), lease)).toBe(false);
      expect(sameBytes(await store.get('a'), pattern(9, 1))).toBe(true);
    });

    it('do not take an answer without a tag for a success', async () => {
      const store = open();
      await store.put('warm', pattern(1), lease);
      failFirst(1, 'put', { kind: 'answer', status: 200, body: '' });
      await expect(store.put('a', pattern(9), lease)).rejects.toMatchObject({ code: 'storage/unavailable' });
    });
  });

  describe('errors', () => {
    it.each([
      [403, 'AccessDenied', 'storage/not-permitted'],
      [403, 'ExpiredToken', 'storage/not-permitted'],
      [400, 'AuthorizationHeaderMalformed', 'storage/not-permitted'],
      [301, 'PermanentRedirect', 'storage/not-permitted'],
      [403, 'QuotaExceeded', 'storage/full'],
      [507, 'XMinioStorageFull', 'storage/full'],
      [507, 'SomethingElse', 'storage/full'],
      [404, 'NoSuchBucket', 'storage/not-found'],
      [400, 'RequestTimeout', 'storage/unavailable'],
      [400, 'IncompleteBody', 'storage/unavailable'],
      [409, 'OperationAborted', 'storage/unavailable'],
      [500, 'InternalError', 'storage/unavailable'],
      [503, 'ServiceUnavailable', 'storage/unavailable'],
    ])('%i %s is %s', async (status, code, expected) => {
      stub.fault = () => answer(status, code);
      const failed = { code: expected, message: expect.stringContaining(`${code}: The stub says ${code}.`) };
      const store = open();
      await expect(store.put('a', pattern(1))).rejects.toMatchObject(failed);
      await expect(store.get('a')).rejects.toMatchObject(failed);
      await expect(paths(store, '')).rejects.toMatchObject(failed);
      await expect(store.delete('a')).rejects.toMatchObject(failed);
      await expect(store.put('a', pattern(1), { ifAbsent: true })).rejects.toMatchObject(failed);
    });

    it('429 SlowDown is storage/unavailable', async () => {
      stub.fault = () => answer(429, 'SlowDown');
      await expect(open().stat('a')).rejects.toMatchObject({ code: 'storage/unavailable' });
    });

    it.each([
      [403, 'storage/not-permitted'],
      [502, 'storage/unavailable'],
    ])('the page of a proxy with %i is %s', async (status, code) => {
      stub.fault = () => ({ kind: 'answer', status, body: '<html><h1>No.</h1><br></html>' });
      await expect(open().get('a')).rejects.toMatchObject({ code });
      await expect(open().put('a', pattern(1))).rejects.toMatchObject({ code });
    });

    it('a store that nobody listens at is unavailable', async () => {
      const address = s3Address(stub, 'r');
      await stub.close();
      const store = openStore(address, { s3: { credentials: stub.credentials } });
      await expect(store.stat('a')).rejects.toMatchObject({
        code: 'storage/unavailable',
        retryable: true,
        message: expect.stringMatching(/^a could not be looked up in s3:\/\/cofre-test\/r: .*ECONNREFUSED/),
      });
      stub = await S3Stub.start();
    });

    it('a wrong secret is not permitted, and no error holds a credential', async () => {
      const credentials = { accessKeyId: 'AKIASTUB', secretAccessKey: 'a wrong secret', sessionToken: 'a token' };
      const store = open({ credentials });
      const calls = [
        () => store.put('a', pattern(1)),
        () => store.get('a'),
        () => store.stat('a'),
        () => paths(store, ''),
        () => store.delete('a'),
      ];
      for (const call of calls) {
        const error: unknown = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'storage/not-permitted',
          message: expect.stringMatching(/: (SignatureDoesNotMatch: .*|status 403)$/),
        });
        const shown = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)}`;
        expect(shown).not.toMatch(/a wrong secret|a token|Signature=/);
      }
    });

    it('a region that nobody knows is a mistake in the address', async () => {
      vi.stubEnv('AWS_REGION', undefined);
      vi.stubEnv('AWS_DEFAULT_REGION', undefined);
      vi.stubEnv('AWS_CONFIG_FILE', '/no/such/file');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/no/such/file');
      const store = openStore('s3://cofre-test/r', { s3: { credentials: stub.credentials } });
      await expect(store.stat('a')).rejects.toMatchObject({
        code: 'usage/invalid',
        message: expect.stringContaining('region'),
      });
    });
  });

  describe('credentials', () => {
    const withoutGiven = () => openStore(s3Address(stub, 'r'));

    it('are found in the environment when none are given', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', stub.credentials.accessKeyId);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', stub.credentials.secretAccessKey);
      vi.stubEnv('AWS_SESSION_TOKEN', undefined);
      expect(await withoutGiven().put('a', pattern(1))).toBe(true);
    });

    it('are not permitted to be missing', async () => {
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
      vi.stubEnv('AWS_CONFIG_FILE', '/no/such/file');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/no/such/file');
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      await expect(withoutGiven().get('a')).rejects.toMatchObject({
        code: 'storage/not-permitted',
        message: expect.stringContaining('credentials'),
      });
      expect(stub.requests).toEqual([]);
    });
  });
});

describe('S3Store on s3rver', () => {
  let server: S3TestServer;
  beforeAll(async () => {
    server = await startS3rver();
  });
  afterAll(() => server.close());

  it('puts a huge object in parts', async () => {
    const store = openStore(s3Address(server, 'huge'), { s3: { credentials: server.credentials } });
    const bytes = large(33 * MIB);
    await store.put('packs/huge', bytes);
    expect(await store.stat('packs/huge')).toMatchObject({ sizeBytes: bytes.length });
    expect(sameBytes(await store.get('packs/huge'), bytes)).toBe(true);
  });

  it('is refused with a key that the store does not know', async () => {
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' };
    const store = openStore(s3Address(server, 'r'), { s3: { credentials } });
    await expect(store.put('a', pattern(1))).rejects.toMatchObject({ code: 'storage/not-permitted' });
    await expect(store.stat('a')).rejects.toMatchObject({ code: 'storage/not-permitted' });
  });

  it('says that the bucket does not exist', async () => {
    const address = s3Address({ ...server, bucket: 'no-such-bucket' }, 'r');
    const store = openStore(address, { s3: { credentials: server.credentials } });
    const missing = { code: 'storage/not-found', message: expect.stringContaining('s3://no-such-bucket/r') };
    await expect(store.put('a', pattern(1))).rejects.toMatchObject(missing);
    await expect(store.put('a', pattern(1), { ifAbsent: true })).rejects.toMatchObject(missing);
    await expect(store.get('a')).rejects.toMatchObject(missing);
    await expect(paths(store, '')).rejects.toMatchObject(missing);
    await expect(store.delete('a')).rejects.toMatchObject(missing);
  });
});
