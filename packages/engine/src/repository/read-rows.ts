import type { BaseBlocks, ManifestTable, RangeEntry } from '../format/manifest.ts';
import { applyDeltas, type Delta, keyLinesOf } from '../rows/apply-deltas.ts';
import { batchOfBlock } from '../rows/batches.ts';
import { decodeKeys } from '../rows/key-block.ts';
import type { RowBatch, RowLayout } from '../rows/layout.ts';
import type { Repository } from './repository.ts';

/** Ranges that are read and opened ahead of the reader. */
const READ_AHEAD = 2;

/** What of a table says how its rows lie. */
export type StoredLayout = Pick<ManifestTable, 'columns' | 'key'>;

export function layoutOf({ columns, key }: StoredLayout): RowLayout {
  return { columns: columns.map(({ name }) => name), key };
}

export async function* readRows(
  repository: Repository,
  table: ManifestTable,
  options: { readonly fromRange?: number; readonly toRange?: number },
): AsyncGenerator<RowBatch> {
  const from = options.fromRange ?? 0;
  const to = options.toRange ?? Number.POSITIVE_INFINITY;
  const ahead: Promise<Buffer>[] = [];
  let index = 0;
  try {
    for await (const range of repository.ranges(table)) {
      if (index >= to) break;
      if (index++ < from || range.base === null) continue;
      const block = readRange(repository, table, range);
      block.catch(() => undefined); // Thrown when its turn comes.
      ahead.push(block);
      if (ahead.length > READ_AHEAD) yield batchOfBlock((await ahead.shift()) ?? Buffer.alloc(0));
    }
    for (let next = ahead.shift(); next; next = ahead.shift()) yield batchOfBlock(await next);
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** All rows of one range: those of its base block, and what its deltas made of them. */
export async function readRange(repository: Repository, table: StoredLayout, range: RangeEntry): Promise<Buffer> {
  const [base, deltas] = await Promise.all([readBase(repository, range.base), readDeltas(repository, range)]);
  return applyDeltas(layoutOf(table), base, deltas);
}

/** The keys of all rows of one range, as lines of COPY text, without reading the rows. The table must have a key. */
export async function readRangeKeys(repository: Repository, layout: RowLayout, range: RangeEntry): Promise<Buffer> {
  const keys = range.base?.keys;
  const [base, deltas] = await Promise.all([
    keys ? repository.readBlock(keys, 'keys') : Buffer.alloc(0),
    readDeltas(repository, range),
  ]);
  const ofKeys = deltas.map(({ upserts, deletes }) => ({ upserts: upserts && keyLinesOf(layout, upserts), deletes }));
  return applyDeltas(layout, decodeKeys(layout, base), ofKeys);
}

async function readBase(repository: Repository, base: BaseBlocks | null): Promise<Buffer> {
  return base === null ? Buffer.alloc(0) : repository.readBlock(base.rows, 'rows');
}

/** Oldest first. At most eight, and together a fraction of the base. */
export function readDeltas(repository: Repository, { deltas }: Pick<RangeEntry, 'deltas'>): Promise<Delta[]> {
  return Promise.all(
    deltas.map(async ({ upserts, deletes }) => ({
      upserts: upserts && (await repository.readBlock(upserts, 'upserts')),
      deletes: deletes && (await repository.readBlock(deletes, 'deletes')),
    })),
  );
}
