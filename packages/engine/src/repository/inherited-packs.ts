import type { BlockRef, Manifest, NeededPack } from '../format/manifest.ts';

/** When less than this part of what was used of a pack at first is in use, a backup copies that forward. */
const IN_USE_MIN = 0.25;

/**
 * What earlier backups use of the packs that a new one takes blocks from. A pack cannot be freed before the last block in
 * it is dead: of one that is hardly in use any more the living are copied forward, so that what is dead in the packs of the
 * newest backup is at most three times what lives. The measure is what the same line of backups used of the pack at first,
 * and not the pack's size: packs are shared with other implementations.
 */
export class InheritedPacks {
  readonly #packs = new Map<string, NeededPack>();

  constructor(parents: readonly Manifest[]) {
    for (const { packs } of parents) {
      for (const pack of packs) {
        const known = this.#packs.get(pack.id);
        if (known === undefined || known.bytesLive < pack.bytesLive) this.#packs.set(pack.id, pack);
      }
    }
  }

  /** Whether the blocks of this pack are to be copied forward. Of a pack that is not known nothing is. */
  isHardlyUsed({ pack }: BlockRef): boolean {
    const known = this.#packs.get(pack);
    return known !== undefined && known.bytesLive < IN_USE_MIN * atFirst(known);
  }

  bytesAtFirst(pack: string, bytesLive: number): number {
    const known = this.#packs.get(pack);
    return known === undefined ? bytesLive : atFirst(known);
  }
}

function atFirst({ bytesAtFirst, bytesLive }: NeededPack): number {
  return bytesAtFirst ?? bytesLive;
}
