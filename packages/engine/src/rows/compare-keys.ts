import { keyLinesOf, lineEnd } from './apply-deltas.ts';
import { compareKeysAt, type KeyPlace } from './keys.ts';
import type { RowLayout } from './layout.ts';

export interface KeyDifference {
  /** Key lines of the left that the right has not. */
  readonly removed: Buffer;
  readonly removedCount: number;
  /** How many keys of the right the left has not. */
  readonly addedCount: number;
}

/**
 * Compares two lists of lines by their keys. Both must be in strictly rising order of the key; null where the right one,
 * which comes from a database, is not.
 */
export function compareKeyLists(layout: RowLayout, left: Buffer, right: Buffer): KeyDifference | null {
  const removed: Buffer[] = [];
  let removedCount = 0;
  let addedCount = 0;
  const before: KeyPlace = { bytes: left, start: 0 };
  const now: KeyPlace = { bytes: right, start: 0 };
  while (before.start < left.length || now.start < right.length) {
    const sign = signOf(layout, before, now);
    if (sign < 0) {
      const end = lineEnd(left, before.start);
      removed.push(left.subarray(before.start, end));
      removedCount++;
      before.start = end;
      continue;
    }
    if (sign > 0) addedCount++;
    else before.start = lineEnd(left, before.start);
    const next = lineEnd(right, now.start);
    if (next < right.length && compareKeysAt(layout, now, { bytes: right, start: next }) >= 0) return null;
    now.start = next;
  }
  return { removed: keyLinesOf(layout, Buffer.concat(removed)), removedCount, addedCount };
}

/** The end of a list comes after everything. */
function signOf(layout: RowLayout, left: KeyPlace, right: KeyPlace): number {
  if (left.start >= left.bytes.length) return 1;
  if (right.start >= right.bytes.length) return -1;
  return compareKeysAt(layout, left, right);
}
