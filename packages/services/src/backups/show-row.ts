import type { PlanRow } from '@cofre/contracts';
import { splitLine } from '@cofre/engine';

/** What stands in place of a secret value that is not NULL. */
export const MASK = '••••••';

/** How the lines of one table are to be shown. */
export interface ShownColumns {
  /** In the order of the lines. */
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly secret: ReadonlySet<string>;
}

export type ShownRow = Record<string, string | null>;

export function shownRow(shown: ShownColumns, line: Buffer): ShownRow {
  return maskedRow(shown, splitLine(line));
}

export function maskedRow({ columns, secret }: ShownColumns, values: readonly (string | null)[]): ShownRow {
  const entries = columns.map((name, index) => {
    const value = values[index] ?? null;
    return [name, secret.has(name) && value !== null ? MASK : value] as const;
  });
  return Object.fromEntries(entries);
}

/** A row's fate as people see it: whole where it comes or goes, only what differs where it changes. Secrets are masked. */
export function shownChange(
  shown: ShownColumns,
  lines: { readonly before: Buffer | null; readonly after: Buffer | null },
): PlanRow {
  const before = lines.before === null ? null : splitLine(lines.before);
  const after = lines.after === null ? null : splitLine(lines.after);
  const whole = maskedRow(shown, after ?? before ?? []);
  const key = Object.fromEntries(shown.key.map((name) => [name, whole[name] ?? null]));
  if (before === null || after === null) {
    const op = before === null ? 'insert' : 'delete';
    return { op, key, before: before && maskedRow(shown, before), after: after && maskedRow(shown, after) };
  }
  const differs = new Set(shown.columns.filter((_, index) => before[index] !== after[index]));
  const only = (row: ShownRow) => Object.fromEntries(Object.entries(row).filter(([name]) => differs.has(name)));
  return { op: 'update', key, before: only(maskedRow(shown, before)), after: only(maskedRow(shown, after)) };
}
