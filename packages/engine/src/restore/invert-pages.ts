import type { PlanId } from '@cofre/contracts';
import { PlanPageWriter, type PlanStore, readPlanOperations, type WrittenPages } from './plan-pages.ts';
import type { PlanOperation, PlanTable } from './plan.ts';

/** What takes an operation back. */
export function invertOperation(operation: PlanOperation): PlanOperation {
  switch (operation.op) {
    case 'insert':
      return { op: 'delete', before: operation.after };
    case 'delete':
      return { op: 'insert', after: operation.before };
    case 'update':
      return { op: 'update', before: operation.after, after: operation.before };
  }
}

/** Writes pages that take back those of `table`, for the plan `into`, where it has the same place. */
export async function invertPages(
  store: PlanStore,
  table: PlanTable,
  into: { readonly plan: PlanId; readonly tableIndex: number },
): Promise<WrittenPages> {
  const writer = new PlanPageWriter(store, into.plan, into.tableIndex);
  for await (const operation of readPlanOperations(store, table)) await writer.write(invertOperation(operation));
  return writer.finish();
}
