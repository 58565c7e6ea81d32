import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut, and mended at the same address. */
export class Line implements AsyncDisposable {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  /** Gives the address of the target by way of this line. */
  async open(): Promise<string> {
    if (this.#server === null) await this.#listen();
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String(this.#port);
    return url.href;
  }

  async #listen(): Promise<void> {
    const server = createServer((near) => this.#connect(near));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on a port');
    this.#port = address.port;
    this.#server = server;
  }

  /** Everybody who is connected is cut off, and nobody gets through until it is opened again. */
  async cut(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut();
  }

  #connect(near: Socket): void {
    const far = createConnection({ host: this.#target.hostname, port: Number(this.#target.port) });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
