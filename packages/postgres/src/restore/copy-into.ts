import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** Pieces that wait between the source and the socket: they are large, so few. */
const WAITING_MAX = 2;

/**
 * Runs a `COPY … FROM STDIN` with these bytes and gives the number of rows that the server took. Reading the source waits
 * for the server. When the source fails, the server is told, and the statement fails with the transaction.
 */
export async function copyInto(
  client: pg.ClientBase,
  sql: string,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<number> {
  const target = client.query(copyFrom(sql));
  await pipeline(Readable.from(pieces, { highWaterMark: WAITING_MAX }), target);
  return target.rowCount;
}
