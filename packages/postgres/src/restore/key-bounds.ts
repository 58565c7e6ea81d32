import { type BoundedRange, columnEnd, unescapeColumn } from '@cofre/engine';
import type { ColumnFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier, quoteLiteral } from '../session/quote.ts';
import type { RestoreTable } from './restore-table.ts';

/** More spans than these are not worth naming: the slice is read from end to end. */
const SPANS_MAX = 32;

interface Span {
  readonly low: Buffer | null;
  readonly bound: Buffer | null;
}

/** Gathers ranges (rising) into spans of the key. Memory: a few keys, however many ranges there are. */
export class KeySpans {
  readonly #spans: Span[] = [];
  #last = Number.NaN;
  rows = 0;

  add({ index, range, low, bound }: BoundedRange): void {
    this.rows += range.rows;
    const previous = this.#spans.at(-1);
    if (previous !== undefined && index === this.#last + 1)
      this.#spans[this.#spans.length - 1] = { low: previous.low, bound };
    else if (this.#spans.length <= SPANS_MAX) this.#spans.push({ low, bound });
    this.#last = index;
  }

  /**
   * A condition over the alias `t` that holds for every row of the ranges, and for few others, by the first column of the
   * key alone. Where the server could not use it, or there is nothing to gain, it is simply true.
   */
  conditionSql(table: RestoreTable): string {
    const [first] = table.layout.key;
    const column = table.columns.find((candidate) => candidate.name === first?.name);
    // Text keys are ordered by an expression that no index has; a condition on it would only cost.
    if (column === undefined || first?.order === 'bytes' || this.#spans.length > SPANS_MAX) return 'true';
    return `(${this.#spans.map((span) => spanSql(span, column)).join(' OR ')})`;
  }
}

/** The bound itself is let in: other columns of the key may still be below. */
function spanSql({ low, bound }: Span, column: ColumnFacts): string {
  const value = `t.${quoteIdentifier(column.name)}`;
  const literal = (key: Buffer) =>
    `${quoteLiteral(unescapeColumn(key.subarray(0, columnEnd(key, 0))).toString('utf8'))}::${column.type}`;
  const conditions = [
    ...(low === null ? [] : [`${value} OPERATOR(pg_catalog.>=) ${literal(low)}`]),
    ...(bound === null ? [] : [`${value} OPERATOR(pg_catalog.<=) ${literal(bound)}`]),
  ];
  return conditions.length === 0 ? 'true' : `(${conditions.join(' AND ')})`;
}
