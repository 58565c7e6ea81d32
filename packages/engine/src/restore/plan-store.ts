import { createHash } from 'node:crypto';
import {
  backupId,
  CofreError,
  conflictKind,
  implementationRef,
  isCofreError,
  planId,
  type PlanId,
  restoreId,
  restoreMode,
} from '@cofre/contracts';
import { z } from 'zod';
import { damaged } from '../format/seal.ts';
import type { RestorePlan } from './plan.ts';
import { planFolder, type PlanStore } from './plan-pages.ts';

const count = z.int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const planTable = z.strictObject({
  schema: z.string(),
  name: z.string(),
  columns: z.array(z.string()),
  key: z.array(z.strictObject({ name: z.string(), order: z.enum(['integer', 'numeric', 'timestamp', 'bytes']) })),
  fingerprint: z.string(),
  inserts: count,
  updates: count,
  deletes: count,
  unchanged: count,
  kept: count,
  conflicts: z.array(z.strictObject({ kind: conflictKind, count, detail: z.string() })),
  pages: z.array(z.string()),
  operationsHash: hash,
  wholeRanges: z.array(count),
});

const restorePlan = z.strictObject({
  format: z.literal(1),
  id: planId,
  purpose: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('restore') }),
    z.strictObject({ kind: z.literal('undo'), undoOf: restoreId }),
  ]),
  backupId,
  implementation: implementationRef,
  mode: restoreMode,
  selection: z.strictObject({ configOnly: z.boolean(), tables: z.array(z.string()).nullable() }),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  snapshot: z.strictObject({
    xmin: z.string(),
    text: z.string(),
    takenAt: z.string(),
    serverVersionNum: count,
    systemIdentifier: z.string().nullable(),
    database: z.string(),
  }),
  fingerprint: hash,
  tables: z.array(planTable),
  collateral: z.array(z.strictObject({ table: z.string(), action: z.string(), rows: count })),
  triggers: z.array(z.strictObject({ table: z.string(), trigger: z.string(), fires: z.boolean() })),
  drift: z.array(z.strictObject({ table: z.string(), column: z.string(), kind: z.string(), detail: z.string() })),
  warnings: z.array(z.string()),
  applicable: z.boolean(),
});

const headPath = (id: PlanId): string => `${planFolder(id)}/plan`;

/** Written after the pages: a plan that can be read is whole. */
export async function savePlan(store: PlanStore, plan: RestorePlan): Promise<void> {
  await store.putObject(headPath(plan.id), 'plan', Buffer.from(JSON.stringify(plan), 'utf8'));
}

/** Throws `plan/not-found` where there is none, and `repository/damaged` where it is not what was saved. */
export async function readPlan(store: PlanStore, id: PlanId): Promise<RestorePlan> {
  const path = headPath(id);
  const bytes = await store.getObject(path, 'plan').catch((cause: unknown) => {
    if (!isCofreError(cause, 'repository/object-missing')) throw cause;
    throw new CofreError('plan/not-found', `There is no plan ${id}. Nothing was changed.`, { cause });
  });
  const plan = parsePlan(path, bytes);
  if (plan.id !== id) throw damaged(path, 'it is another plan');
  if (plan.fingerprint !== fingerprintPlan(plan)) throw damaged(path, 'it is not what its fingerprint was made of');
  return plan;
}

function parsePlan(path: string, bytes: Buffer): RestorePlan {
  try {
    return restorePlan.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw damaged(path, 'it opens, but holds no plan', cause);
  }
}

/**
 * Hex SHA-256 over all that a person agrees to who applies the plan: what is written, where, and what was found. Two plans
 * with one fingerprint do the same, whenever they were made and wherever their pages lie.
 */
export function fingerprintPlan(plan: Omit<RestorePlan, 'fingerprint'>): string {
  const { purpose, backupId, implementation, mode, selection } = plan;
  const { collateral, triggers, drift, warnings, applicable } = plan;
  const tables = plan.tables.map(({ pages: _, ...table }) => sorted(table));
  const told = { collateral, triggers, drift, warnings, applicable };
  const all = sorted({ purpose, backupId, implementation, mode, selection, tables, ...told });
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** The same value with the names of all objects in order, so that equal values give equal JSON. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}
