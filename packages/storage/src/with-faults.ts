import { CofreError, type ErrorCode } from '@cofre/contracts';
import type { BlobStore, ObjectInfo, Random } from '@cofre/engine';
import { fraction } from './system.ts';

/** One call of a store, as a schedule sees it. `index` counts all calls from 0. */
export interface StoreCall {
  readonly index: number;
  readonly operation: 'put' | 'get' | 'stat' | 'list' | 'delete';
  /** The prefix, for `list`. */
  readonly path: string;
}

/**
 * - `before`: the call fails and has had no effect.
 * - `after`: the call takes effect and fails all the same, as when an answer is lost on the way.
 * - `halfway`: a `list` gives half of its objects, then fails. Other calls: as `before`.
 * - `short`: a `get` gives one byte less than it should, as a store that breaks its contract would.
 * - `flipped`: a `get` gives the right number of bytes, one of them wrong.
 * - `stale`: a `list` shows the objects as they were at the last listing that was not stale.
 * - `truncated`: a `list` gives half of its objects and ends as if these were all, as a store that breaks its contract would.
 */
export type Fault =
  | { readonly kind: 'before' | 'after' | 'halfway'; readonly code?: ErrorCode }
  | { readonly kind: 'short' | 'flipped' | 'stale' | 'truncated' };

/** Says for each call what goes wrong; null: nothing. */
export type FaultSchedule = (call: StoreCall) => Fault | null;

/** As if the process were killed at one call: that one fails, before or after its effect, and nothing works from then on. */
export function diesAt(index: number, kind: 'before' | 'after'): FaultSchedule {
  return (call) => (call.index < index ? null : { kind: call.index === index ? kind : 'before' });
}

/** Which share of the calls goes wrong in each way: 0.1 is one of ten. What a call cannot suffer does it no harm. */
export type Chances = Readonly<Partial<Record<Fault['kind'], number>>>;

/** What goes wrong is drawn: the same numbers make the same weather. */
export function byChance(chances: Chances, random: Pick<Random, 'bytes'>): FaultSchedule {
  return () => {
    let drawn = fraction(random);
    for (const kind of FAULT_KINDS) {
      drawn -= chances[kind] ?? 0;
      if (drawn < 0) return { kind };
    }
    return null;
  };
}

const FAULT_KINDS = ['before', 'after', 'halfway', 'short', 'flipped', 'stale', 'truncated'] as const;

/** Makes a store go wrong on a schedule, to test what stands on it. */
export function withFaults(store: BlobStore, schedule: FaultSchedule): BlobStore {
  return new FaultyStore(store, schedule);
}

class FaultyStore implements BlobStore {
  readonly url: string;
  readonly #store: BlobStore;
  readonly #schedule: FaultSchedule;
  #calls = 0;
  /** What a stale listing leaves out and still shows: changes made here since the last fresh one. */
  readonly #added = new Set<string>();
  readonly #deleted = new Map<string, ObjectInfo>();

  constructor(store: BlobStore, schedule: FaultSchedule) {
    this.url = store.url;
    this.#store = store;
    this.#schedule = schedule;
  }

  put(path: string, bytes: Uint8Array, options?: { readonly ifAbsent?: boolean }): Promise<boolean> {
    return this.#call('put', path, async () => {
      const isNew = (await this.#store.stat(path)) === null;
      const written = await this.#store.put(path, bytes, options);
      if (isNew && written && !this.#deleted.delete(path)) this.#added.add(path);
      return written;
    });
  }

  async get(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    let fault: Fault | null = null;
    const bytes = await this.#call('get', path, (drawn) => {
      fault = drawn;
      return this.#store.get(path, range);
    });
    return spoil(bytes, fault);
  }

  stat(path: string): Promise<ObjectInfo | null> {
    return this.#call('stat', path, () => this.#store.stat(path));
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const fault = this.#draw('list', prefix);
    if (fault?.kind === 'before') throw failure(fault, 'list', prefix);
    const infos: ObjectInfo[] = [];
    for await (const info of this.#store.list(prefix)) infos.push(info);
    if (fault?.kind === 'halfway') {
      yield* infos.slice(0, Math.ceil(infos.length / 2));
      throw failure(fault, 'list', prefix);
    }
    if (fault?.kind === 'truncated') {
      yield* infos.slice(0, Math.floor(infos.length / 2));
      return;
    }
    if (fault?.kind === 'stale') {
      yield* infos.filter((info) => !this.#added.has(info.path));
      yield* [...this.#deleted.values()].filter((info) => info.path.startsWith(prefix));
      return;
    }
    this.#added.clear();
    this.#deleted.clear();
    yield* infos;
    if (fault?.kind === 'after') throw failure(fault, 'list', prefix);
  }

  delete(path: string): Promise<void> {
    return this.#call('delete', path, async () => {
      const info = await this.#store.stat(path);
      await this.#store.delete(path);
      if (info !== null && !this.#added.delete(path)) this.#deleted.set(path, info);
    });
  }

  #draw(operation: StoreCall['operation'], path: string): Fault | null {
    return this.#schedule({ index: this.#calls++, operation, path });
  }

  async #call<T>(
    operation: StoreCall['operation'],
    path: string,
    effect: (fault: Fault | null) => Promise<T>,
  ): Promise<T> {
    const fault = this.#draw(operation, path);
    if (fault?.kind === 'before' || fault?.kind === 'halfway') throw failure(fault, operation, path);
    const result = await effect(fault);
    if (fault?.kind === 'after') throw failure(fault, operation, path);
    return result;
  }
}

function spoil(bytes: Uint8Array, fault: Fault | null): Uint8Array {
  if (fault?.kind === 'short') return bytes.subarray(0, -1);
  if (fault?.kind !== 'flipped') return bytes;
  const spoilt = Uint8Array.from(bytes);
  const middle = spoilt.length >> 1;
  const byte = spoilt[middle];
  if (byte !== undefined) spoilt[middle] = byte ^ 1;
  return spoilt;
}

function failure(fault: { readonly kind: string; readonly code?: ErrorCode }, operation: string, path: string) {
  const message = `injected: ${operation} of ${JSON.stringify(path)} failed (${fault.kind})`;
  return new CofreError(fault.code ?? 'storage/unavailable', message);
}
