import zlib from 'node:zlib';
import { damagedBlock } from './damaged-block.ts';
import type { Inflate } from './node-codecs.ts';

const STEP_BYTES = 64 * 1024;
/** Deflate makes of one byte at most so many. */
const RATIO_MAX = 1032;

/**
 * Inflates in steps, for runtimes whose `zlib.inflateRaw` neither stops at a size nor tells how much it read (Deno 2.1).
 * Their streams do not tell that either: bytes between the end of the stream and gzip's checksum pass. The seal around
 * each block leaves them to writers that put them there on purpose.
 */
export const streamedInflate: Inflate = async (body, plainBytes) => {
  // What is promised may be a lie, and is allocated.
  if (plainBytes > body.length * RATIO_MAX) throw damagedBlock('gzip', `it cannot hold ${plainBytes} bytes`);
  const plain = Buffer.allocUnsafe(plainBytes);
  let bytes = 0;
  const stream = zlib.createInflateRaw({ chunkSize: STEP_BYTES });
  try {
    stream.end(body);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > plainBytes) throw damagedBlock('gzip', `it holds more than ${plainBytes} bytes`);
      bytes += chunk.copy(plain, bytes);
    }
  } catch (error) {
    throw damagedBlock('gzip', error instanceof Error ? error.message : 'it is no stream', error);
  }
  if (bytes !== plainBytes) throw damagedBlock('gzip', `it holds ${bytes} bytes instead of ${plainBytes}`);
  return plain;
};
