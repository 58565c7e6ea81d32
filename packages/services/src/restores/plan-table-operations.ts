import { createHash } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import {
  joinLine,
  linesOf,
  type ManifestTable,
  operationsOf,
  type PlanOperation,
  type PlanTable,
  readRangesAt,
  type Repository,
  splitLine,
} from '@cofre/engine';

export interface PlannedTable {
  readonly table: PlanTable;
  readonly stored: ManifestTable;
  readonly isUndo: boolean;
}

export type OperationKind = PlanOperation['op'];

export interface PlacedOperation {
  /** Among all operations of the table, or among those of the kind that was asked for. */
  readonly position: number;
  readonly operation: PlanOperation;
}

interface Page {
  readonly counts: Readonly<Record<OperationKind, number>>;
  readonly hash: string;
}

/**
 * The operations of one table of a plan from any position on. What a page holds is counted when it is first passed, and
 * remembered: objects never change (I4), so the next that looks further on reads the pages that it shows and no others.
 */
export class PlanTableOperations {
  readonly #repository: Repository;
  readonly #planned: PlannedTable;
  readonly #pages: Page[] = [];
  readonly #hash = createHash('sha256');
  #counting: Promise<void> | null = null;

  constructor(repository: Repository, planned: PlannedTable) {
    this.#repository = repository;
    this.#planned = planned;
  }

  async *from(position: number, kind: OperationKind | undefined): AsyncGenerator<PlacedOperation, void, void> {
    let at = 0;
    for (let page = 0; page < this.#planned.table.pages.length; page += 1) {
      const held = countOf(await this.#countsOf(page), kind);
      if (at + held <= position) {
        at += held;
        continue;
      }
      for (const operation of operationsOf(this.#path(page), await this.#read(page))) {
        if (kind !== undefined && operation.op !== kind) continue;
        if (at >= position) yield { position: at, operation };
        at += 1;
      }
    }
    yield* this.#wholeFrom(position, at, kind);
  }

  /** Rows of ranges that come (in an undo: go) whole, which the pages do not repeat. */
  async *#wholeFrom(position: number, first: number, kind: OperationKind | undefined): AsyncGenerator<PlacedOperation> {
    const { table, stored, isUndo } = this.#planned;
    const op = isUndo ? 'delete' : 'insert';
    if (table.wholeRanges.length === 0 || (kind !== undefined && kind !== op)) return;
    let at = first;
    const wanted: number[] = [];
    for (const { index, rows } of await this.#wholeRanges()) {
      if (wanted.length === 0 && at + rows <= position) at += rows;
      else wanted.push(index);
    }
    if (wanted.length === 0) return;
    const places = table.columns.map((name) => stored.columns.findIndex((column) => column.name === name));
    for await (const { rows } of readRangesAt(this.#repository, stored, wanted)) {
      for (const line of linesOf(rows)) {
        if (at >= position) yield { position: at, operation: wholeOperation(op, line, places) };
        at += 1;
      }
    }
  }

  async #wholeRanges(): Promise<{ readonly index: number; readonly rows: number }[]> {
    const { table, stored } = this.#planned;
    const whole = new Set(table.wholeRanges);
    const found: { index: number; rows: number }[] = [];
    let index = 0;
    for await (const { rows } of this.#repository.ranges(stored)) {
      if (whole.has(index)) found.push({ index, rows });
      index += 1;
    }
    return found;
  }

  async #countsOf(page: number): Promise<Page['counts']> {
    for (;;) {
      const known = this.#pages[page];
      if (known !== undefined) return known.counts;
      // Two that look at once count each page once.
      this.#counting ??= this.#countNext().finally(() => {
        this.#counting = null;
      });
      await this.#counting;
    }
  }

  async #countNext(): Promise<void> {
    const { table } = this.#planned;
    const index = this.#pages.length;
    const bytes = await this.#repository.getObject(this.#path(index), 'plan-page');
    const counts = { insert: 0, update: 0, delete: 0 };
    for (const { op } of operationsOf(this.#path(index), bytes)) counts[op] += 1;
    this.#hash.update(bytes);
    // All pages were seen in their order: together they must be what the plan was made with.
    const isLast = index === table.pages.length - 1;
    if (isLast && this.#hash.copy().digest('hex') !== table.operationsHash) throw notThePlans(this.#path(index));
    this.#pages.push({ counts, hash: hashOf(bytes) });
  }

  async #read(page: number): Promise<Buffer> {
    const bytes = await this.#repository.getObject(this.#path(page), 'plan-page');
    if (hashOf(bytes) !== this.#pages[page]?.hash) throw notThePlans(this.#path(page));
    return bytes;
  }

  #path(page: number): string {
    return this.#planned.table.pages[page] ?? '';
  }
}

function countOf(counts: Page['counts'], kind: OperationKind | undefined): number {
  return kind === undefined ? counts.insert + counts.update + counts.delete : counts[kind];
}

function wholeOperation(op: 'insert' | 'delete', line: Buffer, places: readonly number[]): PlanOperation {
  const values = splitLine(line);
  const projected = joinLine(places.map((place) => values[place] ?? null));
  return op === 'delete' ? { op, before: projected } : { op, after: projected };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function notThePlans(path: string): CofreError {
  return new CofreError('repository/damaged', `${path} does not hold the operations that the plan was made with.`, {
    params: { object: path },
  });
}

/** Tables whose counts are remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 200;

const remembered = new WeakMap<Repository, Map<string, PlanTableOperations>>();

/** The operations of a plan's table, with what was counted of them before. */
export function operationsOfTable(
  repository: Repository,
  { planId, index, planned }: { readonly planId: string; readonly index: number; readonly planned: PlannedTable },
): PlanTableOperations {
  const known = remembered.get(repository) ?? new Map<string, PlanTableOperations>();
  remembered.set(repository, known);
  const name = `${planId}/${index}`;
  const operations = known.get(name) ?? new PlanTableOperations(repository, planned);
  known.delete(name);
  known.set(name, operations);
  for (const oldest of known.keys()) {
    if (known.size <= REMEMBERED_MAX) break;
    known.delete(oldest);
  }
  return operations;
}
