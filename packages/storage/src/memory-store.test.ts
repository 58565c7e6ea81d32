import { describe, expect, it } from 'vitest';
import { describeStore } from './conformance.ts';
import { MemoryStore } from './memory-store.ts';

describeStore('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, other: store, close: async () => undefined };
});

describe('MemoryStore', () => {
  it('dates objects by the clock it is given', async () => {
    const store = new MemoryStore({ clock: { now: () => new Date(5_000) } });
    await store.put('a', new Uint8Array(1));
    expect((await store.stat('a'))?.modifiedAt).toEqual(new Date(5_000));
  });
});
