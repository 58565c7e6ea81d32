/** What a zstd frame says of itself (RFC 8878, §3.1.1), read without unpacking it. */
export interface ZstdFrame {
  /** From the magic number to the end of the last block, its checksum included. */
  readonly frameBytes: number;
  /** What it unpacks to; null where the frame does not say. */
  readonly contentBytes: bigint | null;
}

const MAGIC = 0xfd2fb528;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
/** By the two lowest bits of the descriptor. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
/** By the two highest; a frame of a single segment has at least one byte. */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
/** A size of two bytes counts from here: smaller ones take one byte. */
const TWO_BYTES_BEGIN_AT = 256n;

const RAW = 0;
const RUN = 1;
const COMPRESSED = 2;

/** The frame that `packed` begins with, from its headers alone; null where there is no whole one. */
export function measureZstdFrame(packed: Uint8Array): ZstdFrame | null {
  const bytes = new Bytes(packed);
  if (bytes.take(4) !== BigInt(MAGIC)) return null;
  const descriptor = bytes.take(1);
  if (descriptor === null) return null;
  const flags = Number(descriptor);
  const isSingleSegment = (flags & 0b10_0000) !== 0;
  if (!isSingleSegment) bytes.skip(1);
  bytes.skip(DICTIONARY_ID_BYTES[(flags & 0b11) as 0 | 1 | 2 | 3]);
  const sizeBytes = CONTENT_SIZE_BYTES[(flags >> 6) as 0 | 1 | 2 | 3] || (isSingleSegment ? 1 : 0);
  const size = bytes.take(sizeBytes);
  if (size === null || !skipBlocks(bytes)) return null;
  if ((flags & 0b100) !== 0) bytes.skip(CHECKSUM_BYTES);
  if (bytes.at > packed.length) return null;
  const contentBytes = sizeBytes === 2 ? size + TWO_BYTES_BEGIN_AT : size;
  return { frameBytes: bytes.at, contentBytes: sizeBytes === 0 ? null : contentBytes };
}

/** False where the last block does not come, or one is of no known kind. */
function skipBlocks(bytes: Bytes): boolean {
  for (;;) {
    const header = bytes.take(BLOCK_HEADER_BYTES);
    if (header === null) return false;
    const kind = (Number(header) >> 1) & 0b11;
    const sizeBytes = Number(header) >> 3;
    if (kind === RUN) bytes.skip(1);
    else if (kind === RAW || kind === COMPRESSED) bytes.skip(sizeBytes);
    else return false;
    if ((Number(header) & 1) === 1) return true;
  }
}

/** Reads little-endian numbers one after another. */
class Bytes {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** May go past the end: the next `take`, or the caller's look at `at`, finds it. */
  skip(count: number): void {
    this.at += count;
  }

  take(count: number): bigint | null {
    if (this.at + count > this.#bytes.length) return null;
    let value = 0n;
    for (let index = count - 1; index >= 0; index -= 1)
      value = (value << 8n) | BigInt(this.#bytes[this.at + index] ?? 0);
    this.at += count;
    return value;
  }
}
