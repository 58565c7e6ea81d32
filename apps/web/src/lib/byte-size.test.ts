import { expect, it } from 'vitest';
import { byteSize } from './byte-size.ts';

it.each([
  [0, 0, 'byte'],
  [999, 999, 'byte'],
  [1000, 1, 'kilobyte'],
  [999_949, 999.949, 'kilobyte'],
  [999_951, 0.999951, 'megabyte'],
  [12_345_678, 12.345678, 'megabyte'],
  [2e15, 2000, 'terabyte'],
])('%d bytes are %d of a unit that people read', (bytes, value, unit) => {
  expect(byteSize(bytes)).toEqual({ value: expect.closeTo(value, 6), unit });
});
