import { createHash } from 'node:crypto';
import type { PlanId } from '@cofre/contracts';
import {
  type Clock,
  fingerprintPlan,
  type Manifest,
  type ManifestTable,
  PLAN_LIFETIME_MS,
  type PlanTable,
  type RestorePlan,
  type SnapshotFacts,
} from '@cofre/engine';
import { printTable } from '../session/quote.ts';
import type { Assessment, DraftTable } from './assess-plan.ts';
import type { Conflict, Drift } from './restore-table.ts';

/** One table of a plan in the making. */
export interface Drafted {
  readonly stored: ManifestTable;
  readonly drift: readonly Drift[];
  readonly conflicts: readonly Conflict[];
  /** null: its rows could not be compared, and a conflict says why. */
  readonly draft: DraftTable | null;
}

/** A table of which nothing is written. */
export function emptyTable(stored: ManifestTable): PlanTable {
  const { schema, name, key } = stored;
  return {
    schema,
    name,
    columns: stored.columns.map((column) => column.name),
    key,
    fingerprint: '',
    inserts: 0,
    updates: 0,
    deletes: 0,
    unchanged: 0,
    kept: 0,
    conflicts: [],
    pages: [],
    operationsHash: createHash('sha256').digest('hex'),
    wholeRanges: [],
  };
}

export interface Composition {
  readonly manifest: Manifest;
  readonly planId: PlanId;
  readonly clock: Clock;
  readonly snapshot: SnapshotFacts;
  /** In the order of the plan. */
  readonly drafted: readonly Drafted[];
  readonly assessment: Assessment;
  readonly warnings?: readonly string[];
}

/** Puts together what was found. A plan with any conflict is not applicable. */
export function composePlan(
  composition: Composition,
  what: Pick<RestorePlan, 'purpose' | 'mode' | 'selection'>,
): RestorePlan {
  const { manifest, planId, clock, snapshot, drafted, assessment, warnings = [] } = composition;
  const tables = drafted.map(({ stored, conflicts, draft }, index): PlanTable => {
    const found = assessment.conflicts.get(index) ?? [];
    return { ...(draft?.plan ?? emptyTable(stored)), conflicts: [...conflicts, ...found] };
  });
  const now = clock.now();
  const head: Omit<RestorePlan, 'fingerprint'> = {
    format: 1,
    id: planId,
    ...what,
    backupId: manifest.backupId,
    implementation: manifest.implementation,
    createdAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + PLAN_LIFETIME_MS).toISOString(),
    snapshot,
    tables,
    collateral: [],
    triggers: assessment.triggers,
    drift: drafted.flatMap(({ drift }) => drift),
    warnings: [...warnings, ...drafted.flatMap(warningsOf)],
    applicable: tables.every((table) => table.conflicts.length === 0),
  };
  return { ...head, fingerprint: fingerprintPlan(head) };
}

function warningsOf({ stored, draft }: Drafted): string[] {
  if (draft === null) return [];
  const { plan, table } = draft;
  const name = printTable(stored);
  const warnings: string[] = [];
  if (plan.kept > 0)
    warnings.push(`${name}: ${plan.kept === 1 ? 'a row made later stays' : `${plan.kept} rows made later stay`}`);
  if (table.identity === null && plan.inserts > 0)
    warnings.push(`${name} has no key: a row that was changed comes back beside its newer version`);
  return warnings;
}
