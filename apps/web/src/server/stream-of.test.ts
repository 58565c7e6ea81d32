import { describe, expect, it } from 'vitest';
import { streamOf } from './stream-of.ts';

describe('the body of an answer', () => {
  /** Chunks of one byte; `log` says how far it is. */
  async function* counting(log: (number | string)[], failsAt = Number.POSITIVE_INFINITY) {
    try {
      for (let index = 0; index < 1000; index += 1) {
        if (index === failsAt) throw new Error('the repository is away');
        log.push(index);
        yield Uint8Array.of(index % 256);
      }
    } finally {
      log.push('ended');
    }
  }

  it('has every byte in its order', async () => {
    const bytes = new Uint8Array(await new Response(streamOf(counting([]))).arrayBuffer());
    expect([...bytes]).toEqual(Array.from({ length: 1000 }, (_, index) => index % 256));
  });

  it('is made as it is taken: of a reader who waits it is no further than what was asked for', async () => {
    const log: (number | string)[] = [];
    const reader = streamOf(counting(log)).getReader();
    expect(log).toEqual([]);
    await reader.read();
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([0, 1]);
  });

  it('ends the reading when the reader goes away', async () => {
    const log: (number | string)[] = [];
    const reader = streamOf(counting(log)).getReader();
    await reader.read();
    await reader.cancel();
    expect(log).toEqual([0, 'ended']);
  });

  it('breaks off where a chunk cannot be read', async () => {
    await expect(new Response(streamOf(counting([], 3))).arrayBuffer()).rejects.toThrow('the repository is away');
  });
});
