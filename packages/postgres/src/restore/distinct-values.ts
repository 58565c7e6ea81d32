import { assert } from '@cofre/contracts';
import { columnEnd, type RowBatch, type RowLayout } from '@cofre/engine';

/** Values are handed on when so many, or so much, was gathered: bounds memory, whatever the rows hold. */
const VALUES_MAX = 50_000;
const VALUES_BYTES_MAX = 8 * 1024 * 1024;

/** Gathers the distinct values of a few columns from rows of COPY text, as lines of COPY text. */
export class DistinctValues {
  readonly #places: readonly number[];
  readonly #last: number;
  readonly #lines = new Set<string>();
  #bytes = 0;

  constructor(layout: RowLayout, columns: readonly string[]) {
    this.#places = columns.map((name) => layout.columns.indexOf(name));
    assert(!this.#places.includes(-1), 'values are gathered from columns that rows have');
    this.#last = Math.max(...this.#places);
  }

  get size(): number {
    return this.#lines.size;
  }

  get isFull(): boolean {
    return this.#lines.size >= VALUES_MAX || this.#bytes >= VALUES_BYTES_MAX;
  }

  /** Takes the first `rows` rows of a batch. */
  add(batch: RowBatch, rows: number): void {
    const { bytes, ends } = batch;
    let start = 0;
    for (let row = 0; row < rows; row++) {
      const line = this.#valuesOf(bytes, start);
      if (!this.#lines.has(line)) this.#bytes += line.length;
      this.#lines.add(line);
      start = ends[row] ?? start;
    }
  }

  /** The values as bytes of COPY text; afterwards none are held. */
  take(): Buffer[] {
    const bytes = Buffer.from([...this.#lines].join(''), 'latin1');
    this.#lines.clear();
    this.#bytes = 0;
    return [bytes];
  }

  #valuesOf(bytes: Buffer, lineStart: number): string {
    const values: string[] = [];
    let start = lineStart;
    for (let place = 0; place <= this.#last; place++) {
      const end = columnEnd(bytes, start);
      const at = this.#places.indexOf(place);
      if (at !== -1) values[at] = bytes.toString('latin1', start, end);
      start = end + 1;
    }
    return `${values.join('\t')}\n`;
  }
}
