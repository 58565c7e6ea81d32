import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * As large as what a server sends within a millisecond. Reading into one buffer again and again costs a third of what
 * Node's own way does, which allocates 64 KiB for every 8 KiB that arrive.
 */
const READ_BUFFER_BYTES = 256 * 1024;

type Taker = (bytes: Buffer) => void;

/** Sockets made here, and who takes their bytes; null: the stream itself, as everywhere else. */
const takers = new WeakMap<Duplex, Taker | null>();

/** A socket for `pg` that reads like any other, and whose bytes `takeBytes` can have without a copy. */
export function createSocket(): Socket {
  // Deno's sockets cannot be read into a given buffer.
  if ('Deno' in globalThis) return new Socket();
  const socket: Socket = new Socket({
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      callback(count, buffer) {
        const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count);
        const taker = takers.get(socket);
        // Pushing a copy, and stopping when the stream says so, is what a socket without `onread` does.
        if (taker === null || taker === undefined) return socket.push(Buffer.from(bytes));
        taker(bytes);
        return true;
      },
    },
  });
  takers.set(socket, null);
  return socket;
}

/** The bytes of a connection, taken from `pg` for a while. */
export interface TakenBytes {
  /** True: reading stops and starts at once, and what arrives meanwhile waits in the kernel. */
  readonly direct: boolean;
  /** Gives bytes to `pg` after all. */
  passOn(bytes: Buffer): void;
  release(): void;
}

/** From now on `taker` gets what the server sends. It must not keep the bytes: the buffer is used again. */
export function takeBytes(stream: Duplex, taker: Taker): TakenBytes {
  if (takers.has(stream)) {
    takers.set(stream, taker);
    return {
      direct: true,
      passOn: (bytes) => void stream.emit('data', bytes),
      release: () => void takers.set(stream, null),
    };
  }
  // A TLS connection, or a client that was made elsewhere: taking the listeners' place is what pg-copy-streams does.
  // Whoever listens to `data` takes bytes, which the type of `listeners` does not say.
  const listeners = stream.listeners('data') as Taker[];
  stream.removeAllListeners('data').on('data', taker);
  return {
    direct: false,
    passOn: (bytes) => {
      for (const listener of listeners) listener.call(stream, bytes);
    },
    release: () => {
      stream.removeListener('data', taker);
      for (const listener of listeners) stream.on('data', listener);
    },
  };
}
