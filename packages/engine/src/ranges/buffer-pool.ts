/** Buffers kept for the next range: some ranges under way, the one being gathered, and one to spare. */
const KEPT_BYTES_MAX = 12 * 1024 * 1024;

/**
 * Large buffers that are used again. Allocating two megabytes for each range would make the garbage collector run a
 * hundred times in a backup of half a gigabyte, which costs more than sealing it.
 */
export class BufferPool {
  #kept: Buffer[] = [];
  #keptBytes = 0;

  /** A buffer of at least this size; what is in it is undefined. */
  take(bytesMin: number): Buffer {
    const at = this.#kept.findIndex((buffer) => buffer.length >= bytesMin && buffer.length <= bytesMin * 4);
    const [found] = at === -1 ? [] : this.#kept.splice(at, 1);
    if (!found) return Buffer.allocUnsafeSlow(Math.ceil(bytesMin));
    this.#keptBytes -= found.length;
    return found;
  }

  /** Gives back a buffer, or a view of one from its beginning, that nobody looks at any more. */
  give(bytes: Buffer): void {
    const whole = Buffer.from(bytes.buffer);
    if (bytes.byteOffset !== 0 || bytes.buffer.byteLength === 0 || this.#keptBytes + whole.length > KEPT_BYTES_MAX)
      return;
    this.#kept.push(whole);
    this.#keptBytes += whole.length;
  }
}
