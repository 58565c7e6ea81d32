import { assert, unreachable } from '@cofre/contracts';
import { type BytesRange, compareRanges } from './bytes.ts';
import { unescapeColumn } from './copy-text.ts';
import type { KeyOrder, RowLayout } from './layout.ts';

/**
 * Keys are compared where they lie, as bytes of COPY text, without decoding a row. These orders are PostgreSQL's own
 * for the types that use them (`KeyOrder`); capture checks row by row that the server agrees.
 */
const TAB = 0x09;
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;

/** Where the column that starts at `start` ends: at its tab, its newline, or the end of the bytes. */
export function columnEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  const length = bytes.length;
  while (at < length) {
    const byte = bytes[at];
    if (byte === TAB || byte === NEWLINE) break;
    at++;
  }
  return at;
}

/** Where the key of the line that starts at `start` ends (exclusive, no tab or newline); `columns` of it, at least one. */
export function keyEnd(bytes: Uint8Array, start: number, columns: number): number {
  let end = columnEnd(bytes, start);
  for (let column = 1; column < columns; column++) end = columnEnd(bytes, end + 1);
  return end;
}

/** How many leading columns order a line: those of the key, or all where the table has none. */
export function orderingColumns(layout: RowLayout): number {
  return layout.key.length === 0 ? layout.columns.length : layout.key.length;
}

/** The key of a line: a prefix of it, no newline. The whole line where the table has no key. */
export function keyOfLine(line: Buffer, layout: RowLayout): Buffer {
  return line.subarray(0, keyEnd(line, 0, orderingColumns(layout)));
}

/** Compares two keys (or whole lines) of one table; negative, zero or positive. */
export function compareKeys(layout: RowLayout, left: Buffer, right: Buffer): number {
  return compareKeysAt(layout, { bytes: left, start: 0 }, { bytes: right, start: 0 });
}

export interface KeyPlace {
  bytes: Buffer;
  start: number;
}

export function compareKeysAt(layout: RowLayout, left: KeyPlace, right: KeyPlace): number {
  let leftStart = left.start;
  let rightStart = right.start;
  const columns = orderingColumns(layout);
  for (let column = 0; column < columns; column++) {
    const leftEnd = columnEnd(left.bytes, leftStart);
    const rightEnd = columnEnd(right.bytes, rightStart);
    const order = layout.key[column]?.order ?? 'bytes';
    const sign = compareColumn(order, left.bytes, leftStart, leftEnd, right.bytes, rightStart, rightEnd);
    if (sign !== 0) return sign;
    leftStart = leftEnd + 1;
    rightStart = rightEnd + 1;
  }
  return 0;
}

// Six positions instead of two slices: this runs once per row, and a slice is an allocation.
// oxlint-disable-next-line max-params
function compareColumn(
  order: KeyOrder,
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
): number {
  switch (order) {
    case 'integer':
      return compareIntegers(a, aStart, aEnd, b, bStart, bEnd);
    case 'bytes':
      return compareBytes(a, aStart, aEnd, b, bStart, bEnd);
    case 'numeric':
      return compareNumerics(a.toString('latin1', aStart, aEnd), b.toString('latin1', bStart, bEnd));
    case 'timestamp':
      return compareTimestamps(a.toString('latin1', aStart, aEnd), b.toString('latin1', bStart, bEnd));
    default:
      return unreachable(order);
  }
}

/** Canonical decimal integers of any size: by sign, then by number of digits, then by digits. */
// oxlint-disable-next-line max-params
function compareIntegers(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  const aNegative = a[aStart] === MINUS;
  const bNegative = b[bStart] === MINUS;
  if (aNegative !== bNegative) return aNegative ? -1 : 1;
  let sign = aEnd - aStart - (bEnd - bStart);
  for (let i = 0; sign === 0 && aStart + i < aEnd; i++) sign = (a[aStart + i] ?? 0) - (b[bStart + i] ?? 0);
  return aNegative ? -sign : sign;
}

/** Unescaped bytes; NULL (only in tables with no key) comes last. */
// oxlint-disable-next-line max-params
function compareBytes(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  const [left, right] = [
    { bytes: a, start: aStart, end: aEnd },
    { bytes: b, start: bStart, end: bEnd },
  ];
  if (!isEscaped(left) && !isEscaped(right)) return compareRanges(left, right);
  const aNull = isNull(a, aStart, aEnd);
  const bNull = isNull(b, bStart, bEnd);
  if (aNull || bNull) return Number(aNull) - Number(bNull);
  return unescapeColumn(a.subarray(aStart, aEnd)).compare(unescapeColumn(b.subarray(bStart, bEnd)));
}

function isEscaped({ bytes, start, end }: BytesRange): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function isNull(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === 0x4e;
}

const NUMERIC = /^(-?)(\d+)(?:\.(\d+))?$/;
const NUMERIC_SPECIAL: Readonly<Record<string, number>> = { '-Infinity': -2, Infinity: 2, NaN: 3 };

/** PostgreSQL's numeric: -Infinity < numbers < Infinity < NaN; equal whatever the scale. */
export function compareNumerics(a: string, b: string): number {
  const rank = (NUMERIC_SPECIAL[a] ?? 0) - (NUMERIC_SPECIAL[b] ?? 0);
  if (rank !== 0 || a in NUMERIC_SPECIAL) return rank;
  const left = parseNumeric(a);
  const right = parseNumeric(b);
  if (left.negative !== right.negative) return left.negative ? -1 : 1;
  const magnitude =
    left.whole.length - right.whole.length ||
    compareText(left.whole, right.whole) ||
    compareText(left.fraction, right.fraction);
  return left.negative ? -magnitude : magnitude;
}

function parseNumeric(text: string): { negative: boolean; whole: string; fraction: string } {
  const match = NUMERIC.exec(text);
  assert(match, 'a numeric key is a decimal number');
  const whole = (match[2] ?? '').replace(/^0+/, '');
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  return { negative: match[1] === '-' && (whole !== '' || fraction !== ''), whole, fraction };
}

const TIMESTAMP = /^(\d+)-(\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?)(?:\+00)?( BC)?$/;
const TIMESTAMP_SPECIAL: Readonly<Record<string, number>> = { '-infinity': -1, infinity: 1 };

/** Dates and timestamps in ISO style and UTC. Fractions have no trailing zeros, so that text compares like time. */
export function compareTimestamps(a: string, b: string): number {
  const rank = (TIMESTAMP_SPECIAL[a] ?? 0) - (TIMESTAMP_SPECIAL[b] ?? 0);
  if (rank !== 0 || a in TIMESTAMP_SPECIAL) return rank;
  const left = TIMESTAMP.exec(a);
  const right = TIMESTAMP.exec(b);
  assert(left && right, 'a timestamp key is in ISO style and UTC');
  // 1 BC is the year 0, 2 BC the year -1: years before count down, days within them up.
  const year = (match: RegExpExecArray): number => (match[3] ? 1 - Number(match[1]) : Number(match[1]));
  return year(left) - year(right) || compareText(left[2] ?? '', right[2] ?? '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
