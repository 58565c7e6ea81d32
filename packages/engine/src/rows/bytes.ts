/**
 * Compares where bytes lie, with no view of them: in Deno each view of a Buffer costs as much as comparing a row, and
 * its `Buffer.compare` refuses ranges that end behind the end of the other Buffer.
 */
export interface BytesRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** From this length on a view and the runtime's own comparison are faster than a loop. */
const LONG_BYTES = 512;

export function isSameRange(left: BytesRange, right: BytesRange): boolean {
  const length = left.end - left.start;
  if (length !== right.end - right.start) return false;
  if (length >= LONG_BYTES) return compareRanges(left, right) === 0;
  for (let at = 0; at < length; at++) {
    if (left.bytes[left.start + at] !== right.bytes[right.start + at]) return false;
  }
  return true;
}

/** Negative, zero or positive, by the bytes; of two that begin alike the shorter is less. */
export function compareRanges(left: BytesRange, right: BytesRange): number {
  const [leftLength, rightLength] = [left.end - left.start, right.end - right.start];
  const length = Math.min(leftLength, rightLength);
  if (length >= LONG_BYTES) {
    return Buffer.compare(left.bytes.subarray(left.start, left.end), right.bytes.subarray(right.start, right.end));
  }
  for (let at = 0; at < length; at++) {
    const sign = (left.bytes[left.start + at] ?? 0) - (right.bytes[right.start + at] ?? 0);
    if (sign !== 0) return sign;
  }
  return leftLength - rightLength;
}
