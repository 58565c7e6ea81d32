import { compareKeysAt, keyEnd, type KeyPlace } from './keys.ts';
import type { RowLayout } from './layout.ts';

/** What one backup found changed in a range since the one before: both are lines in the order of the key. */
export interface Delta {
  /** Whole lines of rows that are new or changed; null: none. */
  readonly upserts: Buffer | null;
  /** Keys of rows that are gone, each a line; null: none. */
  readonly deletes: Buffer | null;
}

/** What became of one key in the end. */
interface Change extends KeyPlace {
  /** null: the row is gone. */
  readonly line: Buffer | null;
}

const NEWLINE = 0x0a;

/**
 * The lines of a range as they are after its deltas (oldest first), in the order of the key. The layout must have a key.
 * Costs one walk over the lines, however many deltas there are; `base` itself is given back where nothing changed.
 */
export function applyDeltas(layout: RowLayout, base: Buffer, deltas: readonly Delta[]): Buffer {
  const changes = lastChanges(layout, deltas);
  if (changes.length === 0) return base;
  const parts: Buffer[] = [];
  const place: KeyPlace = { bytes: base, start: 0 };
  let copied = 0;
  for (const change of changes) {
    const sign = goTo(layout, place, change);
    parts.push(base.subarray(copied, place.start));
    if (sign === 0) place.start = lineEnd(base, place.start);
    copied = place.start;
    if (change.line !== null) parts.push(change.line);
  }
  parts.push(base.subarray(copied));
  return Buffer.concat(parts);
}

/** Goes on to the first line whose key is not below the other's; gives the sign of their comparison, 1 at the end. */
function goTo(layout: RowLayout, place: KeyPlace, other: KeyPlace): number {
  for (; place.start < place.bytes.length; place.start = lineEnd(place.bytes, place.start)) {
    const sign = compareKeysAt(layout, place, other);
    if (sign >= 0) return sign;
  }
  return 1;
}

/** Keys are canonical text: two are equal exactly when their bytes are. */
function lastChanges(layout: RowLayout, deltas: readonly Delta[]): readonly Change[] {
  const changes = new Map<string, Change>();
  const note = (bytes: Buffer | null, kind: 'upserts' | 'deletes') => {
    for (let start = 0; bytes !== null && start < bytes.length; ) {
      const end = lineEnd(bytes, start);
      const key = bytes.toString('latin1', start, keyEnd(bytes, start, layout.key.length));
      changes.set(key, { bytes, start, line: kind === 'upserts' ? bytes.subarray(start, end) : null });
      start = end;
    }
  };
  for (const { upserts, deletes } of deltas) {
    note(deletes, 'deletes');
    note(upserts, 'upserts');
  }
  return [...changes.values()].sort((a, b) => compareKeysAt(layout, a, b));
}

/** What several deltas (oldest first) come to: of each key what became of it last. The layout must have a key. */
export function mergeDeltas(layout: RowLayout, deltas: readonly Delta[]): Delta {
  const changes = lastChanges(layout, deltas);
  const upserts = changes.flatMap(({ line }) => line ?? []);
  const gone = changes.flatMap(({ bytes, start, line }) =>
    line === null ? [bytes.subarray(start, lineEnd(bytes, start))] : [],
  );
  return {
    upserts: upserts.length === 0 ? null : Buffer.concat(upserts),
    deletes: gone.length === 0 ? null : Buffer.concat(gone),
  };
}

/** The lines cut behind their key columns. */
export function keyLinesOf(layout: RowLayout, lines: Buffer): Buffer {
  const keys = Buffer.allocUnsafe(lines.length);
  let length = 0;
  for (let start = 0; start < lines.length; start = lineEnd(lines, start)) {
    length += lines.copy(keys, length, start, keyEnd(lines, start, layout.key.length));
    keys[length++] = NEWLINE;
  }
  return keys.subarray(0, length);
}

/** Behind the newline of the line that starts there. */
export function lineEnd(bytes: Buffer, start: number): number {
  const newline = bytes.indexOf(NEWLINE, start);
  return newline === -1 ? bytes.length : newline + 1;
}

/** How many lines there are. */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}
