import { joinLine, splitLine } from '@cofre/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findChangedColumns } from './stage-operations.ts';

describe('the columns that an update changes', () => {
  it('are those whose values differ, whatever they hold', () => {
    const value = fc.oneof(
      fc.constant(null),
      fc.constantFrom('', 'a', 'ab', 'a\tb', '\\N', '\n', 'ü'),
      fc.string({ maxLength: 3 }),
    );
    const rows = fc.integer({ min: 1, max: 6 }).chain((width) => {
      const row = fc.array(value, { minLength: width, maxLength: width });
      return fc.tuple(row, row);
    });
    fc.assert(
      fc.property(rows, ([before, after]) => {
        fc.pre([...before, ...after].every((text) => text === null || !text.includes('\0')));
        const places: number[] = [7];
        const [left, right] = [joinLine(before), joinLine(after)];
        findChangedColumns(left, right, places);
        const expected = before.flatMap((text, place) => (text === after[place] ? [] : [place]));
        expect(places).toEqual(expected);
        expect(splitLine(left)).toEqual(before);
      }),
    );
  });
});
