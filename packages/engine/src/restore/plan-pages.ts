import { createHash, type Hash } from 'node:crypto';
import { assert, type PlanId } from '@cofre/contracts';
import { PLANS_PREFIX } from '../format/constants.ts';
import { damaged } from '../format/seal.ts';
import type { Repository } from '../repository/repository.ts';
import type { PlanOperation, PlanTable } from './plan.ts';

/** A page is closed when it holds this much: few objects in the store, and a preview reads little of a large plan. */
const PAGE_BYTES = 2 * 1024 * 1024;

const NEWLINE = 0x0a;
const MARK = { insert: 0x69, update: 0x75, delete: 0x64 } as const;
const MARK_BYTES = { insert: Buffer.of(MARK.insert), update: Buffer.of(MARK.update), delete: Buffer.of(MARK.delete) };

export type PlanStore = Pick<Repository, 'putObject' | 'getObject'>;

export const planFolder = (plan: PlanId): string => `${PLANS_PREFIX}${plan}`;

/** What `PlanPageWriter` found while it wrote; the part of a `PlanTable` that rests on operations. */
export type WrittenPages = Pick<PlanTable, 'inserts' | 'updates' | 'deletes' | 'pages' | 'operationsHash'>;

/**
 * Writes one table's operations as pages. A record is one byte (`i`, `u`, `d`) and its lines, before then after; the lines
 * end themselves, for COPY text has no newline within a row. Memory: one page and the largest record.
 */
export class PlanPageWriter {
  readonly #store: PlanStore;
  readonly #prefix: string;
  readonly #hash: Hash = createHash('sha256');
  readonly #pages: string[] = [];
  readonly #counts = { insert: 0, update: 0, delete: 0 };
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(store: PlanStore, plan: PlanId, tableIndex: number) {
    this.#store = store;
    this.#prefix = `${planFolder(plan)}/${tableIndex}`;
  }

  async write(operation: PlanOperation): Promise<void> {
    if (this.add(operation)) await this.closePage();
  }

  /** True where the page is full, and `closePage` must be awaited before the next operation. */
  add(operation: PlanOperation): boolean {
    this.#counts[operation.op]++;
    this.#push(MARK_BYTES[operation.op]);
    if (operation.op !== 'insert') this.#push(operation.before);
    if (operation.op !== 'delete') this.#push(operation.after);
    return this.#bytes >= PAGE_BYTES;
  }

  async finish(): Promise<WrittenPages> {
    if (this.#bytes > 0) await this.closePage();
    const { insert, update, delete: deletes } = this.#counts;
    const operationsHash = this.#hash.digest('hex');
    return { inserts: insert, updates: update, deletes, pages: this.#pages, operationsHash };
  }

  #push(bytes: Buffer): void {
    assert(bytes.length === 1 || bytes.at(-1) === NEWLINE, 'a line of a plan ends with its newline');
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  async closePage(): Promise<void> {
    const page = Buffer.concat(this.#parts, this.#bytes);
    const path = `${this.#prefix}-${this.#pages.length}`;
    this.#hash.update(page);
    await this.#store.putObject(path, 'plan-page', page);
    this.#pages.push(path);
    this.#parts = [];
    this.#bytes = 0;
  }
}

/**
 * The operations of a table's pages, in key order, one page at a time. Rows of `wholeRanges` are not among them. What was read
 * must be what was written, in all and in order: anything else is `repository/damaged`. Lines are views of their page.
 */
export async function* readPlanPages(
  store: PlanStore,
  table: PlanTable,
): AsyncGenerator<Iterable<PlanOperation>, void, void> {
  const hash = createHash('sha256');
  for (const path of table.pages) {
    const page = await store.getObject(path, 'plan-page');
    hash.update(page);
    yield operationsOf(path, page);
  }
  if (hash.digest('hex') !== table.operationsHash) {
    throw damaged(table.pages.at(-1) ?? 'the plan', 'its operations are not those that the plan was made with');
  }
}

/** The same, one operation at a time. */
export async function* readPlanOperations(
  store: PlanStore,
  table: PlanTable,
): AsyncGenerator<PlanOperation, void, void> {
  for await (const page of readPlanPages(store, table)) yield* page;
}

export function* operationsOf(path: string, page: Buffer): Generator<PlanOperation> {
  let at = 0;
  const line = (): Buffer => {
    const end = page.indexOf(NEWLINE, at) + 1;
    if (end === 0) throw damaged(path, 'a row has no end');
    const bytes = page.subarray(at, end);
    at = end;
    return bytes;
  };
  while (at < page.length) {
    const mark = page[at++];
    if (mark === MARK.insert) yield { op: 'insert', after: line() };
    else if (mark === MARK.update) yield { op: 'update', before: line(), after: line() };
    else if (mark === MARK.delete) yield { op: 'delete', before: line() };
    else throw damaged(path, 'an operation is of no known kind');
  }
}
