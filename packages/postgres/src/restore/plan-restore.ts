import { CofreError, type PlanId, type RestoreMode } from '@cofre/contracts';
import {
  type Clock,
  type Manifest,
  type ManifestTable,
  PlanPageWriter,
  type PlanTable,
  type Repository,
  type RestorePlan,
  type RowBatch,
  savePlan,
} from '@cofre/engine';
import type pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import type { Slice } from '../definition/slice.ts';
import { readServerFacts } from '../introspect/server-facts.ts';
import { translatePgError } from '../session/errors.ts';
import { parseTableName, printTable } from '../session/quote.ts';
import type { Database } from '../session/types.ts';
import { assessPlan, fingerprintTable } from './assess-plan.ts';
import { compareTable } from './compare-table.ts';
import { composePlan, type Drafted, emptyTable } from './compose-plan.ts';
import { liveRowsSql } from './live-rows.ts';
import { type LockedSnapshot, withLockedSnapshot } from './locked-snapshot.ts';
import { matchTable } from './match-table.ts';
import { reshapeRows, ValueDoesNotFit } from './reshape-rows.ts';
import type { RestoreTable } from './restore-table.ts';

export interface RestoreSelection {
  readonly configOnly: boolean;
  /** `schema.table`, quoted as in SQL; null: all. */
  readonly tables: readonly string[] | null;
}

export interface RestoreProgress {
  readonly phase: 'plan' | 'apply';
  readonly table: string;
  /** So far, in this table. */
  readonly rows: number;
  readonly bytes: number;
}

export interface PlanOptions {
  readonly database: Database;
  readonly repository: Repository;
  readonly manifest: Manifest;
  /** Makes the backup's definition concrete in the live database. Called several times; must not remember anything. */
  readonly resolve: (client: pg.ClientBase) => Promise<Slice>;
  readonly selection: RestoreSelection;
  /** Others come later. */
  readonly mode: Extract<RestoreMode, 'merge'>;
  readonly planId: PlanId;
  readonly clock: Clock;
  readonly lockTimeoutMs: number;
  /** What the caller will do besides when the plan is carried out (`beforeWriting`): told with what the plan warns of. */
  readonly besides?: {
    readonly warnings: readonly string[];
    /** Tables whose rows it will put back, as messages name them. */
    readonly broughtBack: ReadonlySet<string>;
  };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

/**
 * Compares a backup with the live rows of its slice and keeps what a restore would do as a plan in the repository (design §6).
 * Changes nothing in the database. A plan with conflicts is kept too: `applicable` says so.
 */
export async function planRestore(options: PlanOptions): Promise<RestorePlan> {
  const stored = selectTables(options.manifest, options.selection);
  return translating('comparing the backup with the live rows', options.signal, () =>
    withLockedSnapshot(options, async (locked) => {
      const drafted: Drafted[] = [];
      const { encoding } = await readServerFacts(locked.client);
      for (const [index, table] of stored.entries())
        drafted.push(await draftTable({ options, locked, encoding }, table, index));
      const drafts = drafted.flatMap(({ draft }) => draft ?? []);
      const { client } = locked;
      const { repository, planId } = options;
      const broughtBack = options.besides?.broughtBack;
      const assessment = await assessPlan({ client, repository, drafts, isUndo: false, salt: planId, broughtBack });
      const { manifest, clock, mode, selection, besides } = options;
      const warnings = besides?.warnings ?? [];
      const composition = { manifest, planId, clock, snapshot: locked.snapshot, drafted, assessment, warnings };
      const plan = composePlan(composition, { purpose: { kind: 'restore' }, mode, selection });
      await savePlan(repository, plan);
      return plan;
    }),
  );
}

/** In the order of the backup. Throws `usage/invalid` for a table that it does not have. */
export function selectTables(manifest: Manifest, selection: RestoreSelection): readonly ManifestTable[] {
  const named = selection.tables?.map((text) => {
    const name = parseTableName(text);
    const printed = name === null ? text : printTable(name);
    if (manifest.tables.some((table) => printTable(table) === printed)) return printed;
    throw new CofreError('usage/invalid', `The backup has no table ${printed}. Nothing was started.`, {
      params: { table: printed },
    });
  });
  return manifest.tables.filter(
    (table) =>
      (!selection.configOnly || table.role === 'config') && (named === undefined || named.includes(printTable(table))),
  );
}

interface DraftContext {
  readonly options: PlanOptions;
  readonly locked: LockedSnapshot;
  readonly encoding: string;
}

async function draftTable(context: DraftContext, stored: ManifestTable, index: number): Promise<Drafted> {
  const { locked, encoding } = context;
  const live = locked.slice.tables.find(({ facts }) => facts.schema === stored.schema && facts.name === stored.name);
  if (live === undefined) {
    const detail = 'the table, or what says which of its rows belong to the slice, was dropped or renamed';
    return { stored, drift: [], conflicts: [{ kind: 'drift', count: stored.rows, detail }], draft: null };
  }
  const { table, drift, conflicts } = matchTable({ index, stored, live, encoding });
  if (table === null) return { stored, drift, conflicts, draft: null };
  try {
    const plan = await compare(context, table);
    return { stored, drift, conflicts, draft: { table, plan } };
  } catch (error) {
    if (!(error instanceof ValueDoesNotFit)) throw error;
    return { stored, drift, conflicts: [{ kind: 'drift', count: 1, detail: error.message }], draft: null };
  }
}

async function compare({ options, locked }: DraftContext, table: RestoreTable): Promise<PlanTable> {
  const { repository, planId } = options;
  const writer = new PlanPageWriter(repository, planId, table.index);
  const caster = table.shape.cast ? await locked.sessions.open('cofre plan') : locked;
  const comparison = await compareTable({
    repository,
    table,
    live: watched(options, table, copyRows(locked.client, liveRowsSql(table))),
    reshaped: () => reshapeRows(caster.client, table, repository.readRows(table.stored)),
    writer,
  });
  return {
    ...emptyTable(table.stored),
    columns: table.layout.columns,
    ...comparison,
    fingerprint: fingerprintTable(table.live),
  };
}

/** Tells of every batch. Rows that are not wanted any more are read to the last all the same: the session is needed again. */
async function* watched(
  options: PlanOptions,
  table: RestoreTable,
  batches: AsyncGenerator<RowBatch, void, void>,
): AsyncGenerator<RowBatch> {
  let rows = 0;
  let bytes = 0;
  const told = () => options.onProgress?.({ phase: 'plan', table: table.name, rows, bytes });
  told();
  try {
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      rows += next.value.ends.length;
      bytes += next.value.bytes.length;
      yield next.value;
      told();
    }
  } finally {
    while ((await batches.next()).done !== true);
  }
}

export async function translating<T>(
  doing: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translatePgError(error, { doing, signal });
  }
}
