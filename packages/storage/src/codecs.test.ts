import zlib from 'node:zlib';
import { CofreError } from '@cofre/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameBytes } from './conformance.ts';
import { nodeCodecs } from './node-codecs.ts';
import { olderCodecs, runtimeCodecs } from './runtime-codecs.ts';
import { WASM_BLOCK_BYTES_MAX, wasmZstd } from './wasm-zstd.ts';
import { measureZstdFrame } from './zstd-frame.ts';

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

const CODECS = {
  zstd: nodeCodecs('zstd'),
  'zstd in WebAssembly': wasmZstd,
  gzip: nodeCodecs('gzip'),
  'gzip in steps': olderCodecs('gzip'),
  none: nodeCodecs('none'),
};
const named = (...names: (keyof typeof CODECS)[]) => names.map((name) => ({ name, codec: CODECS[name] }));

describe.each(named('zstd', 'zstd in WebAssembly', 'gzip', 'gzip in steps', 'none'))(
  'codec $name',
  ({ name, codec }) => {
    it('gives back any bytes', async () => {
      expect(name.startsWith(codec.compression)).toBe(true);
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
  },
);

describe.each(named('zstd', 'gzip', 'gzip in steps'))('codec $name', ({ codec }) => {
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
});

describe.each(named('zstd', 'zstd in WebAssembly', 'gzip', 'gzip in steps'))('codec $name', ({ codec }) => {
  it('makes a smaller block of rows', async () => {
    const bytes = rows(5_000);
    expect((await codec.compress(bytes)).length).toBeLessThan(bytes.length / 4);
  });

  it('refuses a bomb without unpacking it', async () => {
    const bomb = await nodeCodecs(codec.compression).compress(new Uint8Array(200_000_000));
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
    for (const { codec } of named('zstd', 'zstd in WebAssembly', 'gzip', 'gzip in steps')) {
      const [packed, empty] = [await codec.compress(bytes), await codec.compress(new Uint8Array(0))];
      for (const two of [Buffer.concat([packed, empty]), Buffer.concat([empty, packed])]) {
        await expect(codec.decompress(two, bytes.length)).rejects.toMatchObject(NOT_WHOLE);
      }
    }
  });
});

describe('gzip in steps', () => {
  it('allocates nothing for a promise that cannot be true', async () => {
    const packed = await olderCodecs('gzip').compress(rows(10));
    await expect(olderCodecs('gzip').decompress(packed, 2 ** 33)).rejects.toMatchObject(NOT_WHOLE);
  });
});

describe('zstd in WebAssembly', () => {
  const node = nodeCodecs('zstd');

  it('opens what Node packed, and Node what it packed', async () => {
    await fc.assert(
      fc.asyncProperty(plain, async (bytes) => {
        const [ours, theirs] = [await wasmZstd.compress(bytes), await node.compress(bytes)];
        expect(sameBytes(await node.decompress(ours, bytes.length), bytes)).toBe(true);
        expect(sameBytes(await wasmZstd.decompress(theirs, bytes.length), bytes)).toBe(true);
      }),
    );
  });

  it('sees a changed byte where Node left a checksum (I5)', async () => {
    const bytes = rows(500);
    const packed = Buffer.from(await node.compress(bytes));
    for (let at = 0; at < packed.length; at += 1) {
      const changed = Buffer.from(packed);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      const outcome = await wasmZstd.decompress(changed, bytes.length).catch((error: unknown) => error);
      if (outcome instanceof Uint8Array) expect(sameBytes(outcome, bytes)).toBe(true);
      else expect(outcome).toMatchObject(NOT_WHOLE);
    }
  });

  it('opens frames that do not say how much they hold, and never more than was promised', async () => {
    const bytes = rows(3_000);
    const stream = zlib.createZstdCompress();
    stream.end(bytes);
    const packed = Buffer.concat(await stream.toArray());
    expect(measureZstdFrame(packed)).toEqual({ frameBytes: packed.length, contentBytes: null });
    expect(sameBytes(await wasmZstd.decompress(packed, bytes.length), bytes)).toBe(true);
    for (const promised of [bytes.length - 1, bytes.length + 1, 0]) {
      await expect(wasmZstd.decompress(packed, promised)).rejects.toMatchObject(NOT_WHOLE);
    }
  });

  it('refuses a frame that lies about its size before anything is allocated', async () => {
    const packed = Buffer.from(await wasmZstd.compress(rows(1_000)));
    const [promised, size] = [2 ** 40, Buffer.alloc(8)];
    size.writeBigUInt64LE(BigInt(promised));
    // A descriptor for a size of eight bytes, in place of the one for two.
    const lying = Buffer.concat([packed.subarray(0, 4), Buffer.from([0xe0]), size, packed.subarray(7)]);
    expect(measureZstdFrame(lying)).toEqual({ frameBytes: lying.length, contentBytes: BigInt(promised) });
    await expect(wasmZstd.decompress(lying, 1_000)).rejects.toMatchObject(NOT_WHOLE);
    await expect(wasmZstd.decompress(lying, promised)).rejects.toMatchObject({ code: 'backup/needs-worker' });
  });

  it('takes the largest block that it allows and refuses the next', async () => {
    const bytes = Buffer.alloc(WASM_BLOCK_BYTES_MAX, 'ab');
    const packed = await wasmZstd.compress(bytes);
    expect(sameBytes(await wasmZstd.decompress(packed, bytes.length), bytes)).toBe(true);
    const larger = new Uint8Array(WASM_BLOCK_BYTES_MAX + 1);
    await expect(wasmZstd.compress(larger)).rejects.toMatchObject({ code: 'backup/needs-worker' });
    const theirs = await node.compress(larger);
    await expect(wasmZstd.decompress(theirs, larger.length)).rejects.toMatchObject({ code: 'backup/needs-worker' });
  });

  it('goes on after bytes that it refused', async () => {
    const bytes = rows(1_000);
    const packed = await wasmZstd.compress(bytes);
    for (let round = 0; round < 200; round += 1) {
      const cut = packed.subarray(0, (round * 7919) % packed.length);
      await expect(wasmZstd.decompress(cut, bytes.length)).rejects.toMatchObject(NOT_WHOLE);
    }
    expect(sameBytes(await wasmZstd.decompress(packed, bytes.length), bytes)).toBe(true);
  });

  it('is only used where the runtime has none', () => {
    for (const compression of ['zstd', 'gzip', 'none'] as const) {
      expect(runtimeCodecs(compression)).toBe(nodeCodecs(compression));
      expect(olderCodecs(compression).compression).toBe(compression);
    }
  });
});

describe('the measure of a zstd frame', () => {
  it('is its length and its content, whatever follows it', async () => {
    await fc.assert(
      fc.asyncProperty(plain, fc.uint8Array({ maxLength: 40 }), async (bytes, tail) => {
        for (const codec of [nodeCodecs('zstd'), wasmZstd]) {
          const packed = await codec.compress(bytes);
          const measured = measureZstdFrame(Buffer.concat([packed, tail]));
          expect(measured).toEqual({ frameBytes: packed.length, contentBytes: BigInt(bytes.length) });
        }
      }),
    );
  });

  it('is null for anything that is cut or is none, and is never larger than what is there', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), bytes])),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(measureZstdFrame(bytes)?.frameBytes ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
