import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BytesRange, compareRanges, isSameRange } from './bytes.ts';

/** Of few different bytes, so that ranges often begin alike; longer ones than any key, too. */
const range = fc
  .tuple(
    fc.array(fc.constantFrom(0, 9, 10, 92, 97, 128, 255), { maxLength: 12 }),
    fc.constantFrom(0, 0, 0, 511, 512, 513, 2000),
    fc.nat(5),
    fc.nat(5),
  )
  .map(([bytes, alike, before, after]): BytesRange => {
    const content = Buffer.concat([Buffer.alloc(alike, 'x'), Buffer.from(bytes)]);
    const all = Buffer.concat([Buffer.alloc(before, 7), content, Buffer.alloc(after, 8)]);
    return { bytes: all, start: before, end: before + content.length };
  });

const copyOf = ({ bytes, start, end }: BytesRange) => Buffer.from(bytes).subarray(start, end);

describe('ranges of bytes', () => {
  it('compare as their copies do, wherever they lie', () => {
    fc.assert(
      fc.property(range, range, (left, right) => {
        const [a, b] = [copyOf(left), copyOf(right)];
        expect(Math.sign(compareRanges(left, right))).toBe(Buffer.compare(a, b));
        expect(isSameRange(left, right)).toBe(a.equals(b));
        expect(isSameRange(left, { bytes: a, start: 0, end: a.length })).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
