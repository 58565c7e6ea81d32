import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import type { Slice } from '../definition/slice.ts';
import { useApplicationPath } from '../session/pin-session.ts';
import { fingerprintTable } from './assess-plan.ts';
import { holdParents } from './hold-parents.ts';
import { lockAndCompare } from './lock-and-compare.ts';
import { type MovedSequence, moveSequences } from './move-sequences.ts';
import { lockMultiset } from './multiset.ts';
import { type Preparation, prepareWriting } from './prepare-writing.ts';
import { readRelations, type Relations } from './relations.ts';
import type { RestoreTable } from './restore-table.ts';
import { isCounting, readRoleFacts } from './role-facts.ts';
import { checkSideEffects, readChangeCounts } from './side-effects.ts';
import type { StagedPlanTable } from './stage-plan.ts';
import { stale } from './stale.ts';
import { verifyWritten } from './verify-written.ts';
import { type Touched, writeRows } from './write-rows.ts';

/** Moments of an attempt, for tests that let something go wrong in between. */
export type ApplyStep = 'begun' | 'locked' | 'written' | 'verified' | 'checked' | 'recorded' | 'committing';

export interface AttemptInput {
  readonly client: pg.Client;
  readonly tables: readonly StagedPlanTable[];
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  readonly lockTimeoutMs: number;
  readonly salt: string;
  /** Runs in the same transaction, before anything is looked at or written; what it writes is not counted as the restore's. */
  readonly beforeWriting?: ((client: pg.ClientBase) => Promise<void>) | undefined;
  /** Runs in the same transaction, when everything else has been proven; what it writes is not counted as the restore's. */
  readonly writeEvidence?: ((client: pg.ClientBase, tables: readonly AppliedTable[]) => Promise<void>) | undefined;
  readonly onStep?: ((step: ApplyStep) => Promise<void> | void) | undefined;
  readonly onRows?: ((table: RestoreTable, rows: number, bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface AppliedTable {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface Attempted {
  readonly tables: readonly AppliedTable[];
  readonly sequences: readonly MovedSequence[];
  /** Of the transaction, by which the server tells later how it ended. */
  readonly xid: string;
}

/**
 * One READ COMMITTED transaction up to its COMMIT, which is the caller's. Until then nothing is seen by others, and whatever
 * throws here leaves the database as it was (I6).
 */
export async function attemptApply(input: AttemptInput): Promise<Attempted> {
  const { client, tables } = input;
  const step = async (name: ApplyStep) => {
    await input.onStep?.(name);
    input.signal?.throwIfAborted();
  };
  await client.query(
    `BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SET LOCAL lock_timeout = ${Math.ceil(input.lockTimeoutMs)}`,
  );
  await step('begun');
  // What the server does not count cannot be compared with what was promised.
  if (!(await isCounting(client))) await client.query('SET LOCAL track_counts = on');
  await input.beforeWriting?.(client);
  const holding = await lockEverything(input);
  await step('locked');
  const before = await readChangeCounts(client);
  const touched = await writeEverything(input, holding);
  await step('written');
  for (const table of tables) await verifyWritten({ ...table, client });
  await step('verified');
  const promised = tables.map(({ table }) => ({ table, touched: touchedOf(touched, table.index) }));
  checkSideEffects(before, await readChangeCounts(client), promised);
  const applied = tables.map((table) => appliedTable(table, touchedOf(touched, table.table.index)));
  await step('checked');
  await input.writeEvidence?.(client, applied);
  await step('recorded');
  const sequences: MovedSequence[] = [];
  for (const { staged, plan, isUndo } of tables)
    sequences.push(
      ...(await moveSequences({ client, staged, hasWholeRanges: !isUndo && plan.wholeRanges.length > 0 })),
    );
  const { rows } = await client.query<{ xid: string | null }>('SELECT pg_current_xact_id_if_assigned()::text AS xid');
  await step('committing');
  return { tables: applied, sequences, xid: rows[0]?.xid ?? '' };
}

interface Holding {
  readonly prepared: Preparation;
  readonly relations: Relations;
}

/** Structure first, then rows; what is found from here on stays as it is until the commit. */
async function lockEverything(input: AttemptInput): Promise<Holding> {
  const { client, tables, salt } = input;
  const inOneOrder = [...tables].sort((a, b) => a.table.live.facts.oid - b.table.live.facts.oid);
  for (const { table } of inOneOrder) await client.query(`LOCK TABLE ${table.live.fromSql} IN ROW EXCLUSIVE MODE`);
  const slice = await input.resolve(client);
  for (const { table, plan } of tables) {
    const live = slice.tables.find(({ facts }) => facts.oid === table.live.facts.oid);
    if (live === undefined || fingerprintTable(live) !== plan.fingerprint)
      throw stale(table.name, 'its structure is another');
  }
  for (const table of tables) {
    const lock = table.table.identity === null ? lockMultiset : lockAndCompare;
    await lock({ ...table, client });
  }
  const { canReplica } = await readRoleFacts(client);
  const relations = await readRelations(
    client,
    tables.flatMap(({ table }) => neighbourOids(table)),
  );
  const prepared = await inApplicationPath(client, () =>
    prepareWriting({ client, relations, tables: tables.map(withRanges), canReplica, salt }),
  );
  refuseConflicts(tables, prepared);
  return { prepared, relations };
}

function neighbourOids({ live }: RestoreTable): number[] {
  return [...live.facts.foreignKeys, ...live.facts.referencedBy].flatMap(({ from, to }) => [from.oid, to.oid]);
}

function withRanges({ staged, plan, isUndo }: StagedPlanTable) {
  return { staged, wholeRanges: isUndo ? [] : plan.wholeRanges, wholeRows: plan.inserts - staged.counts.inserts };
}

/** Checks, generated columns, index expressions: their functions may rely on the application's own search path. */
async function inApplicationPath<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await useApplicationPath(client);
  const result = await work();
  await client.query("SET LOCAL search_path TO ''");
  return result;
}

/** The plan found none, so these came about since. */
function refuseConflicts(tables: readonly StagedPlanTable[], { conflicts }: Preparation): void {
  const found = tables.flatMap(({ table }) =>
    (conflicts.get(table.index) ?? []).map((conflict) => ({ ...conflict, told: `${table.name}: ${conflict.detail}` })),
  );
  if (found.length === 0) return;
  const code = found.every(({ kind }) => kind === 'triggers') ? 'plan/triggers' : 'plan/conflicts';
  throw new CofreError(code, `${found.map(({ told }) => told).join('; ')}. Nothing was changed.`, {
    params: { conflicts: found.map(({ told }) => told) },
  });
}

async function writeEverything(
  input: AttemptInput,
  { prepared, relations }: Holding,
): Promise<ReadonlyMap<number, Touched>> {
  const { client, tables, onRows } = input;
  const touched = await inApplicationPath(client, () => writeRows({ client, tables, prepared, onRows }));
  for (const { staged, plan, isUndo } of tables) {
    if (!prepared.writing.replica.has(staged.table.index)) continue;
    await holdParents({ client, relations, staged, hasWholeRanges: !isUndo && plan.wholeRanges.length > 0 });
  }
  return touched;
}

const UNTOUCHED: Touched = { inserted: 0, updated: 0, deleted: 0 };

function touchedOf(touched: ReadonlyMap<number, Touched>, index: number): Touched {
  return touched.get(index) ?? UNTOUCHED;
}

/** What the plan promised, and the server's own count of rows for the statements that did it says the same. */
function appliedTable({ table, plan }: StagedPlanTable, touched: Touched): AppliedTable {
  const { inserts, updates, deletes } = plan;
  const isPromised = touched.inserted === inserts && touched.updated >= updates && touched.deleted === deletes;
  if (!isPromised) throw stale(table.name, 'other rows than planned were there to be written');
  return { table: table.name, inserted: inserts, updated: updates, deleted: deletes };
}
