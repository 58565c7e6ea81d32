import { assert, type PlanId, type RestoreId } from '@cofre/contracts';
import {
  type Clock,
  invertPages,
  type Manifest,
  type PlanTable,
  type Repository,
  type RestorePlan,
  savePlan,
} from '@cofre/engine';
import type pg from 'pg';
import type { Slice } from '../definition/slice.ts';
import { readServerFacts } from '../introspect/server-facts.ts';
import { printTable } from '../session/quote.ts';
import type { Database } from '../session/types.ts';
import { assessPlan, fingerprintTable } from './assess-plan.ts';
import { composePlan, type Drafted, emptyTable } from './compose-plan.ts';
import { withLockedSnapshot } from './locked-snapshot.ts';
import { matchTable } from './match-table.ts';
import { translating } from './plan-restore.ts';

export interface UndoOptions {
  readonly database: Database;
  readonly repository: Repository;
  /** The plan that was applied, and the manifest of its backup: rows of whole ranges lie there. */
  readonly plan: RestorePlan;
  readonly manifest: Manifest;
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  /** Of the plan to be made. */
  readonly planId: PlanId;
  readonly undoOf: RestoreId;
  readonly clock: Clock;
  readonly lockTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the plan that takes an applied one back: what was inserted is deleted, what was updated gets its old values. Applying
 * it finds every row as the restore wrote it, or changes nothing (`plan/stale`).
 */
export async function planUndo(options: UndoOptions): Promise<RestorePlan> {
  const { repository, manifest, planId, clock, undoOf } = options;
  assert(options.plan.purpose.kind === 'restore', 'what is undone is a restore');
  return translating('planning the undo', options.signal, () =>
    withLockedSnapshot(options, async ({ client, slice, snapshot }) => {
      const { encoding } = await readServerFacts(client);
      const drafted: Drafted[] = [];
      for (const index of options.plan.tables.keys())
        drafted.push(await draftTable(options, { slice, encoding }, index));
      const drafts = drafted.flatMap(({ draft }) => draft ?? []);
      const assessment = await assessPlan({ client, repository, drafts, isUndo: true, salt: planId });
      const { mode, selection } = options.plan;
      const composition = { manifest, planId, clock, snapshot, drafted, assessment };
      const plan = composePlan(composition, { purpose: { kind: 'undo', undoOf }, mode, selection });
      await savePlan(repository, plan);
      return plan;
    }),
  );
}

async function draftTable(
  options: UndoOptions,
  { slice, encoding }: { readonly slice: Slice; readonly encoding: string },
  index: number,
): Promise<Drafted> {
  const applied = options.plan.tables[index];
  assert(applied !== undefined, 'the table is one of the plan');
  const same = (table: { readonly schema: string; readonly name: string }) =>
    table.schema === applied.schema && table.name === applied.name;
  const stored = options.manifest.tables.find(same);
  assert(stored !== undefined, 'a plan has no table that its backup has not');
  const base = { stored, drift: [], conflicts: [] };
  if (applied.inserts + applied.updates + applied.deletes === 0) return { ...base, draft: null };
  const live = slice.tables.find(({ facts }) => same(facts));
  const { table } = live === undefined ? { table: null } : matchTable({ index, stored, live, encoding });
  if (live === undefined || table === null || table.layout.columns.join('\n') !== applied.columns.join('\n')) {
    const detail = `${printTable(stored)} has other columns or another key than when it was restored`;
    return { ...base, conflicts: [{ kind: 'drift', count: 1, detail }], draft: null };
  }
  const written = await invertPages(options.repository, applied, { plan: options.planId, tableIndex: index });
  const plan: PlanTable = {
    ...emptyTable(stored),
    ...written,
    columns: applied.columns,
    fingerprint: fingerprintTable(live),
    inserts: applied.deletes,
    deletes: applied.inserts,
    unchanged: applied.unchanged,
    wholeRanges: applied.wholeRanges,
  };
  return { ...base, draft: { table, plan } };
}
