import type { RowBatch } from './layout.ts';

/** Lines are gathered into batches of about this size: large enough that the cost per batch vanishes. */
const BATCH_BYTES = 256 * 1024;

/** The lines of a batch, newlines included, as views of its bytes. */
export function* linesOf(batch: RowBatch): Generator<Buffer> {
  let start = 0;
  for (const end of batch.ends) {
    yield batch.bytes.subarray(start, end);
    start = end;
  }
}

/** Gathers lines (each with its newline) into batches. */
export async function* batchesOfLines(lines: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<RowBatch> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const line of lines) {
    held.push(line);
    bytes += line.length;
    if (bytes >= BATCH_BYTES) {
      yield batchOf(held);
      held = [];
      bytes = 0;
    }
  }
  if (held.length > 0) yield batchOf(held);
}

function batchOf(lines: readonly Buffer[]): RowBatch {
  const ends: number[] = [];
  let end = 0;
  for (const line of lines) ends.push((end += line.length));
  return { bytes: Buffer.concat(lines, end), ends };
}

/** The lines of a block as one batch: every newline ends a line, for COPY text escapes those within values. */
export function batchOfBlock(bytes: Buffer): RowBatch {
  const ends: number[] = [];
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) ends.push(at + 1);
  return { bytes, ends };
}
