import {
  columnEnd,
  linesOf,
  type PlanOperation,
  type PlanTable,
  readPlanPages,
  readRangesAt,
  type Repository,
  type RowBatch,
} from '@cofre/engine';
import type pg from 'pg';
import { quoteTable } from '../session/quote.ts';
import { copyInto } from './copy-into.ts';
import { columnListSql, freeColumn, type RestoreTable } from './restore-table.ts';

/**
 * A table's operations on the server, in temporary tables of this session: what rows are to become, and what they were.
 * Their columns are those of the table (generated ones too, so that index expressions can be asked of them) and `meta`.
 */
export interface StagedTable {
  readonly table: RestoreTable;
  /** Rows as they shall be: inserts and updates. */
  readonly after: string;
  /** Rows as the plan saw them: updates and deletes. */
  readonly before: string;
  readonly meta: StageColumns;
  /** Distinct sets of columns that updates change, by their number in `meta.set`. */
  readonly changedSets: readonly (readonly string[])[];
  /** Operations that are staged; rows of whole ranges that are inserted are not. */
  readonly counts: { readonly inserts: number; readonly updates: number; readonly deletes: number };
}

export interface StageColumns {
  /** Number of the operation, the same in both tables; they are locked, written and read again in this order. */
  readonly n: string;
  /** `i`, `u` or `d`. */
  readonly op: string;
  /** Number in `changedSets`; NULL where it is no update. */
  readonly set: string;
}

export interface StageInput {
  readonly repository: Repository;
  readonly table: RestoreTable;
  readonly plan: PlanTable;
  /** An undo deletes what `wholeRanges` names; a restore inserts it, and that needs no staging. */
  readonly isUndo: boolean;
}

/** Copies the operations of a plan's table to the server. Memory: a page of the plan. */
export async function stageOperations(client: pg.ClientBase, input: StageInput): Promise<StagedTable> {
  const staged = await createStage(client, input.table);
  const sets = new ChangedSets();
  const counts = { inserts: 0, updates: 0, deletes: 0 };
  const columns = [staged.meta.n, staged.meta.op, staged.meta.set, columnListSql(input.table.columns)].join(', ');
  const copy = (relation: string, side: 'before' | 'after') =>
    copyInto(client, `COPY ${relation} (${columns}) FROM STDIN`, stageLines(input, side, { sets, counts }));
  // One COPY at a time is all that a session can do, so the pages are read once for each side.
  await copy(staged.after, 'after');
  if (counts.updates + counts.deletes > 0) await copy(staged.before, 'before');
  await client.query(`ANALYZE ${staged.after}; ANALYZE ${staged.before}`);
  return { ...staged, changedSets: sets.all, counts };
}

async function createStage(
  client: pg.ClientBase,
  table: RestoreTable,
): Promise<Pick<StagedTable, 'table' | 'after' | 'before' | 'meta'>> {
  const meta = stageColumns(table);
  const after = await createLike(client, table, { name: `cofre_after_${table.index}`, checks: true });
  const before = await createLike(client, table, { name: `cofre_before_${table.index}`, checks: false });
  return { table, after, before, meta };
}

export function stageColumns(table: RestoreTable): StageColumns {
  const { columns } = table.live.facts;
  return {
    n: freeColumn('cofre_n', columns),
    op: freeColumn('cofre_op', columns),
    set: freeColumn('cofre_set', columns),
  };
}

/**
 * A temporary table that takes what the table takes: its types, NOT NULLs and generated columns, and with `checks` its
 * checks, so that a row that would be refused is found before anything is written.
 */
export async function createLike(
  client: pg.ClientBase,
  table: RestoreTable,
  options: { readonly name: string; readonly checks: boolean },
): Promise<string> {
  const { facts } = table.live;
  const stored = new Set(table.columns.map((column) => column.name));
  const others = facts.columns.filter((column) => !stored.has(column.name));
  // A check may speak of columns that are not staged; there they would be NULL, which proves nothing.
  const isWhole = others.every((column) => column.generated !== null);
  const { n, op, set } = stageColumns(table);
  const like = `LIKE ${quoteTable(facts)} INCLUDING GENERATED${options.checks && isWhole ? ' INCLUDING CONSTRAINTS' : ''}`;
  await client.query(
    `DROP TABLE IF EXISTS pg_temp.${options.name};
     CREATE TEMPORARY TABLE ${options.name} (${like}, ${n} pg_catalog.int8 NOT NULL DEFAULT 0,
       ${op} pg_catalog."char" NOT NULL DEFAULT 'i', ${set} pg_catalog.int4)`,
  );
  const optional = others.filter((column) => column.notNull);
  if (optional.length > 0) {
    const drops = optional.map((column) => `ALTER COLUMN ${columnListSql([column])} DROP NOT NULL`);
    await client.query(`ALTER TABLE pg_temp.${options.name} ${drops.join(', ')}`);
  }
  return `pg_temp.${options.name}`;
}

/**
 * Every staged operation, a page or range at a time: those of the pages, then deletes of whole ranges. They are numbered from
 * 1 in this order.
 */
export async function* operationPages(input: StageInput): AsyncGenerator<Iterable<PlanOperation>, void, void> {
  yield* readPlanPages(input.repository, input.plan);
  if (!input.isUndo) return;
  for await (const { rows } of readRangesAt(input.repository, input.table.stored, input.plan.wholeRanges))
    yield deletesOf(rows);
}

function* deletesOf(rows: RowBatch): Generator<PlanOperation> {
  for (const line of linesOf(rows)) yield { op: 'delete', before: line };
}

interface Found {
  readonly sets: ChangedSets;
  readonly counts: { inserts: number; updates: number; deletes: number };
}

async function* stageLines(input: StageInput, side: 'before' | 'after', found: Found): AsyncGenerator<Buffer> {
  const piece = new Piece();
  let n = 0;
  for await (const page of operationPages(input)) {
    for (const operation of page) {
      n++;
      if (side === 'after') found.counts[`${operation.op}s`]++;
      const line = side === 'after' ? afterOf(operation) : beforeOf(operation);
      if (line === null) continue;
      const set = operation.op === 'update' ? found.sets.numberOf(operation, input.table.columns) : '\\N';
      const head = `${n}\t${operation.op.charAt(0)}\t${set}\t`;
      if (!piece.hasRoomFor(head, line)) yield piece.take();
      piece.add(head, line);
    }
  }
  yield piece.take();
}

const PIECE_BYTES = 256 * 1024;

/** Bytes on their way to the server, gathered so that the cost per row is that of copying it. */
class Piece {
  #bytes = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #length = 0;

  hasRoomFor(head: string, line: Buffer): boolean {
    return this.#length === 0 || this.#length + head.length + line.length <= this.#bytes.length;
  }

  /** `head` is of ASCII. What is larger than a piece has one of its own. */
  add(head: string, line: Buffer): void {
    const length = head.length + line.length;
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(length);
    this.#length += this.#bytes.write(head, this.#length, 'latin1');
    this.#length += line.copy(this.#bytes, this.#length);
  }

  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.#length = 0;
    return taken;
  }
}

export function afterOf(operation: PlanOperation): Buffer | null {
  return operation.op === 'delete' ? null : operation.after;
}

export function beforeOf(operation: PlanOperation): Buffer | null {
  return operation.op === 'insert' ? null : operation.before;
}

/** Numbers the sets of columns that updates change. */
class ChangedSets {
  readonly #numbers = new Map<string, number>();
  readonly #sets: string[][] = [];
  readonly #places: number[] = [];

  get all(): readonly (readonly string[])[] {
    return this.#sets;
  }

  numberOf(
    operation: { readonly before: Buffer; readonly after: Buffer },
    columns: readonly { readonly name: string }[],
  ): number {
    findChangedColumns(operation.before, operation.after, this.#places);
    const key = this.#places.join();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#sets.length;
      this.#numbers.set(key, number);
      this.#sets.push(this.#places.flatMap((place) => columns[place]?.name ?? []));
    }
    return number;
  }
}

const TAB = 0x09;
const NEWLINE = 0x0a;

/** Writes the places of the columns in which two lines differ into `places`. */
export function findChangedColumns(before: Buffer, after: Buffer, places: number[]): void {
  places.length = 0;
  let left = 0;
  let right = 0;
  for (let place = 0; left < before.length && right < after.length; place++) {
    while (before[left] === after[right] && before[left] !== TAB && before[left] !== NEWLINE) {
      left++;
      right++;
    }
    const isSame = before[left] === after[right];
    if (!isSame) {
      places.push(place);
      left = columnEnd(before, left);
      right = columnEnd(after, right);
    }
    left++;
    right++;
  }
}

/** Numbers of the sets that change one of these columns, as a SQL array. */
export function setsTouching(staged: StagedTable, columns: ReadonlySet<string>): string {
  const numbers = staged.changedSets.flatMap((set, number) => (set.some((name) => columns.has(name)) ? [number] : []));
  return `ARRAY[${numbers.join(', ')}]::pg_catalog.int4[]`;
}
