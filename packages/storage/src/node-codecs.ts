import zlib from 'node:zlib';
import type { Compression } from '@cofre/contracts';
import type { Codec, Codecs } from '@cofre/engine';
import { damagedBlock } from './damaged-block.ts';
import { measureZstdFrame } from './zstd-frame.ts';

/** On rows as COPY text level 1 is twice as fast as zstd's own default of 3, and within a few per cent of its size. */
export const ZSTD_LEVEL = 1;
/** gzip is chosen for being readable everywhere, not for its ratio; 6 is its own default. */
export const GZIP_LEVEL = 6;

/** zlib works in steps of this size, one trip to its thread pool each; its default of 16 KiB halves the speed. */
const STEP_BYTES_MIN = 1024;
const STEP_BYTES_MAX = 1024 * 1024;

/**
 * What unpacks is given one buffer of the right size, a little larger so that zlib does not begin another: each buffer
 * more is garbage as large as the rows. Only sizes that no block of ours has are taken in steps.
 */
const UNPACK_SLACK_BYTES = 64;
const UNPACK_AT_ONCE_BYTES_MAX = 256 * 1024 * 1024;

/** So little is done sooner than a thread of the pool would be told of it: it takes a twentieth of a millisecond. */
const AT_ONCE_BYTES_MAX = 16 * 1024;

const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;

const none: Codec = {
  compression: 'none',
  compress: async (plain) => plain,
  async decompress(packed, plainBytes) {
    if (packed.length !== plainBytes) throw damagedBlock('none', `${packed.length} bytes instead of ${plainBytes}`);
    return packed;
  },
};

const zstd: Codec = {
  compression: 'zstd',
  async compress(plain) {
    const options = {
      chunkSize: stepFor(plain.length),
      pledgedSrcSize: plain.length,
      // The frame's own checksum: a changed byte is seen even where blocks are not encrypted.
      params: { [ZSTD_c_compressionLevel]: ZSTD_LEVEL, [ZSTD_c_checksumFlag]: 1 },
    };
    if (plain.length <= AT_ONCE_BYTES_MAX) return zlib.zstdCompressSync(plain, options);
    return finished((done) => zlib.zstdCompress(plain, options, done));
  },
  async decompress(packed, plainBytes) {
    // Deno takes a frame for whole whose checksum was cut off.
    if (measureZstdFrame(packed)?.frameBytes !== packed.length) throw damagedBlock('zstd', 'it is not one whole frame');
    const start = (options: UnpackOptions, done: UnpackDone) => zlib.zstdDecompress(packed, options, done);
    if (plainBytes > AT_ONCE_BYTES_MAX) return unpack('zstd', { packed, plainBytes }, start);
    return unpack(
      'zstd',
      { packed, plainBytes },
      answering((options) => zlib.zstdDecompressSync(packed, options)),
    );
  },
};

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** Unpacks one deflate stream of exactly `plainBytes` bytes, never makes more, and throws on anything else. */
export type Inflate = (body: Uint8Array, plainBytes: number) => Promise<Uint8Array>;

/**
 * Opens exactly one member. `gunzip` would go on to members and zero bytes behind it, so header and trailer
 * (RFC 1952: magic, deflate, no extra fields … CRC-32, size) are looked at here and the body is given to `inflate`.
 */
export function gzipWith(inflate: Inflate): Codec {
  return {
    compression: 'gzip',
    compress: (plain) =>
      finished((done) => zlib.gzip(plain, { chunkSize: stepFor(plain.length), level: GZIP_LEVEL }, done)),
    async decompress(packed, plainBytes) {
      const member = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
      const bodyEnd = member.length - GZIP_TRAILER_BYTES;
      if (bodyEnd < GZIP_HEADER_BYTES) throw damagedBlock('gzip', 'it is too short');
      if (member.readUInt32BE(0) !== 0x1f8b0800) throw damagedBlock('gzip', 'it does not begin as gzip does');
      const plain = await inflate(member.subarray(GZIP_HEADER_BYTES, bodyEnd), plainBytes);
      const crc = member.readUInt32LE(bodyEnd);
      const size = member.readUInt32LE(bodyEnd + 4);
      // Without the shift it is a signed number in Deno 2.1.
      if (size !== plainBytes % 2 ** 32 || crc !== zlib.crc32(plain) >>> 0) {
        throw damagedBlock('gzip', 'its checksum does not fit');
      }
      return plain;
    },
  };
}

const gzip = gzipWith((body, plainBytes) =>
  unpack('gzip', { packed: body, plainBytes }, (options, done) => zlib.inflateRaw(body, options, done)),
);

const CODECS: Readonly<Record<Compression, Codec>> = { none, zstd, gzip };

/** The codecs that Node brings along. They run on libuv's threads. */
export const nodeCodecs: Codecs = (compression) => CODECS[compression];

interface Packed {
  readonly packed: Uint8Array;
  readonly plainBytes: number;
}

interface InfoResult {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

interface UnpackOptions {
  readonly chunkSize: number;
  readonly maxOutputLength: number;
  readonly info: true;
}

type UnpackDone = (error: Error | null, result: unknown) => void;

/** Never makes more than `plainBytes` bytes, whatever the packed bytes say, and wants all of them used up. */
async function unpack(
  compression: Compression,
  { packed, plainBytes }: Packed,
  start: (options: UnpackOptions, done: UnpackDone) => void,
): Promise<Uint8Array> {
  const options: UnpackOptions = {
    chunkSize:
      plainBytes <= UNPACK_AT_ONCE_BYTES_MAX
        ? Math.max(plainBytes + UNPACK_SLACK_BYTES, STEP_BYTES_MIN)
        : STEP_BYTES_MAX,
    maxOutputLength: Math.max(plainBytes, 1),
    info: true,
  };
  const result = await new Promise<InfoResult>((resolve, reject) => {
    start(options, (error, answer) => {
      if (error !== null) reject(damagedBlock(compression, error.message, error));
      // With `info: true` zlib gives this pair, which its types do not tell.
      else resolve(answer as InfoResult);
    });
  });
  if (result.engine.bytesWritten !== packed.length) throw damagedBlock(compression, 'something follows its end');
  if (result.buffer.length !== plainBytes) {
    throw damagedBlock(compression, `it holds ${result.buffer.length} bytes instead of ${plainBytes}`);
  }
  return result.buffer;
}

/** Work that is done at once, as work that calls back. */
function answering(work: (options: UnpackOptions) => unknown): (options: UnpackOptions, done: UnpackDone) => void {
  return (options, done) => {
    let result: unknown;
    try {
      result = work(options);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    done(null, result);
  };
}

function finished(start: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

function stepFor(plainBytes: number): number {
  return Math.min(Math.max(plainBytes, STEP_BYTES_MIN), STEP_BYTES_MAX);
}
