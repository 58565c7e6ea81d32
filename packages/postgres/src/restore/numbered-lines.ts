import { isSameRange, type PlanOperation, type RowBatch } from '@cofre/engine';
import { operationPages, type StageInput } from './stage-operations.ts';

/** A line of an operation, and the number under which the operation is staged. */
export interface NumberedLine {
  readonly n: number;
  readonly line: Buffer;
}

/** The lines that `pick` takes of a table's operations, a page at a time. */
export async function* numberedLines(
  input: StageInput,
  pick: (operation: PlanOperation) => Buffer | null,
): AsyncGenerator<readonly NumberedLine[], void, void> {
  let n = 0;
  for await (const page of operationPages(input)) {
    const lines: NumberedLine[] = [];
    for (const operation of page) {
      n++;
      const line = pick(operation);
      if (line !== null) lines.push({ n, line });
    }
    yield lines;
  }
}

/**
 * Compares rows as the server sends them, each with its number before it, with those that are expected: the same ones in the
 * same order, byte for byte. Tells at the first that is not as expected, and does not read on.
 */
export async function matchNumbered(
  rows: AsyncIterable<RowBatch>,
  expected: AsyncGenerator<readonly NumberedLine[], void, void>,
): Promise<'same' | 'different' | 'missing'> {
  const lines = new LineQueue(expected);
  for await (const { bytes, ends } of rows) {
    let start = 0;
    for (const end of ends) {
      const next = lines.take() ?? (await lines.refill());
      if (next === null || !isNumbered(bytes, { start, end }, next)) return 'different';
      start = end;
    }
  }
  return (lines.take() ?? (await lines.refill())) === null ? 'same' : 'missing';
}

/** Awaits only between pages. */
class LineQueue {
  readonly #pages: AsyncGenerator<readonly NumberedLine[], void, void>;
  #page: readonly NumberedLine[] = [];
  #at = 0;

  constructor(pages: AsyncGenerator<readonly NumberedLine[], void, void>) {
    this.#pages = pages;
  }

  take(): NumberedLine | null {
    return this.#page[this.#at++] ?? null;
  }

  /** The first line of the next page that has one; null: there is none. */
  async refill(): Promise<NumberedLine | null> {
    for (;;) {
      const next = await this.#pages.next();
      if (next.done === true) return null;
      this.#page = next.value;
      this.#at = 0;
      const line = this.take();
      if (line !== null) return line;
    }
  }
}

const TAB = 0x09;
const DIGIT_ZERO = 0x30;

function isNumbered(
  bytes: Buffer,
  place: { readonly start: number; readonly end: number },
  expected: NumberedLine,
): boolean {
  let at = place.start;
  let n = 0;
  for (; bytes[at] !== TAB && at < place.end; at++) n = n * 10 + (bytes[at] ?? 0) - DIGIT_ZERO;
  const promised = { bytes: expected.line, start: 0, end: expected.line.length };
  return n === expected.n && isSameRange({ bytes, start: at + 1, end: place.end }, promised);
}
