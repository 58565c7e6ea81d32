import { Buffer } from 'node:buffer';
import { clearTimeout, setTimeout } from 'node:timers';
import { assert, CofreError } from '@cofre/contracts';
import type { RowBatch } from '@cofre/engine';
import type pg from 'pg';
import { type TakenBytes, takeBytes } from '../session/socket.ts';

/** Rows are handed on in buffers of about this size: large enough that the cost per batch does not count. */
export const BATCH_BYTES = 256 * 1024;

/** Reading goes on while the batches that wait, and the one that the consumer works on, are smaller than this together. */
const READ_AHEAD_BYTES = 4 * BATCH_BYTES;

/**
 * A server sends 8 KiB at a time, and to wake up for each costs more than all the rest. After a chunk smaller than this
 * the socket is left alone for a moment, so that the kernel gathers the next ones.
 */
const SMALL_CHUNK_BYTES = 64 * 1024;
const NAP_MS = 1;

const HEADER_BYTES = 5;
const COPY_DATA = 0x64; // 'd'
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/**
 * Runs a `COPY … TO STDOUT` in text format and gives its rows as batches of whole lines. Reading stops while the
 * consumer is busy. A row larger than a batch has a buffer of its own, so memory is bounded by a few batches and the
 * largest row. Throws what `pg` throws. A consumer that stops before the last row ends the connection.
 * As of every stream of batches, the bytes of one may be used again when the next is asked for.
 */
export async function* copyRows(client: pg.ClientBase, sql: string): AsyncGenerator<RowBatch, void, void> {
  assert(/^COPY .* TO STDOUT$/s.test(sql), 'rows are read by COPY … TO STDOUT in text format');
  const copy = new CopyOut(sql);
  client.query(copy);
  try {
    for (;;) {
      const batch = await copy.next();
      if (batch === null) return;
      yield batch;
    }
  } finally {
    copy.abandon();
  }
}

/**
 * A query that takes the socket's bytes for itself while its `COPY` runs, as pg-copy-streams does. The protocol promises
 * that each CopyData message from a server is one row, so the messages' lengths give the lines without searching for
 * them; the count in the command's tag proves that it was so. All other messages are passed to `pg`.
 */
class CopyOut implements pg.Submittable {
  readonly #sql: string;
  #connection: pg.Connection | null = null;
  /** null: before and after the command. */
  #taken: TakenBytes | null = null;

  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFill = 0;
  #kind = 0;
  /** Bytes of the current message's body that are still to come. */
  #bodyLeft = 0;

  #target: Buffer = EMPTY;
  #fill = 0;
  #ends: number[] = [];
  #rows = 0;

  readonly #queue: RowBatch[] = [];
  #queuedBytes = 0;
  /** The batch that the consumer works on. Its buffer is used again when the next is asked for. */
  #held: RowBatch | null = null;
  readonly #free: Buffer[] = [];
  /** What was left of a chunk when reading stopped; null while reading goes on. */
  #rest: Buffer | null = null;
  #nap: NodeJS.Timeout | null = null;

  #outcome: 'running' | 'complete' | { readonly error: unknown } = 'running';
  #wake: (() => void) | null = null;

  constructor(sql: string) {
    this.#sql = sql;
  }

  readonly submit = (connection: pg.Connection): void => {
    this.#connection = connection;
    this.#taken = takeBytes(connection.stream, this.#onChunk);
    connection.query(this.#sql);
  };

  async next(): Promise<RowBatch | null> {
    for (;;) {
      this.#recycle();
      const batch = this.#queue.shift();
      this.#held = batch ?? null;
      this.#queuedBytes -= batch?.bytes.length ?? 0;
      if (this.#rest !== null && !this.#isAhead()) this.#readOn(this.#rest);
      if (batch !== undefined) return batch;
      if (this.#queue.length > 0) continue;
      if (this.#outcome === 'complete') return null;
      if (this.#outcome !== 'running') throw this.#outcome.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Without effect once the command is over. Before that nothing but ending the connection stops the server's rows. */
  abandon(): void {
    if (this.#outcome !== 'running') return;
    const stream = this.#connection?.stream;
    this.#finish({ error: new Error('the rows were no longer wanted') });
    stream?.destroy();
  }

  // What follows is called by `pg`.

  handleError(error: unknown): void {
    this.#finish({ error });
  }

  handleCommandComplete(message: { readonly text?: string }): void {
    this.#flush();
    const counted = Number(/^COPY (\d+)$/.exec(message.text ?? '')?.[1]);
    if (counted === this.#rows) return;
    const told = `The server says that it sent ${counted} rows, and ${this.#rows} arrived`;
    this.#outcome = { error: new CofreError('database/failed', `${told}. Nothing was changed.`) };
  }

  handleReadyForQuery(): void {
    this.#finish(this.#outcome === 'running' ? 'complete' : this.#outcome);
  }

  readonly #onChunk = (chunk: Buffer): void => {
    this.#parse(chunk);
    if (this.#taken?.direct && this.#rest === null && chunk.length < SMALL_CHUNK_BYTES) this.#takeNap();
  };

  #takeNap(): void {
    const stream = this.#connection?.stream;
    stream?.pause();
    this.#nap = setTimeout(() => {
      this.#nap = null;
      stream?.resume();
    }, NAP_MS);
  }

  #parse(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#taken === null) {
        // The command ended within this chunk; what follows was not asked for by us.
        this.#connection?.stream.emit('data', Buffer.from(chunk.subarray(at)));
        return;
      }
      if (this.#isAhead()) {
        this.#rest = Buffer.from(chunk.subarray(at));
        this.#connection?.stream.pause();
        return;
      }
      if (this.#bodyLeft > 0) at = this.#takeBody(chunk, at);
      else if (this.#headerFill === 0) at = this.#takeHeader(chunk, this.#takeWholeRows(chunk, at));
      else at = this.#takeHeader(chunk, at);
    }
  }

  /** The hot path: rows that lie whole in the chunk and fit into the batch. Returns where it stopped. */
  #takeWholeRows(chunk: Buffer, start: number): number {
    const target = this.#target;
    const room = target.length;
    const last = chunk.length - HEADER_BYTES;
    const ends = this.#ends;
    let fill = this.#fill;
    let at = start;
    while (at <= last && chunk[at] === COPY_DATA) {
      const bodyBytes = chunk.readUInt32BE(at + 1) - 4;
      const body = at + HEADER_BYTES;
      const end = body + bodyBytes;
      if (end > chunk.length || fill + bodyBytes > room || chunk[end - 1] !== NEWLINE) break;
      chunk.copy(target, fill, body, end);
      fill += bodyBytes;
      ends.push(fill);
      at = end;
    }
    this.#fill = fill;
    return at;
  }

  #takeHeader(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + HEADER_BYTES - this.#headerFill);
    this.#headerFill += chunk.copy(this.#header, this.#headerFill, start, end);
    if (this.#headerFill < HEADER_BYTES) return end;
    this.#headerFill = 0;
    this.#kind = this.#header.readUInt8(0);
    this.#bodyLeft = this.#header.readUInt32BE(1) - 4;
    if (this.#kind !== COPY_DATA) this.#taken?.passOn(Buffer.from(this.#header));
    else if (this.#fill + this.#bodyLeft > this.#target.length) this.#flush();
    return end;
  }

  #takeBody(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#bodyLeft);
    if (this.#kind !== COPY_DATA) {
      this.#bodyLeft -= end - start;
      this.#taken?.passOn(Buffer.from(chunk.subarray(start, end)));
      return end;
    }
    // Only true where a row begins: its whole length is known, so it is never moved while it arrives.
    if (this.#fill + this.#bodyLeft > this.#target.length) {
      const free = this.#bodyLeft <= BATCH_BYTES ? this.#free.pop() : undefined;
      this.#target = free ?? Buffer.allocUnsafeSlow(Math.max(BATCH_BYTES, this.#bodyLeft));
    }
    this.#bodyLeft -= end - start;
    this.#fill += chunk.copy(this.#target, this.#fill, start, end);
    if (this.#bodyLeft === 0) this.#endRow();
    return end;
  }

  #endRow(): void {
    if (this.#target[this.#fill - 1] === NEWLINE) {
      this.#ends.push(this.#fill);
      return;
    }
    const error = new CofreError('database/failed', 'The server sent a row in pieces. Nothing was changed.');
    const stream = this.#connection?.stream;
    this.#finish({ error });
    stream?.destroy();
  }

  #flush(): void {
    if (this.#ends.length === 0) return;
    const bytes = this.#target.subarray(0, this.#fill);
    this.#queue.push({ bytes, ends: this.#ends });
    this.#queuedBytes += bytes.length;
    this.#rows += this.#ends.length;
    this.#target = EMPTY;
    this.#fill = 0;
    this.#ends = [];
    this.#wakeUp();
  }

  /** Half a gigabyte of rows would else be half a gigabyte of garbage. Buffers of huge rows are let go. */
  #recycle(): void {
    const buffer = this.#held?.bytes.buffer;
    this.#held = null;
    if (buffer?.byteLength === BATCH_BYTES) this.#free.push(Buffer.from(buffer));
  }

  #isAhead(): boolean {
    return this.#queuedBytes + (this.#held?.bytes.length ?? 0) >= READ_AHEAD_BYTES;
  }

  #readOn(rest: Buffer): void {
    this.#rest = null;
    this.#parse(rest);
    if (this.#rest === null) this.#connection?.stream.resume();
  }

  #finish(outcome: 'complete' | { readonly error: unknown }): void {
    this.#taken?.release();
    this.#taken = null;
    if (this.#nap !== null) clearTimeout(this.#nap);
    if (this.#rest !== null || this.#nap !== null) this.#connection?.stream.resume();
    this.#rest = null;
    this.#nap = null;
    this.#outcome = outcome;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
