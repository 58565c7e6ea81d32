import type { PlanDocument, PlanTableDocument } from '@cofre/contracts';

export type PlanCounts = Pick<PlanTableDocument, 'inserts' | 'updates' | 'deletes' | 'kept'>;

/** A plan's counts over all of its tables. */
export function totalsOf({ tables }: Pick<PlanDocument, 'tables'>): PlanCounts {
  const sum = (name: keyof PlanCounts) => tables.reduce((total, table) => total + table[name], 0);
  return { inserts: sum('inserts'), updates: sum('updates'), deletes: sum('deletes'), kept: sum('kept') };
}

export function isTouched({ inserts, updates, deletes }: Omit<PlanCounts, 'kept'>): boolean {
  return inserts + updates + deletes > 0;
}
