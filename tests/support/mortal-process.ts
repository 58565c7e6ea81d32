import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobStore, ObjectInfo } from '../../packages/engine/src/index.ts';
import { databaseFromUrl } from '../../packages/postgres/src/index.ts';
import { openCatalogue, type ServiceContext } from '../../packages/services/src/index.ts';
import type { TestDatabase } from './database.ts';

/**
 * When a process dies. `store`: at that call of its store, counted from 0, before its effect or after it. `database`: when
 * it has sent so many messages to its server, the last of which arrives or does not. `afterMs`: by the clock.
 */
export type Death =
  | { readonly of: 'store' | 'database'; readonly at: number; readonly kind: 'before' | 'after' }
  | { readonly afterMs: number };

/**
 * What `kill -9` does to the world, without the cost of a process: from one instant on nothing that it asked of its store
 * takes effect or is answered, its connections break, and no new one is let in. What it still computes reaches nobody.
 */
export class MortalProcess implements AsyncDisposable {
  readonly context: ServiceContext;
  readonly #death: Death | null;
  /** By which the server knows its connections. */
  readonly #ports: number[] = [];
  readonly #died = Promise.withResolvers<'died'>();
  readonly #connections: { readonly client: Socket; readonly server: Socket }[] = [];
  readonly #server: Server;
  readonly #db: TestDatabase;
  #isDead = false;
  /** What it has asked for so far. */
  readonly calls = { store: 0, database: 0 };

  private constructor(db: TestDatabase, server: Server, options: MortalOptions) {
    this.#db = db;
    this.#server = server;
    this.#death = options.dies;
    const url = new URL(db.url);
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const catalogue = openCatalogue({ url: url.href, label: 'mortal' });
    this.context = options.again({
      store: this.#mortal(options.store),
      catalogue,
      database: databaseFromUrl(url.href),
    });
  }

  static async start(db: TestDatabase, options: MortalOptions): Promise<MortalProcess> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const process = new MortalProcess(db, server, options);
    server.on('connection', (socket) => process.#forward(socket));
    return process;
  }

  /** Gives whether it died on the way. Where it did not, what it did is thrown or given as it is. */
  async run(work: (context: ServiceContext) => Promise<unknown>): Promise<'died' | 'done'> {
    const death = this.#death;
    const timer = death !== null && 'afterMs' in death ? setTimeout(() => this.#die(), death.afterMs) : undefined;
    const done = work(this.context).then(() => 'done' as const);
    // What a dead process has to say is said to nobody.
    done.catch(() => undefined);
    try {
      return await Promise.race([this.#died.promise, done]);
    } finally {
      clearTimeout(timer);
      this.#die();
      await this.#untilSessionsEnded();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#die();
    await this.context.catalogue.destroy().catch(() => undefined);
  }

  #die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    // What it had sent arrives all the same.
    for (const { client, server } of this.#connections) {
      client.destroy();
      server.end();
    }
    this.#server.close();
    this.#died.resolve('died');
  }

  /** A server notices that its client is gone when it next writes to it, and finishes what it was doing. */
  async #untilSessionsEnded(): Promise<void> {
    const asks = 'SELECT FROM pg_stat_activity WHERE datname = current_database() AND client_port = ANY ($1)';
    while ((await this.#db.query(asks, [this.#ports])).rows.length > 0) await sleep(2);
  }

  #forward(client: Socket): void {
    if (this.#isDead) {
      client.destroy();
      return;
    }
    const { hostname, port } = new URL(this.#db.url);
    const server = connect(Number(port), hostname);
    this.#connections.push({ client, server });
    server.once('connect', () => this.#ports.push(server.localPort ?? 0));
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('data', (bytes) => {
      const fate = this.#count('database');
      // What arrived is worked on, though nobody hears the answer.
      if (fate !== 'before' && !this.#isDead) server.write(bytes);
      if (fate !== null) this.#die();
    });
    server.on('data', (bytes) => client.write(bytes));
    client.on('close', () => server.end());
    server.on('close', () => client.destroy());
  }

  #count(what: 'store' | 'database'): 'before' | 'after' | null {
    const death = this.#death;
    const index = this.calls[what]++;
    return death !== null && 'of' in death && death.of === what && death.at === index ? death.kind : null;
  }

  #mortal(store: BlobStore): BlobStore {
    const call = async <T>(effect: () => Promise<T>): Promise<T> => {
      const fate = this.#isDead ? 'before' : this.#count('store');
      if (fate === 'before') return this.#never();
      const result = await effect();
      return fate === 'after' || this.#isDead ? this.#never() : result;
    };
    const list = async function* (prefix: string): AsyncIterable<ObjectInfo> {
      yield* await call(() => Array.fromAsync(store.list(prefix)));
    };
    return {
      url: store.url,
      list,
      put: (path, bytes, options) => call(() => store.put(path, bytes, options)),
      get: (path, range) => call(() => store.get(path, range)),
      stat: (path) => call(() => store.stat(path)),
      delete: (path) => call(() => store.delete(path)),
    };
  }

  #never(): Promise<never> {
    this.#die();
    return new Promise(() => undefined);
  }
}

export interface MortalOptions {
  readonly store: BlobStore;
  /** null: it lives until its work is done. */
  readonly dies: Death | null;
  readonly again: (options: Partial<ServiceContext>) => ServiceContext;
}
