import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '../ranges/buffer-pool.ts';
import { gatherKeys } from '../ranges/gather-keys.ts';
import { decodeKeys } from './key-block.ts';
import type { RowLayout } from './layout.ts';

const layout: RowLayout = { columns: ['id'], key: [{ name: 'id', order: 'integer' }] };
const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const near = fc.bigInt({ min: -20n, max: 20n });
const rising = fc
  .array(fc.oneof(int8, near), { minLength: 1, maxLength: 30 })
  .map((keys) => [...new Set(keys)].toSorted((a, b) => (a < b ? -1 : 1)));
const linesOf = (keys: readonly bigint[]): string => keys.map((key) => `${key}\n`).join('');

describe('a keys block of one integer column', () => {
  it('gives back any rising keys of 64 bits', () => {
    fc.assert(
      fc.property(rising, (keys) => {
        const gathered = gatherKeys(layout, new BufferPool());
        for (const key of keys) expect(gathered.add(Buffer.from(`${key}\n`), 0)).toBe(true);
        expect(decodeKeys(layout, gathered.detach(null) ?? Buffer.alloc(0)).toString()).toBe(linesOf(keys));
      }),
    );
  });

  it('may be cut at any key: what follows begins anew', () => {
    fc.assert(
      fc.property(rising, fc.nat(), (keys, seed) => {
        const at = seed % keys.length;
        const gathered = gatherKeys(layout, new BufferPool());
        for (const key of keys.slice(0, at + 1)) gathered.add(Buffer.from(`${key}\n`), 0);
        const mark = gathered.mark();
        for (const key of keys.slice(at + 1)) gathered.add(Buffer.from(`${key}\n`), 0);
        const parts = [gathered.detach(mark), gathered.detach(null)].map((part) =>
          decodeKeys(layout, part ?? Buffer.alloc(0)),
        );
        expect(parts.map(String)).toEqual([linesOf(keys.slice(0, at + 1)), linesOf(keys.slice(at + 1))]);
      }),
    );
  });

  it('refuses a key that does not rise, also after a cut', () => {
    fc.assert(
      fc.property(int8, int8, (a, b) => {
        const gathered = gatherKeys(layout, new BufferPool());
        gathered.add(Buffer.from(`${a}\n`), 0);
        gathered.detach(null);
        expect(gathered.add(Buffer.from(`${b}\n`), 0)).toBe(b > a);
      }),
    );
  });

  it('costs two bytes a key of a sequence', () => {
    const gathered = gatherKeys(layout, new BufferPool());
    for (let key = 5_000_000_000; key < 5_000_001_000; key++) gathered.add(Buffer.from(`${key}\n`), 0);
    expect(gathered.detach(null)?.length).toBe('5000000000\n'.length + 999 * 2);
  });
});
