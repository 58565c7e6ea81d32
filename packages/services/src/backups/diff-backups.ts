import {
  assert,
  CofreError,
  type DiffBackupsInput,
  type DiffDocument,
  diffBackupsInput,
  parseInput,
  type PlanRow,
} from '@cofre/contracts';
import type { Manifest, ManifestTable, Repository } from '@cofre/engine';
import { captureSlices, printTable, resolveSlice } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { diffTable, type TableDifference } from './diff-table.ts';
import { findBackup, readManifestOf } from './find-backup.ts';
import { findManifestTable, shownColumns } from './read-backup-rows.ts';
import { shownChange } from './show-row.ts';
import { differingSpans } from './differing-spans.ts';
import { toManifestTable } from './manifest-table.ts';

/** Rows that are shown of one table: a diff is to be read by people, and must fit into memory whatever changed. */
const ROWS_SHOWN_MAX = 1000;

type TableDocument = DiffDocument['tables'][number];

/** What changed from one backup to another, or to the data as it is now. Blocks that two backups share are not read. */
export async function diffBackups(caller: ServiceContext, input: DiffBackupsInput): Promise<DiffDocument> {
  const parsed = parseInput(diffBackupsInput, input);
  const context = await authorize(caller, 'diffBackups', { name: parsed.from });
  const { catalogue } = context;
  const from = await findBackup(catalogue, parsed.from);
  const to = parsed.to === 'live' ? null : await findBackup(catalogue, parsed.to);
  if (to !== null && to.source_implementation_id !== from.source_implementation_id) throw notComparable(from.id, to.id);
  const repository = await context.openRepository();
  const before = await readManifestOf(repository, from);
  const job: DiffJob = {
    context,
    repository,
    before,
    wanted: new Set(parsed.tables?.map((name) => printTable(findManifestTable(before, name)))),
    rowsMax: parsed.rows ? ROWS_SHOWN_MAX : 0,
  };
  const tables =
    to === null ? await diffWithLive(job) : await diffWithBackup(job, await readManifestOf(repository, to));
  return { from: from.id, to: to?.id ?? 'live', tables };
}

interface DiffJob {
  readonly context: ServiceContext;
  readonly repository: Repository;
  readonly before: Manifest;
  /** Empty: all. */
  readonly wanted: ReadonlySet<string>;
  readonly rowsMax: number;
}

function isWanted({ wanted }: DiffJob, table: { readonly schema: string; readonly name: string }): boolean {
  return wanted.size === 0 || wanted.has(printTable(table));
}

async function diffWithBackup(job: DiffJob, after: Manifest): Promise<TableDocument[]> {
  const progress = progressOf(job.context);
  const documents: TableDocument[] = [];
  // In the order of the older one; tables that came later follow.
  const names = new Map([...job.before.tables, ...after.tables].map((table) => [printTable(table), table]));
  for (const [name, { schema, name: bare }] of names) {
    if (!isWanted(job, { schema, name: bare })) continue;
    job.context.signal?.throwIfAborted();
    const [left, right] = [job.before, after].map(({ tables }) => tables.find((table) => printTable(table) === name));
    progress.report({ phase: 'read', table: name, rows: 0, rowsTotal: null, bytes: 0 });
    documents.push(await diffStored(job, { name, left, right }));
  }
  return documents;
}

/** A table that only one of the two has, because it is config_only or the definition changed, came or went as a whole. */
async function diffStored(
  job: DiffJob,
  { name, left, right }: { name: string; left: ManifestTable | undefined; right: ManifestTable | undefined },
): Promise<TableDocument> {
  const { repository } = job;
  if (left === undefined || right === undefined) {
    return { table: name, inserted: right?.rows ?? 0, updated: 0, deleted: left?.rows ?? 0 };
  }
  const tally = new Tally(name, left, job.rowsMax);
  for await (const span of differingSpans(repository, left, right)) {
    const streams = {
      left: { table: left, batches: repository.readRows(left, span.left) },
      right: { table: right, batches: repository.readRows(right, span.right) },
    };
    await tally.take(diffTable(streams));
  }
  return tally.document();
}

/** Live rows are read as a backup would read them: under locks, in one snapshot, again where the structure changes. */
async function diffWithLive(job: DiffJob): Promise<TableDocument[]> {
  const { context, repository, before } = job;
  const { definition, rootKey, implementation } = before;
  const progress = progressOf(context);
  let documents = new Map<string, TableDocument>();
  await captureSlices({
    database: context.database,
    readers: context.settings.readers,
    lockTimeoutMs: context.settings.lockTimeoutMs,
    signal: context.signal,
    resolve: async (client) => {
      const slice = await resolveSlice(client, definition, rootKey, { implementationId: implementation.id });
      const inBackup = ({ facts }: { facts: { schema: string; name: string } }) =>
        isWanted(job, facts) && before.tables.some((table) => printTable(table) === printTable(facts));
      return { ...slice, tables: slice.tables.filter(inBackup) };
    },
    onRetry: () => {
      documents = new Map();
    },
    onTable: async (live, batches) => {
      const name = printTable(live.facts);
      const stored = before.tables.find((table) => printTable(table) === name);
      assert(stored !== undefined, `${name} is in the backup`);
      progress.report({ phase: 'read', table: name, rows: 0, rowsTotal: null, bytes: 0 });
      const tally = new Tally(name, stored, job.rowsMax);
      const asStored = toManifestTable(live, { rows: 0, bytes: 0, ranges: [] }, { how: 'whole', reason: null });
      await tally.take(
        diffTable({
          left: { table: stored, batches: repository.readRows(stored) },
          right: { table: asStored, batches },
        }),
      );
      documents.set(name, tally.document());
    },
  });
  return before.tables.flatMap((table) => documents.get(printTable(table)) ?? []);
}

/** Counts differences, and keeps the first of them for people to read. */
class Tally {
  readonly #name: string;
  readonly #table: ManifestTable;
  readonly #rowsMax: number;
  readonly #counts = { insert: 0, update: 0, delete: 0 };
  readonly #rows: PlanRow[] = [];

  constructor(name: string, table: ManifestTable, rowsMax: number) {
    this.#name = name;
    this.#table = table;
    this.#rowsMax = rowsMax;
  }

  async take(differences: AsyncIterable<TableDifference>): Promise<void> {
    for await (const { columns, before, after } of differences) {
      const op = before === null ? 'insert' : after === null ? 'delete' : 'update';
      this.#counts[op] += 1;
      if (this.#rows.length < this.#rowsMax) {
        this.#rows.push(shownChange({ ...shownColumns(this.#table), columns }, { before, after }));
      }
    }
  }

  document(): TableDocument {
    const { insert: inserted, update: updated, delete: deleted } = this.#counts;
    const counts = { table: this.#name, inserted, updated, deleted };
    if (this.#rowsMax === 0) return counts;
    const rowsLeftOut = inserted + updated + deleted - this.#rows.length;
    return rowsLeftOut === 0 ? { ...counts, rows: this.#rows } : { ...counts, rows: this.#rows, rowsLeftOut };
  }
}

function notComparable(from: string, to: string): CofreError {
  return new CofreError(
    'usage/invalid',
    `The backups ${from} and ${to} are of two implementations, whose rows have nothing in common. Nothing was started.`,
  );
}
