import { assert, CofreError } from '@cofre/contracts';
import type { Manifest, Repository, RestorePlan } from '@cofre/engine';
import type pg from 'pg';
import type { Slice } from '../definition/slice.ts';
import { readServerFacts } from '../introspect/server-facts.ts';
import { printTable } from '../session/quote.ts';
import { useApplicationPath } from '../session/pin-session.ts';
import { fingerprintTable, misfit } from './assess-plan.ts';
import { matchTable } from './match-table.ts';
import type { RestoreTable } from './restore-table.ts';
import { checkSideEffects, readChangeCounts } from './side-effects.ts';
import { type StagedTable, stageOperations, type StageInput } from './stage-operations.ts';
import { stale } from './stale.ts';

/** A table of the plan with something to do, its operations staged in this session. */
export type StagedPlanTable = StageInput & { readonly staged: StagedTable };

export interface StagePlanInput {
  readonly repository: Repository;
  readonly plan: RestorePlan;
  readonly manifest: Manifest;
  readonly slice: Slice;
}

/**
 * Copies all operations to the server, before anything is locked: the staged rows live as long as the session, so that an
 * attempt which must be repeated need not send them again, and locks are held for the writing only.
 */
export async function stagePlan(client: pg.ClientBase, input: StagePlanInput): Promise<StagedPlanTable[]> {
  const { repository, plan } = input;
  const { encoding } = await readServerFacts(client);
  const inputs = matchPlan(input, encoding).map(
    ({ table, index }): StageInput => ({
      repository,
      table,
      plan: tableAt(plan, index),
      isUndo: plan.purpose.kind === 'undo',
    }),
  );
  const tables: StagedPlanTable[] = [];
  // Checks and generated columns may call functions that rely on the application's own search path.
  await client.query('BEGIN');
  await useApplicationPath(client);
  const before = await readChangeCounts(client);
  for (const one of inputs) tables.push({ ...one, staged: await stage(client, one) });
  // A check that writes somewhere would do so here already.
  checkSideEffects(before, await readChangeCounts(client), []);
  await client.query('COMMIT');
  return tables;
}

async function stage(client: pg.ClientBase, input: StageInput): Promise<StagedTable> {
  try {
    return await stageOperations(client, input);
  } catch (error) {
    const detail = misfit(error);
    throw detail === null ? error : stale(input.table.name, detail);
  }
}

function tableAt(plan: RestorePlan, index: number): RestorePlan['tables'][number] {
  const table = plan.tables[index];
  assert(table !== undefined, 'a plan has the tables that it was matched with');
  return table;
}

/** The tables of the plan that have something to do, as they are now. One that differs makes the plan stale. */
export function matchPlan(
  { plan, manifest, slice }: Omit<StagePlanInput, 'repository'>,
  encoding: string,
): { readonly table: RestoreTable; readonly index: number }[] {
  return plan.tables.flatMap((planned, index) => {
    if (planned.inserts + planned.updates + planned.deletes === 0) return [];
    const name = printTable(planned);
    const same = (table: { readonly schema: string; readonly name: string }) =>
      table.schema === planned.schema && table.name === planned.name;
    const stored = manifest.tables.find(same);
    if (stored === undefined)
      throw new CofreError(
        'plan/conflicts',
        `The plan names ${name}, which its backup does not have. Nothing was changed.`,
      );
    const live = slice.tables.find(({ facts }) => same(facts));
    if (live === undefined || fingerprintTable(live) !== planned.fingerprint)
      throw stale(name, 'its structure is another');
    const { table } = matchTable({ index, stored, live, encoding });
    if (table === null || table.layout.columns.join('\n') !== planned.columns.join('\n'))
      throw stale(name, 'its structure is another');
    return [{ table, index }];
  });
}
