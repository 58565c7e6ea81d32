/**
 * How the rows of one table lie in its blocks: lines of COPY text (each ends with one `\n`), the key columns first,
 * in the order of the key. The key of a row is therefore a prefix of its line.
 */
export interface RowLayout {
  /** Stored columns in stored order; `key` is their beginning. */
  readonly columns: readonly string[];
  /** Empty: the table has no key. Its rows are a multiset, ordered by all columns as `bytes`, NULLs last. */
  readonly key: readonly KeyColumn[];
}

export interface KeyColumn {
  readonly name: string;
  readonly order: KeyOrder;
}

/**
 * How two values of a key column compare. PostgreSQL orders the stream by the same rule, and capture checks row by row
 * that it did:
 * - `integer`: int2, int4, int8, oid.
 * - `numeric`: numeric; equal whatever the scale; NaN is greatest, infinities where they belong.
 * - `timestamp`: date, timestamp, timestamptz in ISO style; `-infinity` < BC < AD < `infinity`.
 * - `bytes`: everything else, by the bytes of its unescaped text (for text: COLLATE "C").
 */
export type KeyOrder = 'integer' | 'numeric' | 'timestamp' | 'bytes';

/**
 * Whole lines in key order. In a stream of batches the bytes of one are valid until the next is asked for: whoever keeps a
 * line copies it. Line `i` is `bytes[i === 0 ? 0 : ends[i - 1], ends[i])`, its newline included.
 */
export interface RowBatch {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
}
