import { CofreError } from '@cofre/contracts';
import type { Codec } from '@cofre/engine';
import { damagedBlock } from './damaged-block.ts';
import { ZSTD_LEVEL } from './node-codecs.ts';
import { measureZstdFrame } from './zstd-frame.ts';

/**
 * A block and what becomes of it lie in the WebAssembly's memory together, which grows and never shrinks. Ranges are cut at
 * 2 MiB; only rows larger than that make larger blocks, and where this runs there is no memory for huge ones.
 */
export const WASM_BLOCK_BYTES_MAX = 48 * 1024 * 1024;

/** What `@bokuweb/zstd-wasm` offers, once it is loaded. */
type ZstdModule = typeof import('@bokuweb/zstd-wasm');

let loading: Promise<ZstdModule> | null = null;

function load(): Promise<ZstdModule> {
  loading ??= import('@bokuweb/zstd-wasm').then(async (zstd) => {
    await zstd.init();
    return zstd;
  });
  return loading;
}

/**
 * zstd for runtimes whose `node:zlib` has none. It works on the caller's thread: a block of 2 MiB takes some 10 ms. Its
 * frames carry no checksum of their own (the library cannot write one); the seal around each block has one. What it reads
 * may have one, and then it is checked.
 */
export const wasmZstd: Codec = {
  compression: 'zstd',
  async compress(plain) {
    refuseHuge(plain.length);
    const zstd = await load();
    return zstd.compress(plain, ZSTD_LEVEL);
  },
  async decompress(packed, plainBytes) {
    // The library believes a frame's own word when it allocates, and reads on behind its end; so both are looked at first.
    const frame = measureZstdFrame(packed);
    if (frame === null) throw damagedBlock('zstd', 'it is no whole frame');
    if (frame.frameBytes !== packed.length) throw damagedBlock('zstd', 'something follows its end');
    if (frame.contentBytes !== null && frame.contentBytes !== BigInt(plainBytes)) {
      throw damagedBlock('zstd', `it holds ${frame.contentBytes} bytes instead of ${plainBytes}`);
    }
    refuseHuge(Math.max(packed.length, plainBytes));
    const zstd = await load();
    const plain = unpack(() => zstd.decompress(packed, { defaultHeapSize: plainBytes }));
    if (plain.length !== plainBytes) {
      throw damagedBlock('zstd', `it holds ${plain.length} bytes instead of ${plainBytes}`);
    }
    return plain;
  },
};

function unpack(work: () => Uint8Array): Uint8Array {
  try {
    return work();
  } catch (error) {
    throw damagedBlock('zstd', error instanceof Error ? error.message : 'the library gave up', error);
  }
}

function refuseHuge(bytes: number): void {
  if (bytes <= WASM_BLOCK_BYTES_MAX) return;
  throw new CofreError(
    'backup/needs-worker',
    `A row makes a block of ${bytes} bytes, and zstd in WebAssembly takes at most ${WASM_BLOCK_BYTES_MAX}.`,
  );
}
