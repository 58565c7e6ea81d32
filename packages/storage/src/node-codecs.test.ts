import zlib from 'node:zlib';
import { CofreError } from '@cofre/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameBytes } from './conformance.ts';
import { nodeCodecs } from './node-codecs.ts';

const NOT_WHOLE = { code: 'repository/damaged' };

const rows = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, id) => `${id}\tname ${id % 17}\t2025-01-0${id % 9}\t\\N\n`).join(''));

/** Random bytes, and bytes that compress well. */
const plain = fc.oneof(
  fc.uint8Array({ maxLength: 5_000 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 2_000 })).map(([unit, times]) => {
    return Uint8Array.from({ length: unit.length * times }, (_, index) => unit[index % unit.length] ?? 0);
  }),
);

describe.each(['zstd', 'gzip', 'none'] as const)('codec %s', (compression) => {
  const codec = nodeCodecs(compression);

  it('gives back any bytes', async () => {
    expect(codec.compression).toBe(compression);
    await fc.assert(
      fc.asyncProperty(plain, async (bytes) => {
        const packed = await codec.compress(bytes);
        expect(sameBytes(await codec.decompress(packed, bytes.length), bytes)).toBe(true);
      }),
    );
  });

  it('gives back a block of many steps', async () => {
    const bytes = rows(200_000);
    const packed = await codec.compress(bytes);
    expect(sameBytes(await codec.decompress(packed, bytes.length), bytes)).toBe(true);
  });

  it('refuses any other size than the one it was promised (I5)', async () => {
    const sizes = fc.integer({ min: 0, max: 20_000 });
    await fc.assert(
      fc.asyncProperty(plain, sizes, async (bytes, promised) => {
        fc.pre(promised !== bytes.length);
        const packed = await codec.compress(bytes);
        await expect(codec.decompress(packed, promised)).rejects.toMatchObject(NOT_WHOLE);
      }),
    );
  });

  it('refuses bytes that were cut, or that something follows (I5)', async () => {
    const extra = fc.uint8Array({ minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(plain, extra, fc.nat(), async (bytes, tail, cut) => {
        const packed = await codec.compress(bytes);
        await expect(codec.decompress(Buffer.concat([packed, tail]), bytes.length)).rejects.toMatchObject(NOT_WHOLE);
        fc.pre(packed.length > 0);
        const shorter = packed.subarray(0, cut % packed.length);
        await expect(codec.decompress(shorter, bytes.length)).rejects.toMatchObject(NOT_WHOLE);
      }),
    );
  });

  it('does not hang or crash on garbage', async () => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(garbage, async (bytes) => {
        await expect(codec.decompress(bytes, bytes.length + 1)).rejects.toMatchObject(NOT_WHOLE);
      }),
    );
  });
});

describe.each(['zstd', 'gzip'] as const)('codec %s', (compression) => {
  const codec = nodeCodecs(compression);

  it('never gives wrong bytes for a changed byte (I5)', async () => {
    await fc.assert(
      fc.asyncProperty(plain, fc.nat(), fc.integer({ min: 1, max: 255 }), async (bytes, place, change) => {
        const changed = Buffer.from(await codec.compress(bytes));
        const at = place % changed.length;
        changed[at] = (changed[at] ?? 0) ^ change;
        const outcome = await codec.decompress(changed, bytes.length).catch((error: unknown) => error);
        // Some bytes of the headers mean nothing to the content (gzip's time and system).
        if (outcome instanceof Uint8Array) expect(sameBytes(outcome, bytes)).toBe(true);
        else expect(outcome).toMatchObject(NOT_WHOLE);
      }),
      { numRuns: 500 },
    );
  });

  it('makes a smaller block of rows', async () => {
    const bytes = rows(5_000);
    expect((await codec.compress(bytes)).length).toBeLessThan(bytes.length / 4);
  });

  it('refuses a bomb without unpacking it', async () => {
    const bomb = await codec.compress(new Uint8Array(200_000_000));
    const before = process.memoryUsage().arrayBuffers;
    const error = await codec.decompress(bomb, 1_000).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CofreError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });
});

describe('what is packed', () => {
  it('can be opened by any gzip and any zstd', async () => {
    const bytes = rows(1_000);
    expect(zlib.gunzipSync(await nodeCodecs('gzip').compress(bytes)).equals(bytes)).toBe(true);
    expect(zlib.zstdDecompressSync(await nodeCodecs('zstd').compress(bytes)).equals(bytes)).toBe(true);
  });

  it('is one stream: a second, empty one before or behind it is refused', async () => {
    const bytes = rows(10);
    for (const compression of ['gzip', 'zstd'] as const) {
      const codec = nodeCodecs(compression);
      const [packed, empty] = [await codec.compress(bytes), await codec.compress(new Uint8Array(0))];
      for (const two of [Buffer.concat([packed, empty]), Buffer.concat([empty, packed])]) {
        await expect(codec.decompress(two, bytes.length)).rejects.toMatchObject(NOT_WHOLE);
      }
    }
  });
});
