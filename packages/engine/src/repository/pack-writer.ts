import { type Compression, CofreError } from '@cofre/contracts';
import { damaged } from '../format/seal.ts';
import type { BlockRef } from '../format/manifest.ts';
import { openBlock, PackBuilder, type PackedBlock } from '../format/pack.ts';
import type { ObjectSealing } from '../format/sealed-object.ts';
import type { BlobStore } from '../ports.ts';
import type { BlockKind } from './types.ts';
import { Gate } from './gate.ts';

/** Plain bytes under way at once between reading and proof: enough to keep two cores busy with 2 MiB blocks. */
const UNDER_WAY_BYTES = 10 * 1024 * 1024;

export interface PackWriterOptions extends ObjectSealing {
  readonly store: BlobStore;
  readonly compression: Compression;
  readonly signal: AbortSignal | undefined;
}

/**
 * Turns plain blocks into packs in the store: id → compress → seal → append → open again and compare → put.
 * Steps of several blocks overlap; a pack is put only when each of its blocks has been proven.
 */
export class PackWriter {
  bytesStored = 0;
  blocksNew = 0;
  readonly #options: PackWriterOptions;
  readonly #gate = new Gate(UNDER_WAY_BYTES);
  #pack: PackBuilder | null = null;
  /** Memory of packs that have been put: one fills while the one before is put. */
  readonly #spare: Buffer[] = [];
  #upload: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: PackWriterOptions) {
    this.#options = options;
  }

  blockId(plain: Uint8Array): string {
    return this.#options.keyring.blockId(plain);
  }

  /** Resolves when there is room to begin; `ref` resolves when the block is sealed. `plain` is ours until `onProven` is called. */
  async begin(
    block: { readonly kind: BlockKind; readonly id: string; readonly plain: Buffer },
    onProven?: () => void,
  ): Promise<{ readonly ref: Promise<BlockRef> }> {
    const { kind, id, plain } = block;
    await this.#gate.enter(plain.length);
    this.#throwIfFailed();
    const ref = this.#seal(
      { kind, id, plainBytes: plain.length, compression: this.#options.compression },
      plain,
      onProven,
    );
    this.#watch(ref);
    return { ref };
  }

  /** Puts what is left; afterwards everything that was begun is in the store. */
  async flush(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    this.#throwIfFailed();
    if (this.#pack) this.#close(this.#pack);
    await this.#upload;
    this.#throwIfFailed();
  }

  /** Waits until nothing of this writer is running, whatever became of it. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#upload.catch(() => undefined);
  }

  async #seal(block: PackedBlock, plain: Buffer, onProven?: () => void): Promise<BlockRef> {
    const codec = this.#options.codecs(block.compression);
    const packed = await codec.compress(plain).catch((error: unknown) => {
      this.#gate.leave(plain.length);
      throw error;
    });
    const pack = (this.#pack ??= new PackBuilder(this.#options, this.#spare.pop()));
    const { ref, sealed } = pack.append(block, packed);
    this.blocksNew++;
    const proof = this.#prove(pack, block, { plain, sealed })
      .then(onProven)
      .finally(() => this.#gate.leave(plain.length));
    pack.proofs.push(proof);
    this.#watch(proof);
    if (pack.full) this.#close(pack);
    return ref;
  }

  /** Opens what was just sealed and compares it with what went in. Idea: restic's `verifyCiphertext`. */
  async #prove(
    pack: PackBuilder,
    block: PackedBlock,
    bytes: { readonly plain: Buffer; readonly sealed: Buffer },
  ): Promise<void> {
    const packed = openBlock(pack.sealedKey, block, bytes.sealed);
    const opened = await this.#options.codecs(block.compression).decompress(packed, bytes.plain.length);
    if (!bytes.plain.equals(opened))
      throw damaged(pack.path, 'a block that was just sealed does not open to the same bytes; memory may be faulty');
  }

  #close(pack: PackBuilder): void {
    this.#pack = null;
    const before = this.#upload;
    this.#upload = (async () => {
      await before;
      this.#options.signal?.throwIfAborted();
      const bytes = await pack.finish();
      await this.#options.store.put(pack.path, bytes);
      this.bytesStored += bytes.length;
      this.#spare.push(pack.takeBuffer());
    })();
    this.#watch(this.#upload);
  }

  #watch(work: Promise<unknown>): void {
    const watched = work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#underWay.add(watched);
    void watched.finally(() => this.#underWay.delete(watched));
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#options.signal?.aborted)
      throw new CofreError('backup/interrupted', 'The backup was interrupted. What was half written is not listed.');
  }
}
