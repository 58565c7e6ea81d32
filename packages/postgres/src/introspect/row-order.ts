import type { KeyOrder } from '@cofre/engine';
import { quoteIdentifier } from '../session/quote.ts';
import type { ColumnFacts } from './table-facts.ts';

/**
 * ORDER BY expressions by which the server sorts rows as the engine compares their COPY text (`KeyOrder`). What is
 * claimed here is tested by really sorting values of every type on the server.
 */

/** oids of built-in types; these never change between versions. */
export const TYPE = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
} as const;

const NATIVE_ORDER = new Map<number, KeyOrder>([
  [TYPE.int2, 'integer'],
  [TYPE.int4, 'integer'],
  [TYPE.int8, 'integer'],
  [TYPE.oid, 'integer'],
  [TYPE.numeric, 'numeric'],
  [TYPE.date, 'timestamp'],
  [TYPE.timestamp, 'timestamp'],
  [TYPE.timestamptz, 'timestamp'],
  // The text of these has a fixed form (hexadecimal digits, f before t) whose bytes sort as the values do.
  [TYPE.uuid, 'bytes'],
  [TYPE.bytea, 'bytes'],
  [TYPE.bool, 'bytes'],
]);

type OrderedColumn = Pick<ColumnFacts, 'name' | 'baseTypeOid'>;

export function keyOrder(column: OrderedColumn): KeyOrder {
  return NATIVE_ORDER.get(column.baseTypeOid) ?? 'bytes';
}

/** For a column that holds no NULL. */
export function keyOrderSql(column: OrderedColumn, encoding: string): (alias: string) => string {
  const quoted = quoteIdentifier(column.name);
  if (NATIVE_ORDER.has(column.baseTypeOid)) return (alias) => `${alias}.${quoted}`;
  if (column.baseTypeOid === TYPE.text || column.baseTypeOid === TYPE.varchar)
    return (alias) => byBytes(`${alias}.${quoted}`, encoding);
  // concat() writes values with their output functions, as COPY does; a cast to text would strip blanks of bpchar.
  return (alias) => byBytes(`pg_catalog.concat(${alias}.${quoted})`, encoding);
}

/** How a column of the key is compared on the server with values that are given as text, in the order of `keyOrderSql`. */
export interface KeyBound {
  /** The type of both sides in SQL, schema-qualified. */
  readonly type: string;
  /** Behind a value of that type. */
  readonly collate: string;
  readonly columnSql: (alias: string) => string;
  /** What the type reads as the value. */
  readonly text: (value: string) => string;
}

export function keyBound(column: OrderedColumn, encoding: string): KeyBound {
  const native = NATIVE_TYPE.get(column.baseTypeOid);
  const isText = native === undefined && encoding === 'UTF8';
  const type = `pg_catalog.${native ?? (isText ? 'text' : 'bytea')}`;
  const collate = isText ? ' COLLATE pg_catalog."C"' : '';
  const order = keyOrderSql(column, encoding);
  return {
    type,
    collate,
    columnSql: (alias) => `(${order(alias)})::${type}${collate}`,
    text: (value) => (native !== undefined || isText ? value : `\\x${Buffer.from(value, 'utf8').toString('hex')}`),
  };
}

const NATIVE_TYPE = new Map<number, string>(
  Object.entries(TYPE).flatMap(([name, oid]) => (NATIVE_ORDER.has(oid) ? [[oid, name] as const] : [])),
);

/** For a table with no key: every column as bytes, NULLs last. */
export function wholeRowOrderSql(columns: readonly OrderedColumn[], encoding: string): (alias: string) => string {
  return (alias) =>
    columns
      .map((column) => {
        const value = `${alias}.${quoteIdentifier(column.name)}`;
        // IS DISTINCT FROM, because `(NULL, NULL) IS NULL` holds for a composite value that COPY does not write as NULL.
        const text = `CASE WHEN ${value} IS DISTINCT FROM NULL THEN pg_catalog.concat(${value}) END`;
        return `${byBytes(text, encoding)} NULLS LAST`;
      })
      .join(', ');
}

/** The engine compares UTF-8. Only there does COLLATE "C" sort by the same bytes. */
function byBytes(text: string, encoding: string): string {
  return encoding === 'UTF8' ? `(${text}) COLLATE pg_catalog."C"` : `pg_catalog.convert_to(${text}, 'UTF8')`;
}
