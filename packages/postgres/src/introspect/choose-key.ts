import { quoteIdentifier } from '../session/quote.ts';
import { keyBound, keyOrder, keyOrderSql, TYPE } from './row-order.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';

/** A unique index as the catalogues have it, before anything is concluded from it. */
export interface IndexRow {
  readonly oid: number;
  readonly tableOid: number;
  readonly name: string;
  readonly method: string;
  readonly primary: boolean;
  readonly unique: boolean;
  readonly exclusion: boolean;
  readonly immediate: boolean;
  /** Valid, ready and live. */
  readonly usable: boolean;
  readonly partial: boolean;
  readonly deferrable: boolean;
  readonly nullsNotDistinct: boolean;
  readonly keys: readonly IndexKeyRow[];
}

export interface IndexKeyRow {
  /** 0: an expression. */
  readonly attnum: number;
  /** Under which two values clash; null: the access method does not say. */
  readonly operator: string | null;
  readonly inputTypeOid: number;
  /** Support function 4 of the operator class: what it says of equal values having equal bytes. */
  readonly equalImage: string | null;
  readonly collationDeterministic: boolean;
}

interface KeyColumn {
  readonly row: ColumnRow;
  readonly key: IndexKeyRow;
}

export interface ColumnRow extends ColumnFacts {
  readonly baseTypmod: number;
}

/**
 * The key that orders and identifies rows (design §3): the primary key, else the unique index with the fewest columns
 * that will do. Of those that will not, the reasons are given.
 */
export function chooseKey(
  columns: readonly ColumnRow[],
  indexes: readonly IndexRow[],
  encoding: string,
): TableFacts['key'] {
  const candidates = indexes
    .filter((index) => index.unique)
    .sort((a, b) => Number(b.primary) - Number(a.primary) || a.keys.length - b.keys.length || a.oid - b.oid);
  if (candidates.length === 0) return { none: 'it has no primary key and no unique index' };
  const reasons: string[] = [];
  for (const index of candidates) {
    const keys = index.keys.map((key): KeyColumn | null => {
      const row = columns.find((column) => column.attnum === key.attnum);
      return row === undefined ? null : { row, key };
    });
    const reason = indexFault(index) ?? keys.map(columnFault).find((fault) => fault !== null);
    if (reason === undefined) return { columns: keys.flatMap((key) => keyColumnFacts(key, encoding)) };
    reasons.push(`${index.primary ? 'primary key' : 'unique index'} ${quoteIdentifier(index.name)} ${reason}`);
  }
  return { none: reasons.join('; ') };
}

function indexFault(index: IndexRow): string | null {
  if (!index.usable) return 'is not valid';
  if (index.method !== 'btree') return `is of the access method ${index.method}`;
  if (index.partial) return 'is partial';
  // A deferrable primary key is still true of every committed row; of other constraints the design asks more.
  if (!index.immediate && !index.primary) return 'is deferrable';
  return null;
}

const ANYENUM = 3500;
/** Types whose text follows names in the catalogues; these oids never change. */
export const REG_TYPES: ReadonlySet<number> = new Set([24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191]);

function columnFault(column: KeyColumn | null): string | null {
  if (column === null) return 'is over an expression';
  const { row, key } = column;
  const name = quoteIdentifier(row.name);
  if (row.generated !== null) return `is over the generated column ${name}`;
  if (!row.notNullValidated) return `is over ${name}, which may hold NULL`;
  if (key.inputTypeOid === ANYENUM && row.typeOid !== row.baseTypeOid)
    return `is over ${name}, a domain over an enum, whose values no operator takes`;
  if (REG_TYPES.has(row.baseTypeOid)) return `is over ${name}, whose text follows names in the catalogues`;
  if (row.baseTypeOid === TYPE.bpchar && row.baseTypmod === -1)
    return `is over ${name}, a bpchar with no length: values that differ in trailing blanks are equal`;
  if (!equalMeansSameBytes(column)) return `is over ${name}: equal values of ${row.type} may differ in their bytes`;
  return null;
}

function equalMeansSameBytes({ row, key }: KeyColumn): boolean {
  if (key.operator === null) return false;
  // numeric is made canonical: its order compares values whatever their scale.
  if (row.baseTypeOid === TYPE.numeric && key.inputTypeOid === TYPE.numeric) return true;
  if (!key.collationDeterministic || !row.collationDeterministic) return false;
  return key.equalImage === 'btequalimage' || key.equalImage === 'btvarstrequalimage';
}

function keyColumnFacts(column: KeyColumn | null, encoding: string) {
  if (column?.key.operator == null) return [];
  const { row } = column;
  return [
    {
      name: row.name,
      order: keyOrder(row),
      orderSql: keyOrderSql(row, encoding),
      bound: keyBound(row, encoding),
      equalsSql: column.key.operator,
    },
  ];
}
