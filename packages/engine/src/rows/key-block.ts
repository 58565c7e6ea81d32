import { assert } from '@cofre/contracts';
import { columnEnd } from './keys.ts';
import type { RowLayout } from './layout.ts';

/**
 * What a `keys` block holds: one line for each row, its key columns as they lie in the row. Where the key is one integer
 * column, only the first line is the key itself; the others are the difference to the line before. Most keys are drawn
 * from a sequence, so this costs next to nothing, where the keys themselves cost a fiftieth of the rows.
 */
export function isIntegerKey(layout: RowLayout): boolean {
  return layout.key.length === 1 && layout.key[0]?.order === 'integer';
}

/** The keys of a `keys` block as lines of COPY text. */
export function decodeKeys(layout: RowLayout, block: Buffer): Buffer {
  if (!isIntegerKey(layout) || block.length === 0) return block;
  const differences = block.toString('latin1').split('\n');
  assert(differences.pop() === '', 'every key of a block ends its line');
  let key = 0n;
  return Buffer.from(differences.map((difference) => `${(key += BigInt(difference))}\n`).join(''), 'latin1');
}

const MINUS = 0x2d;
const ZERO = 0x30;
const BASE = 1_000_000_000;
/** Differences of this many times `BASE` are exact as doubles. */
const HIGH_STEP_MAX = 9_000_000;

/**
 * A 64-bit integer that is read from COPY text, as `high · 10⁹ + low` with the sign on both: two doubles that are exact,
 * many times faster than a BigInt for each row.
 */
export class IntegerKey {
  /** Sign, 19 digits, newline; a difference has up to 20 digits. */
  static readonly LINE_BYTES_MAX = 24;
  #high = 0;
  #low = 0;
  #highBefore = 0;
  #lowBefore = 0;

  clone(): IntegerKey {
    const copy = new IntegerKey();
    copy.#high = this.#high;
    copy.#low = this.#low;
    return copy;
  }

  /** Reads the next key; gives the sign of (key before − this key). */
  advance(bytes: Buffer, start: number): number {
    this.#highBefore = this.#high;
    this.#lowBefore = this.#low;
    const end = columnEnd(bytes, start);
    const negative = bytes[start] === MINUS;
    const digits = negative ? start + 1 : start;
    const split = Math.max(digits, end - 9);
    const sign = negative ? -1 : 1;
    this.#high = sign * readDigits(bytes, digits, split);
    this.#low = sign * readDigits(bytes, split, end);
    return this.#highBefore - this.#high || this.#lowBefore - this.#low;
  }

  /** Writes the key and a newline; gives where they end. */
  writeWhole(target: Buffer, at: number): number {
    return at + target.write(`${this.#value()}\n`, at, 'latin1');
  }

  /** Writes the difference to the key before and a newline; gives where they end. */
  writeStep(target: Buffer, at: number): number {
    const high = this.#high - this.#highBefore;
    if (high > HIGH_STEP_MAX) {
      const step = BigInt(high) * BigInt(BASE) + BigInt(this.#low - this.#lowBefore);
      return at + target.write(`${step}\n`, at, 'latin1');
    }
    let step = high * BASE + (this.#low - this.#lowBefore);
    let end = at + 1;
    for (let rest = step; rest >= 10; rest = Math.floor(rest / 10)) end++;
    target[end] = 0x0a;
    for (let place = end - 1; place >= at; place--) {
      target[place] = ZERO + (step % 10);
      step = Math.floor(step / 10);
    }
    return end + 1;
  }

  /** This key and a difference, as text. */
  plus(difference: string): string {
    return String(this.#value() + BigInt(difference));
  }

  #value(): bigint {
    return BigInt(this.#high) * BigInt(BASE) + BigInt(this.#low);
  }
}

function readDigits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] ?? ZERO) - ZERO;
  return value;
}
