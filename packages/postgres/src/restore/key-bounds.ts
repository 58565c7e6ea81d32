import { columnEnd, unescapeColumn } from '@cofre/engine';
import type { ColumnFacts } from '../introspect/table-facts.ts';
import { quoteIdentifier, quoteLiteral } from '../session/quote.ts';
import type { BoundedRange } from './range-bounds.ts';
import type { RestoreTable } from './restore-table.ts';

/** More spans than these are not worth naming: the slice is read from end to end. */
const SPANS_MAX = 32;

/**
 * A condition over the alias `t` that holds for every row of these ranges, and for few others, by the first column of the key
 * alone. Where the server could not use it, or there is nothing to gain, it is simply true.
 */
export function rangesConditionSql(table: RestoreTable, ranges: readonly BoundedRange[]): string {
  const [first] = table.layout.key;
  const column = table.columns.find((candidate) => candidate.name === first?.name);
  const spans = mergeSpans(ranges);
  // Text keys are ordered by an expression that no index has; a condition on it would only cost.
  if (column === undefined || first?.order === 'bytes' || spans.length > SPANS_MAX) return 'true';
  return `(${spans.map((span) => spanSql(span, column)).join(' OR ')})`;
}

interface Span {
  readonly low: Buffer | null;
  readonly bound: Buffer | null;
}

/** Ranges that lie side by side, as one. */
function mergeSpans(ranges: readonly BoundedRange[]): Span[] {
  const spans: Span[] = [];
  let last: BoundedRange | null = null;
  for (const range of ranges) {
    const previous = spans.at(-1);
    if (last !== null && previous !== undefined && range.index === last.index + 1)
      spans[spans.length - 1] = { low: previous.low, bound: range.bound };
    else spans.push({ low: range.low, bound: range.bound });
    last = range;
  }
  return spans;
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
