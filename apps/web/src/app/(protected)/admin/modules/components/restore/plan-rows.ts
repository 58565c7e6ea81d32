import type { PlanOperationKind, PlanRowsDocument } from '@cofre/contracts';

export type PlanRow = PlanRowsDocument['rows'][number];

/** Which rows are looked at. */
export interface RowsOf {
  readonly planId: string;
  readonly table: string;
  /** null: all kinds. */
  readonly kind: PlanOperationKind | null;
  /** How many there are of that kind. */
  readonly total: number;
}

/** What the server is asked for. */
export function rowsInput({ planId, table, kind }: RowsOf) {
  return { plan: planId, table, ...(kind === null ? {} : { operation: kind }) };
}

/** Columns by which people know a row, the best first. */
const NAMING = ['name', 'title', 'label', 'full_name', 'sku', 'number', 'code', 'email', 'slug', 'description'];

export interface RowName {
  readonly key: string;
  readonly name: string | null;
}

/** What a row is called: its key, and its name where it has one. */
export function rowName({ before, after }: PlanRow, keyColumns: readonly string[]): RowName {
  const values = after ?? before ?? {};
  const naming = NAMING.find((column) => !keyColumns.includes(column) && (values[column] ?? '') !== '');
  const key = keyColumns.map((column) => `${column} ${values[column] ?? ''}`).join(' · ');
  return { key, name: naming === undefined ? null : (values[naming] ?? null) };
}

/** Stamps of time change with everything else and say the least. */
const STAMP = /(^|_)(updated|modified|changed)(_|$)/;

/** Columns whose values tell most about what happens to a row, the most telling first. */
export function tellingColumns(row: PlanRow, keyColumns: readonly string[]): readonly string[] {
  if (row.op === 'update')
    return row.changed.toSorted((one, other) => Number(STAMP.test(one)) - Number(STAMP.test(other)));
  const values = row.after ?? row.before ?? {};
  const telling = Object.keys(values).filter((column) => !keyColumns.includes(column) && values[column] !== null);
  const rank = (column: string) => (STAMP.test(column) || /(^|_)(id|at)$/.test(column) ? 1 : 0);
  return telling.toSorted((one, other) => rank(one) - rank(other));
}
