import type { BlockRef, RangeEntry } from '../format/manifest.ts';
import type { BlockKind } from './types.ts';

export interface KindOfBlock {
  readonly ref: BlockRef;
  readonly kind: BlockKind;
}

/** The blocks that a range is made of. */
export function blocksOf({ base, deltas }: RangeEntry): readonly KindOfBlock[] {
  const blocks: KindOfBlock[] = [];
  const add = (kind: BlockKind, ref: BlockRef | null | undefined) => {
    if (ref != null) blocks.push({ ref, kind });
  };
  add('rows', base?.rows);
  add('keys', base?.keys);
  for (const { upserts, deletes } of deltas) {
    add('upserts', upserts);
    add('deletes', deletes);
  }
  return blocks;
}
