import { type BackupId, isCofreError } from '@cofre/contracts';
import { type BlobStore, type Codecs, collectGarbage, type Manifest, type ObjectInfo, Repository } from '@cofre/engine';
import { diesAt, MemoryStore, systemRandom, withFaults } from '@cofre/storage';
import { backUp, IMPLEMENTATION, type Rows } from './fixtures.ts';

export const HOUR_MS = 3_600_000;

/** Compresses nothing, and without leaving the thread: what happens next is decided by the test alone. */
const instantCodecs: Codecs = (compression) => ({
  compression,
  compress: (plain) => Promise.resolve(Uint8Array.from(plain)),
  decompress: (packed) => Promise.resolve(Uint8Array.from(packed)),
});

export interface Call {
  readonly operation: 'put' | 'get' | 'stat' | 'list' | 'delete';
  readonly path: string;
}

/** One process goes on, and all others stand still. */
export interface Burst {
  readonly process: number;
  /** So many calls of its store; default: until it is done. */
  readonly calls?: number;
  /** It stops before the first call that this is true of. */
  readonly until?: (call: Call) => boolean;
  /** Pass before it. */
  readonly hours?: number;
}

/** Lets one call of a store through at a time: the order of things is the test's. */
class Turns {
  readonly #waiting: { readonly process: number; readonly call: Call; readonly go: () => void }[] = [];

  take(process: number, call: Call): Promise<void> {
    return new Promise((go) => this.#waiting.push({ process, call, go }));
  }

  /** Gives whether the process was stopped on its way. */
  async run({ process, calls = Infinity, until }: Burst): Promise<boolean> {
    for (let done = 0; done < calls; done++) {
      const index = await this.#nextOf(process);
      if (index < 0) return false;
      const waiting = this.#waiting[index];
      if (waiting === undefined || until?.(waiting.call) === true) return true;
      this.#waiting.splice(index, 1);
      waiting.go();
    }
    return (await this.#nextOf(process)) >= 0;
  }

  async #nextOf(process: number): Promise<number> {
    // Everything else is microtasks: afterwards the process waits for its turn, or is done.
    await new Promise(setImmediate);
    return this.#waiting.findIndex((waiting) => waiting.process === process);
  }
}

export type Work =
  | { readonly kind: 'back-up'; readonly parent: number; readonly change: number }
  | { readonly kind: 'delete'; readonly which: number }
  | { readonly kind: 'collect'; readonly graceMs?: number };

export interface Process {
  readonly work: readonly Work[];
  /** Killed at this call of its store. */
  readonly dies?: { readonly at: number; readonly kind: 'before' | 'after' } | null | undefined;
}

/** What may end a process here: its death, being late, and finding that what it built on went while it was late. */
const ENDS = new Set(['storage/unavailable', 'backup/took-too-long', 'repository/object-missing']);

/** Processes on one repository, and what its backups must give back whatever they do to each other. */
export class Scene {
  nowMs = Date.parse('2026-01-03T00:00:00Z');
  /** Whether listings show what is put and deleted while they are read. */
  listsLive = true;
  readonly store = new MemoryStore({ clock: { now: () => new Date(this.nowMs) } });
  /** Backups that somebody was told are there. */
  readonly expected = new Map<BackupId, Rows>();
  readonly #turns = new Turns();
  readonly #ended: Promise<unknown>[] = [];

  static async make(changes: readonly number[] = [0]): Promise<Scene> {
    const scene = new Scene();
    const ports = { codecs: instantCodecs, clock: { now: () => new Date(scene.nowMs) }, random: systemRandom };
    const key = { kind: 'none' } as const;
    await Repository.init({ ...ports, store: scene.store, key, compression: 'none' });
    for (const change of changes) await scene.#backUp(await scene.open(), { parent: Infinity, change });
    return scene;
  }

  open(store: BlobStore = this.store): Promise<Repository> {
    const ports = { codecs: instantCodecs, clock: { now: () => new Date(this.nowMs) }, random: systemRandom };
    return Repository.open({ ...ports, store, key: { kind: 'none' } });
  }

  /** Its number is the place in the order of starts. It stands still until it is let go on. */
  start({ work, dies }: Process): number {
    const number = this.#ended.length;
    const mortal = dies ? withFaults(this.store, diesAt(dies.at, dies.kind)) : this.store;
    const run = async () => {
      const repository = await this.open(this.#inTurns(mortal, number));
      for (const piece of work) await this.#do(repository, piece);
    };
    this.#ended.push(
      run().catch((error: unknown) => {
        if (!isCofreError(error) || !ENDS.has(error.code)) throw error;
      }),
    );
    return number;
  }

  /** Gives whether the process was stopped on its way. */
  go(burst: Burst): Promise<boolean> {
    this.nowMs += (burst.hours ?? 0) * HOUR_MS;
    return this.#turns.run(burst);
  }

  async finish(): Promise<void> {
    for (let process = 0; process < this.#ended.length; process++) await this.go({ process });
    await Promise.all(this.#ended);
  }

  async #do(repository: Repository, work: Work): Promise<void> {
    if (work.kind === 'collect') await collectGarbage(repository, { graceMs: work.graceMs });
    else if (work.kind === 'back-up') await this.#backUp(repository, work);
    else await this.#delete(repository, work.which);
  }

  async #backUp(repository: Repository, work: { readonly parent: number; readonly change: number }): Promise<void> {
    const lease = await repository.takeLease();
    const parent = await this.#parent(repository, work.parent);
    const rows: Rows = new Map(
      Array.from({ length: 4 }, (_, id) => [id, id === 0 ? `changed ${work.change}` : `value ${id}`]),
    );
    const manifest = await backUp(repository, rows, { lease, ...(parent === null ? {} : { parent }) });
    this.expected.set(manifest.backupId, rows);
  }

  async #parent(repository: Repository, choice: number): Promise<Manifest | null> {
    const found: BackupId[] = [];
    for await (const { backupId } of repository.listManifests()) found.push(backupId);
    const chosen = found[choice];
    if (chosen === undefined) return null;
    return repository.readManifest(IMPLEMENTATION, chosen).catch((error: unknown) => {
      if (isCofreError(error, 'repository/object-missing')) return null;
      throw error;
    });
  }

  /** Forgotten before it is deleted, as the catalogue marks its row. */
  async #delete(repository: Repository, which: number): Promise<void> {
    const backup = [...this.expected.keys()][which];
    if (backup === undefined) return;
    this.expected.delete(backup);
    await repository.deleteManifest(IMPLEMENTATION, backup);
  }

  #inTurns(store: BlobStore, process: number): BlobStore {
    const taking =
      <Args extends unknown[], T>(operation: Call['operation'], call: (path: string, ...args: Args) => Promise<T>) =>
      async (path: string, ...args: Args): Promise<T> => {
        await this.#turns.take(process, { operation, path });
        return call(path, ...args);
      };
    return {
      url: store.url,
      put: taking('put', store.put.bind(store)),
      get: taking('get', store.get.bind(store)),
      stat: taking('stat', store.stat.bind(store)),
      delete: taking('delete', store.delete.bind(store)),
      list: (prefix) => this.#listInTurns(store, { process, prefix }),
    };
  }

  async *#listInTurns(
    store: BlobStore,
    { process, prefix }: { readonly process: number; readonly prefix: string },
  ): AsyncIterable<ObjectInfo> {
    await this.#turns.take(process, { operation: 'list', path: prefix });
    if (this.listsLive) {
      for await (const info of store.list(prefix)) {
        yield info;
        await this.#turns.take(process, { operation: 'list', path: prefix });
      }
      return;
    }
    const infos: ObjectInfo[] = [];
    for await (const info of store.list(prefix)) infos.push(info);
    yield* infos;
  }
}
