import { createHash } from 'node:crypto';
import { assert, isCofreError } from '@cofre/contracts';
import type { PlanTable, Repository, RestorePlan } from '@cofre/engine';
import type pg from 'pg';
import type { SliceTable } from '../definition/slice.ts';
import { sqlStateOf } from '../session/errors.ts';
import { useApplicationPath } from '../session/pin-session.ts';
import { checkWholeRanges } from './check-whole-ranges.ts';
import {
  judgeMissing,
  keysToCheck,
  type MissingParents,
  openMissingParents,
  type ParentSearch,
  searchParents,
} from './find-missing-parents.ts';
import { findMoved, movedConflict, type Whereabouts } from './find-moved.ts';
import { countOutOfScope } from './find-out-of-scope.ts';
import { countUniqueClashes, otherUniques } from './find-unique-clashes.ts';
import { hasDefault } from './match-table.ts';
import { type Preparation, prepareWriting, type StagedWithRanges } from './prepare-writing.ts';
import { readRelations, type Relations } from './relations.ts';
import type { Conflict, RestoreTable } from './restore-table.ts';
import { guardedTables, missingPrivileges, readRoleFacts, type RoleFacts } from './role-facts.ts';
import { checkSideEffects, readChangeCounts } from './side-effects.ts';
import { setsTouching, type StagedTable, stageOperations } from './stage-operations.ts';

/** A table whose operations are known, before it is known whether they can be carried out. */
export interface DraftTable {
  readonly table: RestoreTable;
  readonly plan: PlanTable;
}

export interface Assessment {
  /** By the table's place in the plan. */
  readonly conflicts: ReadonlyMap<number, readonly Conflict[]>;
  readonly triggers: RestorePlan['triggers'];
}

export interface AssessInput {
  readonly client: pg.ClientBase;
  readonly repository: Repository;
  readonly drafts: readonly DraftTable[];
  readonly isUndo: boolean;
  readonly salt: string;
  readonly broughtBack?: ReadonlySet<string> | undefined;
}

/**
 * Finds everything that would keep a plan from being applied, before anything is written: operations are staged in temporary
 * tables and asked of the server, within the snapshot that the plan was computed in.
 */
export async function assessPlan(input: AssessInput): Promise<Assessment> {
  const { client } = input;
  const conflicts = new Conflicts();
  // Checks, generated columns and index expressions may call functions that rely on the application's own search path.
  await useApplicationPath(client);
  const tables = await stageAll(input, conflicts);
  const relations = await readRelations(
    client,
    tables.flatMap(({ staged }) => neighbours(staged)),
  );
  const role = await readRoleFacts(client);
  for (const table of tables) await findRowConflicts({ ...input, relations, tables }, table, conflicts);
  const canReplica = role.canReplica;
  const prepared = await prepareWriting({ client, relations, tables, canReplica, salt: input.salt });
  for (const [index, found] of prepared.conflicts) conflicts.add(index, ...found);
  await findRoleConflicts(client, { tables, relations, role, prepared }, conflicts);
  await client.query("SET LOCAL search_path TO ''");
  return { conflicts: conflicts.all, triggers: prepared.writing.triggers };
}

class Conflicts {
  readonly all = new Map<number, Conflict[]>();

  add(index: number, ...conflicts: readonly Conflict[]): void {
    this.all.set(index, [...(this.all.get(index) ?? []), ...conflicts]);
  }
}

type StagedDraft = StagedWithRanges & { readonly plan: PlanTable };

async function stageAll(input: AssessInput, conflicts: Conflicts): Promise<StagedDraft[]> {
  const tables: StagedDraft[] = [];
  for (const { table, plan } of input.drafts) {
    if (plan.inserts + plan.updates + plan.deletes === 0) continue;
    const staged = await stageOrExplain(input, { table, plan }, conflicts);
    if (staged === null) continue;
    const wholeRanges = input.isUndo ? [] : plan.wholeRanges;
    tables.push({ staged, plan, wholeRanges, wholeRows: plan.inserts - staged.counts.inserts });
  }
  return tables;
}

/** Staging casts every value and asks the table's checks: what does not fit is a conflict. */
async function stageOrExplain(
  input: AssessInput,
  draft: DraftTable,
  conflicts: Conflicts,
): Promise<StagedTable | null> {
  const { client, repository, isUndo } = input;
  const before = await readChangeCounts(client);
  await client.query('SAVEPOINT cofre_stage');
  try {
    const staged = await stageOperations(client, { repository, ...draft, isUndo });
    checkSideEffects(before, await readChangeCounts(client), []);
    await client.query('RELEASE SAVEPOINT cofre_stage');
    return staged;
  } catch (error) {
    const conflict = conflictOf(error);
    if (conflict === null) throw error;
    await client.query('ROLLBACK TO SAVEPOINT cofre_stage; RELEASE SAVEPOINT cofre_stage');
    conflicts.add(draft.table.index, conflict);
    return null;
  }
}

function conflictOf(error: unknown): Conflict | null {
  if (isCofreError(error, 'restore/side-effect')) {
    const table = String(error.params['table']);
    return { kind: 'unsupported', count: 1, detail: `a check or generated column of it writes to ${table}` };
  }
  if (TOO_WIDE_STATES.has(sqlStateOf(error) ?? ''))
    return {
      kind: 'unsupported',
      count: 1,
      detail: 'its rows are so wide that the server cannot hold them beside three columns of ours',
    };
  const detail = misfit(error);
  return detail === null ? null : { kind: 'drift', count: 1, detail };
}

/** A table has 1,600 columns at most, and a row what fits on a page: rows are staged with three columns more. */
const TOO_WIDE_STATES: ReadonlySet<string> = new Set(['54011', '54000']);

/** Never the server's own message where it would repeat a value; names of constraints are no secret. */
export function misfit(error: unknown): string | null {
  const state = sqlStateOf(error) ?? '';
  const constraint = error instanceof Error && 'constraint' in error ? error.constraint : undefined;
  const column = error instanceof Error && 'column' in error ? error.column : undefined;
  if (state === '23502' && typeof column === 'string') return `${column} must not be NULL any more`;
  if (state.startsWith('23') && typeof constraint === 'string')
    return `rows of the backup break the check ${constraint}`;
  if (state.startsWith('22') || state.startsWith('23')) return 'a value of the backup does not fit its column any more';
  return null;
}

function neighbours({ table }: StagedTable): number[] {
  const { foreignKeys, referencedBy } = table.live.facts;
  return [...foreignKeys, ...referencedBy].flatMap(({ from, to }) => [from.oid, to.oid]);
}

interface RowContext extends AssessInput {
  readonly relations: Relations;
  readonly tables: readonly StagedDraft[];
}

async function findRowConflicts(context: RowContext, draft: StagedDraft, conflicts: Conflicts): Promise<void> {
  const { client, repository, relations, broughtBack } = context;
  const { staged } = draft;
  const { index } = staged.table;
  const written = new Map(context.tables.map((table) => [table.staged.table.live.facts.oid, table]));
  const search: ParentSearch = { client, repository, relations, written, broughtBack };
  const rows = { staged, relation: staged.after };
  const whole = await checkWholeRanges({
    search,
    staged,
    wholeRanges: draft.wholeRanges,
    rows: draft.wholeRows,
    kept: draft.plan.kept,
    live: draft.plan.unchanged + draft.plan.updates + draft.plan.kept,
  });
  const places: Whereabouts = whole.places;
  await findMoved(client, rows, places);
  conflicts.add(index, ...present([movedConflict(places, staged.table.live.scope)]));
  for (const unique of otherUniques(staged.table)) {
    const count = (await countUniqueClashes(client, rows, unique)) + (whole.clashes.get(unique) ?? 0);
    if (count > 0)
      conflicts.add(index, {
        kind: 'unique',
        count,
        detail: `another row holds what must be unique under ${unique.name}`,
      });
  }
  const missing = await missingOf(search, staged, whole.missing);
  for (const one of missing) conflicts.add(index, ...present([await judgeMissing(search, one)]));
  conflicts.add(index, ...(await findScopeConflicts(context, draft, whole.outOfScope)));
  conflicts.add(index, ...(await findColumnConflicts(client, draft)));
}

async function missingOf(
  search: ParentSearch,
  staged: StagedTable,
  opened: readonly MissingParents[],
): Promise<MissingParents[]> {
  const all: MissingParents[] = [];
  for (const key of keysToCheck(staged, search)) {
    const missing = opened.find((one) => one.key.oid === key.oid) ?? (await openMissingParents(search, staged, key));
    await searchParents(search, missing, { staged, relation: staged.after });
    all.push(missing);
  }
  return all;
}

async function findScopeConflicts(
  { client, tables }: RowContext,
  { staged }: StagedDraft,
  ofWholeRanges: number,
): Promise<Conflict[]> {
  const { scope, scopeSql } = staged.table.live;
  if (scope.kind !== 'parent' || tables.some(({ staged: other }) => other.table.live.facts.oid === scope.parentOid))
    return [];
  const count = (await countOutOfScope(client, staged.after, scopeSql)) + ofWholeRanges;
  const own = scope.columns.map((column) => column.own).join(', ');
  const detail = `rows of the backup belong, through ${own}, to a row that is outside the slice now or gone`;
  return count === 0 ? [] : [{ kind: 'moved', count, detail }];
}

async function findColumnConflicts(client: pg.ClientBase, { staged, plan }: StagedDraft): Promise<Conflict[]> {
  const { table } = staged;
  const conflicts: Conflict[] = [];
  const always = table.columns.filter((column) => column.identity === 'always').map((column) => column.name);
  if (always.length > 0 && staged.counts.updates > 0) {
    const sets = setsTouching(staged, new Set(always));
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${staged.after} WHERE ${staged.meta.set} = ANY (${sets})`,
    );
    const count = Number(rows[0]?.count ?? 0);
    const detail = `${always.join(', ')} is GENERATED ALWAYS and cannot be set back`;
    if (count > 0) conflicts.push({ kind: 'generated', count, detail });
  }
  const stored = new Set(table.columns.map((column) => column.name));
  const required = table.live.facts.columns.filter(
    (column) => column.notNull && !hasDefault(column) && !stored.has(column.name),
  );
  if (plan.inserts > 0 && required.length > 0) {
    const names = required.map((column) => column.name).join(', ');
    conflicts.push({ kind: 'drift', count: plan.inserts, detail: `${names} is new, NOT NULL and has no default` });
  }
  return conflicts;
}

interface RoleContext {
  readonly tables: readonly StagedDraft[];
  readonly relations: Relations;
  readonly role: RoleFacts;
  readonly prepared: Preparation;
}

async function findRoleConflicts(client: pg.ClientBase, context: RoleContext, conflicts: Conflicts): Promise<void> {
  const { tables, role, prepared } = context;
  const needs = tables.map(({ staged, plan }) => ({
    oid: staged.table.live.facts.oid,
    privileges: [
      'SELECT' as const,
      ...(plan.inserts > 0 ? (['INSERT'] as const) : []),
      // Locking rows asks for it too.
      ...(plan.updates + plan.deletes > 0 || prepared.writing.nulled.has(staged.table.index)
        ? (['UPDATE'] as const)
        : []),
      ...(plan.deletes > 0 ? (['DELETE'] as const) : []),
    ],
  }));
  const missing = await missingPrivileges(client, needs);
  const guarded = await guardedTables(
    client,
    needs.map(({ oid }) => oid),
  );
  for (const { staged } of tables) {
    const { index, live } = staged.table;
    const refuse = (detail: string) => conflicts.add(index, { kind: 'unsupported', count: 1, detail });
    const privileges = missing.get(live.facts.oid);
    if (privileges !== undefined) refuse(`this role lacks ${privileges.join(', ')}`);
    if (guarded.has(live.facts.oid)) refuse('row-level security applies to this role');
    if (!role.canCount) refuse('track_counts is off, so nobody could tell whether anything else was changed');
  }
}

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

/** What a table's part of a plan rests on: its structure, and everything that decides how it can be written. */
export function fingerprintTable(live: SliceTable): string {
  const { uniques, foreignKeys, referencedBy, triggers, rules, sequences, rowSecurity, columns } = live.facts;
  const rests = {
    slice: live.fingerprint,
    uniques,
    foreignKeys,
    referencedBy,
    triggers,
    rules,
    sequences,
    rowSecurity,
    columns,
  };
  assert(live.fingerprint !== '', 'a slice has fingerprints');
  return createHash('sha256').update(JSON.stringify(rests)).digest('hex');
}
