import { CofreError } from '@cofre/contracts';

/** Where a page ended: the value that its last row is sorted by, exactly as PostgreSQL writes it, and the row's id. */
export interface PageEnd {
  /** Which order the list was in; a cursor of another is refused. */
  readonly order: string;
  readonly value: string;
  readonly id: string;
}

export function encodeCursor({ order, value, id }: PageEnd): string {
  return Buffer.from(`${order} ${id} ${value}`, 'utf8').toString('base64url');
}

const CURSOR =
  /^([a-z-]{1,20}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (\d{1,19}|infinity|\d{4,6}-[-+0-9:. ]{10,34})$/;

/** Throws `usage/invalid` for what no list in this order gave. */
export function decodeCursor(cursor: string, order: string): PageEnd {
  const [, given, id, value] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  const isTime = value !== undefined && !/^(\d+|infinity)$/.test(value);
  if (given !== order || id === undefined || value === undefined || (isTime && Number.isNaN(Date.parse(value)))) {
    throw new CofreError('usage/invalid', 'The cursor is not one that this list gave. Nothing was started.');
  }
  return { order, value, id };
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** For the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

/** A page of `rows`, which were asked for with one more than the limit. */
export function pageOf<Row extends { readonly sort_value: string; readonly id: string }, Item>(
  rows: readonly Row[],
  options: { readonly order: string; readonly limit: number; readonly toItem: (row: Row) => Item },
): Page<Item> {
  const { order, limit, toItem } = options;
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isLast = rows.length <= limit || last === undefined;
  return {
    items: page.map(toItem),
    nextCursor: isLast ? null : encodeCursor({ order, value: last.sort_value, id: last.id }),
  };
}

/** The order of every list that has no other: newest first. */
export const NEWEST_FIRST = 'newest';
