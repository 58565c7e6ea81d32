import { assert } from '@cofre/contracts';
import type { BufferPool } from './buffer-pool.ts';

export const RANGE_BYTES = 2 * 1024 * 1024;

/** Most tables of most slices are small: they should not cost two megabytes each. */
const GATHERED_BYTES_MIN = 16 * 1024;

/** Bytes that grow at the end and are handed over without copying. */
export class Gathered {
  bytes: Buffer;
  length = 0;
  readonly #buffers: BufferPool;

  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
    this.bytes = buffers.take(GATHERED_BYTES_MIN);
  }

  append(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  /** Appends a short line and its newline; gives where it starts. */
  appendLine(source: Buffer, start: number, end: number): number {
    this.reserve(end - start + 1);
    const at = this.length;
    let to = at;
    for (let from = start; from < end; from++) this.bytes[to++] = source[from] ?? 0;
    this.bytes[to++] = 0x0a;
    this.length = to;
    return at;
  }

  /** Hands over the first `size` bytes (default: all) and keeps the rest. */
  detach(size: number = this.length): Buffer {
    assert(size <= this.length, 'no more is handed over than was gathered');
    const gathered = this.bytes.subarray(0, size);
    const rest = this.bytes.subarray(size, this.length);
    // The next range will be about as large, unless this one held a huge row.
    const next = Math.min(size + size / 8, 2 * RANGE_BYTES);
    this.bytes = this.#buffers.take(Math.max(GATHERED_BYTES_MIN, rest.length, next));
    rest.copy(this.bytes);
    this.length = rest.length;
    return gathered;
  }

  /** Makes room. The old bytes stay valid for those who still look at them. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = this.#buffers.take(Math.max(needed, Math.min(this.bytes.length * 2, needed + RANGE_BYTES)));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
