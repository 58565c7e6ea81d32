import { CofreError } from '@cofre/contracts';
import type { ManifestTable, RangeEntry } from '../format/manifest.ts';
import { batchOfBlock } from '../rows/batches.ts';
import type { RowBatch } from '../rows/layout.ts';
import type { Repository } from './repository.ts';

/** Ranges that are read and opened ahead of the reader. */
const READ_AHEAD = 2;

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
      const block = readRange(repository, range);
      block.catch(() => undefined); // Thrown when its turn comes.
      ahead.push(block);
      if (ahead.length > READ_AHEAD) yield batchOfBlock((await ahead.shift()) ?? Buffer.alloc(0));
    }
    for (let next = ahead.shift(); next; next = ahead.shift()) yield batchOfBlock(await next);
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** All rows of one range, as its block has them. */
export async function readRange(repository: Repository, range: RangeEntry): Promise<Buffer> {
  if (range.deltas.length > 0)
    throw new CofreError(
      'repository/newer-format',
      'This backup holds delta blocks, which this program does not read yet.',
    );
  return range.base === null ? Buffer.alloc(0) : repository.readBlock(range.base.rows, 'rows');
}
