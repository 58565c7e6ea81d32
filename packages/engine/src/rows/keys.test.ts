import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinLine, splitLine } from './copy-text.ts';
import { compareKeys, compareNumerics, compareTimestamps, keyOfLine } from './keys.ts';
import type { KeyOrder, RowLayout } from './layout.ts';

const layoutOf = (...orders: KeyOrder[]): RowLayout => ({
  columns: [...orders.map((_, i) => `k${i}`), 'v'],
  key: orders.map((order, i) => ({ name: `k${i}`, order })),
});

/** Text as PostgreSQL can hold it: no NUL, well-formed. */
const pgText = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
const compare = (orders: KeyOrder[], a: string[], b: string[]): number =>
  Math.sign(compareKeys(layoutOf(...orders), joinLine([...a, 'x']), joinLine([...b, 'y'])));

describe('COPY text', () => {
  it('splitLine undoes joinLine for any values', () => {
    fc.assert(
      fc.property(fc.array(fc.option(pgText), { minLength: 1 }), (values) => {
        expect(splitLine(joinLine(values))).toEqual(values);
      }),
    );
  });

  it('tells the text \\N from NULL', () => {
    expect(splitLine(joinLine(['\\N', null]))).toEqual(['\\N', null]);
    expect(joinLine(['\\N', null]).toString()).toBe('\\\\N\t\\N\n');
  });
});

describe('key order', () => {
  it('integers compare like numbers, whatever their size', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (a, b) => {
          expect(compare(['integer'], [`${a}`], [`${b}`])).toBe(a < b ? -1 : Number(a > b));
        },
      ),
    );
    expect(compare(['integer'], ['-5'], ['-12'])).toBe(1);
    expect(compare(['integer'], ['0'], ['-1'])).toBe(1);
  });

  it('bytes compare unescaped, as COLLATE "C" does', () => {
    fc.assert(
      fc.property(pgText, pgText, (a, b) => {
        expect(compare(['bytes'], [a], [b])).toBe(Math.sign(Buffer.from(a).compare(Buffer.from(b))));
      }),
    );
    expect(compare(['bytes'], ['a\nb'], ['a[b'])).toBe(-1);
  });

  it('composite keys compare column by column', () => {
    const pair = fc.tuple(pgText, fc.integer());
    fc.assert(
      fc.property(pair, pair, ([a1, a2], [b1, b2]) => {
        const first = Math.sign(Buffer.from(a1).compare(Buffer.from(b1)));
        expect(compare(['bytes', 'integer'], [a1, `${a2}`], [b1, `${b2}`])).toBe(first || Math.sign(a2 - b2));
      }),
    );
  });

  it.each([
    ['-Infinity', '-1', -1],
    ['1', '1.0', 0],
    ['1.10', '1.1', 0],
    ['0.5', '0.45', 1],
    ['-0.5', '-0.45', -1],
    ['10', '9', 1],
    ['-10', '-9', -1],
    ['0', '0.000', 0],
    ['Infinity', '99999999999999999999', 1],
    ['NaN', 'Infinity', 1],
    ['NaN', 'NaN', 0],
    ['-Infinity', 'NaN', -1],
  ])('numeric %s against %s', (a, b, sign) => {
    expect(Math.sign(compareNumerics(a, b))).toBe(sign);
    expect(Math.sign(compareNumerics(b, a))).toBe(sign === 0 ? 0 : -sign);
  });

  it.each([
    ['-infinity', '4713-01-01 00:00:00 BC', -1],
    ['0044-03-15 BC', '0043-03-15 BC', -1],
    ['0044-03-15 BC', '0044-03-16 BC', -1],
    ['0001-12-31 BC', '0001-01-01', -1],
    ['2024-01-01 00:00:00', '2024-01-01 00:00:00.5', -1],
    ['2024-01-01 00:00:00.25+00', '2024-01-01 00:00:00.3+00', -1],
    ['9999-12-31', '10000-01-01', -1],
    ['294276-12-31 23:59:59.999999', 'infinity', -1],
    ['2024-02-29', '2024-02-29', 0],
  ])('timestamp %s against %s', (a, b, sign) => {
    expect(Math.sign(compareTimestamps(a, b))).toBe(sign);
    expect(Math.sign(compareTimestamps(b, a))).toBe(sign === 0 ? 0 : -sign);
  });

  it('in a table with no key all columns order, NULLs last', () => {
    const layout: RowLayout = { columns: ['a', 'b'], key: [] };
    expect(compareKeys(layout, joinLine(['x', null]), joinLine(['x', 'zzz']))).toBe(1);
    expect(compareKeys(layout, joinLine(['x', null]), joinLine(['x', null]))).toBe(0);
    expect(compareKeys(layout, joinLine(['\\N', '1']), joinLine([null, '1']))).toBeLessThan(0);
  });

  it('the key of a line is its prefix, without newline', () => {
    expect(keyOfLine(joinLine(['a\tb', '7', 'rest']), layoutOf('bytes', 'integer')).toString()).toBe('a\\tb\t7');
    expect(keyOfLine(joinLine(['7']), { columns: ['k'], key: [{ name: 'k', order: 'integer' }] }).toString()).toBe('7');
  });
});
