import { CofreError } from '@cofre/contracts';
import type { BlobStore, ObjectInfo } from '@cofre/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export interface StoreUnderTest {
  readonly store: BlobStore;
  /** Another way to the same objects, as another process has; the same store where there is none. */
  readonly other: BlobStore;
  close(): Promise<void>;
}

export interface Exemptions {
  /** Why this store may show half an object while it is replaced. No store of S3 does; the engine replaces nothing (I4). */
  readonly replacesInPlace?: string;
}

/** More than one page of an S3 listing. */
const MANY = 1050;

/** Holds a store, or a wrapper that must not be felt, to the contract of `BlobStore`. Call it from a test file. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>, exemptions: Exemptions = {}): void {
  describe(`${name} keeps the contract of a store`, () => {
    let opened: StoreUnderTest;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());
    const under = () => opened;
    describeObjects(under, exemptions);
    describeKnowledge(under);
    describeRanges(under);
    describeIfAbsent(under);
    describeListing(under);
    describePaths(under);
  });
}

type Under = () => StoreUnderTest;

function describeObjects(under: Under, exemptions: Exemptions): void {
  it.each([0, 1, 4096, 3_000_001])('gives back the %i bytes that were put', async (length) => {
    const { store, other } = under();
    const bytes = pattern(length);
    expect(await store.put('packs/0a/object', bytes)).toBe(true);
    expect(sameBytes(await other.get('packs/0a/object'), bytes)).toBe(true);
    expect(await other.stat('packs/0a/object')).toMatchObject({ path: 'packs/0a/object', sizeBytes: length });
  });

  it('replaces an object that is put again', async () => {
    const { store, other } = under();
    await store.put('a', pattern(100));
    expect(await store.put('a', pattern(5, 7))).toBe(true);
    expect(sameBytes(await other.get('a'), pattern(5, 7))).toBe(true);
  });

  it('shows a reader the old object or the new one while it is replaced, never a mixture', async (context) => {
    if (exemptions.replacesInPlace !== undefined) context.skip(exemptions.replacesInPlace);
    const { store, other } = under();
    const whole = [pattern(200_000, 1), pattern(150_000, 2)] as const;
    await store.put('a', whole[0]);
    let writing = true;
    const writer = (async () => {
      for (let round = 1; round <= 20; round++) await store.put('a', round % 2 === 0 ? whole[0] : whole[1]);
      writing = false;
    })();
    while (writing) {
      const seen = await other.get('a');
      expect(whole.some((bytes) => sameBytes(seen, bytes))).toBe(true);
    }
    await writer;
  });

  it('is not touched by what happens to the buffers afterwards', async () => {
    const { store } = under();
    const bytes = pattern(64);
    await store.put('a', bytes);
    bytes.fill(0);
    const first = await store.get('a');
    expect(sameBytes(first, pattern(64))).toBe(true);
    first.fill(0);
    expect(sameBytes(await store.get('a'), pattern(64))).toBe(true);
  });
}

function describeKnowledge(under: Under): void {
  it('dates an object by a time that does not go back', async () => {
    const { store } = under();
    await store.put('a', pattern(1));
    const first = await infoOf(store, 'a');
    await store.put('b', pattern(1));
    const second = await infoOf(store, 'b');
    expect(Number.isNaN(first.modifiedAt.getTime())).toBe(false);
    expect(second.modifiedAt.getTime()).toBeGreaterThanOrEqual(first.modifiedAt.getTime());
  });

  it('says which object is missing', async () => {
    const { store } = under();
    await expect(store.get('packs/none')).rejects.toMatchObject({
      code: 'repository/object-missing',
      params: { path: 'packs/none' },
    });
    expect(await store.stat('packs/none')).toBeNull();
  });

  it('takes the folder of an object for no object', async () => {
    const { store } = under();
    await store.put('packs/0a/object', pattern(1));
    await expect(store.get('packs/0a')).rejects.toMatchObject({ code: 'repository/object-missing' });
    await expect(store.get('packs/0a/object/below')).rejects.toMatchObject({ code: 'repository/object-missing' });
    expect(await store.stat('packs/0a')).toBeNull();
    expect(await store.stat('packs/0a/object/below')).toBeNull();
  });

  it('deletes an object, and what is not there without an error', async () => {
    const { store, other } = under();
    await store.put('packs/a', pattern(3));
    await store.delete('packs/a');
    await store.delete('packs/a');
    await store.delete('never/was');
    expect(await other.stat('packs/a')).toBeNull();
    await expect(other.get('packs/a')).rejects.toMatchObject({ code: 'repository/object-missing' });
    expect(await paths(other, '')).toEqual([]);
  });
}

function describeRanges(under: Under): void {
  it.each([
    [0, 10_000],
    [0, 1],
    [9_999, 1],
    [5_000, 0],
    [10_000, 0],
    [1_234, 4_321],
  ])('gives the bytes from %i, %i of them', async (offset, length) => {
    const { store } = under();
    await store.put('pack', pattern(10_000));
    const bytes = await store.get('pack', { offset, length });
    expect(sameBytes(bytes, pattern(10_000).subarray(offset, offset + length))).toBe(true);
  });

  it.each([
    [0, 10_001],
    [9_999, 2],
    [10_001, 0],
    [20_000, 5],
  ])('gives no short answer to a range from %i of %i bytes that ends past the object', async (offset, length) => {
    const { store } = under();
    await store.put('pack', pattern(10_000));
    await expect(store.get('pack', { offset, length })).rejects.toMatchObject({
      code: 'repository/damaged',
      params: { path: 'pack', sizeBytes: 10_000 },
    });
  });
}

function describeIfAbsent(under: Under): void {
  it('puts an object if it is absent, and leaves it alone if not', async () => {
    const { store, other } = under();
    expect(await store.put('leases/a', pattern(10, 1), { ifAbsent: true })).toBe(true);
    expect(await other.put('leases/a', pattern(10, 2), { ifAbsent: true })).toBe(false);
    expect(sameBytes(await store.get('leases/a'), pattern(10, 1))).toBe(true);
    await store.delete('leases/a');
    expect(await other.put('leases/a', pattern(10, 3), { ifAbsent: true })).toBe(true);
  });

  it('lets exactly one of many racing puts win, and keeps its bytes', async () => {
    const { store, other } = under();
    for (let round = 0; round < 10; round++) {
      const path = `leases/${round}`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, racer) => {
          const racing = racer % 2 === 0 ? store : other;
          return racing.put(path, pattern(5_000, racer), { ifAbsent: true }).catch((error: unknown) => {
            // A store may ask a loser to come again; it must not have written.
            if (error instanceof CofreError && error.code === 'storage/unavailable') return false;
            throw error;
          });
        }),
      );
      expect(answers.filter((won) => won)).toHaveLength(1);
      expect(sameBytes(await store.get(path), pattern(5_000, answers.indexOf(true)))).toBe(true);
    }
  });
}

function describeListing(under: Under): void {
  it('lists what begins with the prefix, in folders and in the middle of a name', async () => {
    const { store, other } = under();
    const all = ['cofre.json', 'manifests/i1/b1', 'manifests/i1/b2', 'manifests/i2/b3', 'manifests-old', 'packs/0a/x'];
    for (const [index, path] of all.entries()) await store.put(path, pattern(index));
    expect(await paths(other, '')).toEqual([...all].sort());
    expect(await paths(other, 'manifests/')).toEqual(['manifests/i1/b1', 'manifests/i1/b2', 'manifests/i2/b3']);
    expect(await paths(other, 'manifests/i1/')).toEqual(['manifests/i1/b1', 'manifests/i1/b2']);
    expect(await paths(other, 'manifests')).toEqual([
      'manifests-old',
      'manifests/i1/b1',
      'manifests/i1/b2',
      'manifests/i2/b3',
    ]);
    expect(await paths(other, 'manifests/i1/b2')).toEqual(['manifests/i1/b2']);
    expect(await paths(other, 'leases/')).toEqual([]);
    expect(await paths(other, 'manifests/i1/b1/')).toEqual([]);
  });

  it('lists sizes and times as stat gives them', async () => {
    const { store } = under();
    await store.put('packs/a', pattern(321));
    expect(await infos(store, 'packs/')).toEqual([await infoOf(store, 'packs/a')]);
  });

  it('lists nothing where nothing was ever put', async () => {
    expect(await paths(under().store, '')).toEqual([]);
  });

  it(`lists ${MANY} objects, each once`, async () => {
    const { store } = under();
    const names = Array.from({ length: MANY }, (_, index) => `many/${String(index % 16)}/${String(index)}`);
    for (let begin = 0; begin < MANY; begin += 50) {
      await Promise.all(names.slice(begin, begin + 50).map((name) => store.put(name, pattern(1))));
    }
    expect(await paths(store, 'many/')).toEqual([...names].sort());
  });

  it('may be left before its end', async () => {
    const { store } = under();
    await store.put('a/1', pattern(1));
    await store.put('a/2', pattern(1));
    for await (const info of store.list('a/')) {
      expect(info.path.startsWith('a/')).toBe(true);
      break;
    }
    await store.delete('a/1');
    expect(await paths(store, '')).toEqual(['a/2']);
  });
}

function describePaths(under: Under): void {
  const wrong = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a b', 'a\\b', 'ä', 'a\0', 'a~b'];
  it.each(wrong)('refuses the path %j before it touches anything', async (path) => {
    const { store } = under();
    const refused = { code: 'internal/bug' };
    await expect(store.put(path, pattern(1))).rejects.toMatchObject(refused);
    await expect(store.get(path)).rejects.toMatchObject(refused);
    await expect(store.stat(path)).rejects.toMatchObject(refused);
    await expect(store.delete(path)).rejects.toMatchObject(refused);
    expect(await paths(store, '')).toEqual([]);
  });

  it.each(['/', '../', 'a//', './', 'a/../', 'a b', '~'])('refuses the prefix %j', async (prefix) => {
    await expect(paths(under().store, prefix)).rejects.toMatchObject({ code: 'internal/bug' });
  });
}

/** Bytes that differ by place and by seed. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed * 97) & 0xff);
}

/** Vitest's own comparison of large arrays takes seconds. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

async function infos(store: BlobStore, prefix: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of store.list(prefix)) found.push(info);
  return found;
}

/** Sorted: a store may list in any order. */
export async function paths(store: BlobStore, prefix: string): Promise<string[]> {
  return (await infos(store, prefix)).map((info) => info.path).sort();
}

async function infoOf(store: BlobStore, path: string): Promise<ObjectInfo> {
  const info = await store.stat(path);
  if (info === null) throw new Error(`${path} is not there`);
  return info;
}
