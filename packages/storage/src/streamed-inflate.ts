import zlib from 'node:zlib';
import { damagedBlock } from './damaged-block.ts';
import type { Inflate } from './node-codecs.ts';

const STEP_BYTES = 64 * 1024;
const PIECE_BYTES = 4 * 1024;
/** Deflate makes of one byte at most so many. */
const RATIO_MAX = 1032;

/**
 * Inflates in steps, for runtimes whose `zlib.inflateRaw` neither stops at a size nor tells how much it read (Deno 2.1).
 * Their streams do not tell that either, so it is tried whether the last byte is needed: what ends without it has
 * something behind its end. That doubles the cost of a compression that is rare there.
 */
export const streamedInflate: Inflate = async (body, plainBytes) => {
  // What is promised may be a lie, and is allocated.
  if (plainBytes > body.length * RATIO_MAX) throw damagedBlock('gzip', `it cannot hold ${plainBytes} bytes`);
  const plain = Buffer.allocUnsafe(plainBytes);
  let bytes = 0;
  try {
    for await (const chunk of inflated(body)) {
      if (bytes + chunk.length > plainBytes) throw damagedBlock('gzip', `it holds more than ${plainBytes} bytes`);
      bytes += chunk.copy(plain, bytes);
    }
  } catch (error) {
    throw damagedBlock('gzip', error instanceof Error ? error.message : 'it is no stream', error);
  }
  if (bytes !== plainBytes) throw damagedBlock('gzip', `it holds ${bytes} bytes instead of ${plainBytes}`);
  if (await ends(body.subarray(0, -1))) throw damagedBlock('gzip', 'something follows its end');
  return plain;
};

/** The caller knows that it makes no more than was promised. */
async function ends(body: Uint8Array): Promise<boolean> {
  const chunks = inflated(body)[Symbol.asyncIterator]();
  try {
    while ((await chunks.next()).done !== true);
    return true;
  } catch {
    return false;
  }
}

function inflated(body: Uint8Array): AsyncIterable<Buffer> {
  const stream = zlib.createInflateRaw({ chunkSize: STEP_BYTES });
  void feed(stream, body);
  return stream;
}

/** In small pieces: of what it is given at once, Deno 2.1 makes everything, whether anybody still reads or not. */
async function feed(stream: zlib.InflateRaw, body: Uint8Array): Promise<void> {
  for (let at = 0; at < body.length && !stream.destroyed; at += PIECE_BYTES) {
    const piece = body.subarray(at, at + PIECE_BYTES);
    // Errors come to who reads.
    await new Promise((resolve) => stream.write(piece, resolve));
  }
  if (!stream.destroyed) stream.end();
}
