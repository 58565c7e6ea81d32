import { createHash } from 'node:crypto';
import { CofreError, type Compression, compression } from '@cofre/contracts';
import { z } from 'zod';
import type { BlockKind } from '../repository/types.ts';
import {
  FORMAT_VERSION,
  PACK_BYTES,
  PACK_END_MAGIC,
  PACK_MAGIC,
  packPath,
  ROOT_KEY_ID_BYTES,
  SALT_BYTES,
  SUITE,
} from './constants.ts';
import type { Keyring } from './keyring.ts';
import type { BlockRef } from './manifest.ts';
import { damaged, open, seal, type SealKey } from './seal.ts';
import type { ObjectSealing } from './sealed-object.ts';
import { openObject, sealObject } from './sealed-object.ts';

/**
 * A pack: header, sealed blocks one after another, a sealed index, its length, an end mark.
 * ```
 *  0   8  "COFREPAK"        10  16  root key id   (zeros when plain)
 *  8   1  format version    26  32  salt          (zeros when plain)
 *  9   1  suite             58   …  blocks, then the index (a sealed object of kind pack-index)
 * end-12  4  length of the index, little endian     end-8  8  "COFREEND"
 * ```
 * A block is `nonce | ciphertext | tag` under the pack's own key, or `bytes | SHA-256` when plain. Repository, path, kind,
 * compression, id and length are authenticated (checksummed) with it.
 */
export const PACK_HEADER_BYTES = 10 + ROOT_KEY_ID_BYTES + SALT_BYTES;
export const PACK_TRAILER_BYTES = 12;

const indexEntry = z.strictObject({
  kind: z.enum(['rows', 'keys', 'upserts', 'deletes', 'ranges']),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  offset: z.int().nonnegative(),
  length: z.int().nonnegative(),
  plainBytes: z.int().nonnegative(),
  compression,
});
export type PackIndexEntry = z.infer<typeof indexEntry>;

export interface SealedKey {
  readonly key: SealKey;
  readonly path: string;
  readonly repositoryId: string;
}

/** Packed (compressed) bytes and what they are. */
export interface PackedBlock {
  readonly kind: BlockKind;
  readonly id: string;
  readonly plainBytes: number;
  readonly compression: Compression;
}

function associated(pack: SealedKey, block: PackedBlock): (string | number)[] {
  return [pack.repositoryId, pack.path, block.kind, FORMAT_VERSION, block.compression, block.id, block.plainBytes];
}

/** Opens one block's seal; gives the compressed bytes. */
export function openBlock(pack: SealedKey, block: PackedBlock, sealed: Uint8Array): Uint8Array {
  return open(pack.key, sealed, {
    associated: associated(pack, block),
    object: `block ${block.id.slice(0, 12)} of ${pack.path}`,
  });
}

/** A pack in the making, in memory. */
export class PackBuilder {
  readonly id: string;
  readonly path: string;
  readonly sealedKey: SealedKey;
  /** Settled when every block in it has been opened again and compared. */
  readonly proofs: Promise<void>[] = [];
  readonly #sealing: ObjectSealing;
  readonly #index: PackIndexEntry[] = [];
  #bytes: Buffer;
  #length = PACK_HEADER_BYTES;

  /** `buffer`: of a pack that has been put, to be used again. */
  constructor(sealing: ObjectSealing, buffer?: Buffer) {
    this.#bytes = buffer ?? Buffer.allocUnsafeSlow(64 * 1024);
    const { keyring, random } = sealing;
    this.#sealing = sealing;
    this.id = Buffer.from(random.bytes(16)).toString('hex');
    this.path = packPath(this.id);
    const header = Buffer.alloc(PACK_HEADER_BYTES);
    PACK_MAGIC.copy(header);
    header[8] = FORMAT_VERSION;
    header[9] = SUITE[keyring.suite];
    if (keyring.suite !== 'none') {
      header.write(keyring.currentRootKeyId, 10, 'hex');
      header.set(random.bytes(SALT_BYTES), 26);
    }
    header.copy(this.#bytes);
    this.sealedKey = sealedKeyOf(keyring, this.id, header);
  }

  get full(): boolean {
    return this.#length >= PACK_BYTES;
  }

  /** Seals a block and appends it; gives where it lies and its sealed bytes (a view, valid until the next append). */
  append(block: PackedBlock, packed: Uint8Array): { readonly ref: BlockRef; readonly sealed: Buffer } {
    const content = { bytes: packed, associated: associated(this.sealedKey, block) };
    const sealed = seal(this.sealedKey.key, this.#sealing.random, content);
    this.#reserve(sealed.length);
    this.#bytes.set(sealed, this.#length);
    const entry = { ...block, offset: this.#length, length: sealed.length };
    this.#length += sealed.length;
    this.#index.push(entry);
    const { id, offset, length, plainBytes, compression: packing } = entry;
    return {
      ref: { id, pack: this.id, offset, length, plainBytes, compression: packing },
      sealed: this.#bytes.subarray(offset, offset + length),
    };
  }

  /** The whole object; waits until every block has been proven. */
  async finish(): Promise<Buffer> {
    await Promise.all(this.proofs);
    const index = await sealObject(
      this.#sealing,
      { path: this.path, kind: 'pack-index' },
      Buffer.from(JSON.stringify(this.#index), 'utf8'),
    );
    this.#reserve(index.length + PACK_TRAILER_BYTES);
    this.#bytes.set(index, this.#length);
    this.#length += index.length;
    this.#bytes.writeUInt32LE(index.length, this.#length);
    PACK_END_MAGIC.copy(this.#bytes, this.#length + 4);
    return this.#bytes.subarray(0, this.#length + PACK_TRAILER_BYTES);
  }

  /** The memory of a pack that has been put. The pack cannot be used afterwards. */
  takeBuffer(): Buffer {
    const buffer = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return buffer;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(
      Math.max(needed, Math.min(this.#bytes.length * 2, PACK_BYTES + 4 * 1024 * 1024)),
    );
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Reads a pack's header: which key seals its blocks. */
export function sealedKeyOf(keyring: Keyring, packId: string, header: Buffer): SealedKey {
  const path = packPath(packId);
  if (header.length < PACK_HEADER_BYTES || !header.subarray(0, 8).equals(PACK_MAGIC))
    throw damaged(path, 'it does not begin like a pack');
  if (header[8] !== FORMAT_VERSION || header[9] !== SUITE[keyring.suite])
    throw damaged(path, 'its header is not that of this repository');
  const secret = header.subarray(10, PACK_HEADER_BYTES);
  if (keyring.suite === 'none') {
    if (secret.some((byte) => byte !== 0)) throw damaged(path, 'its header is not that of this repository');
    return { key: null, path, repositoryId: keyring.repositoryId };
  }
  const key = keyring.sealingKey(
    { use: 'pack', path },
    secret.toString('hex', 0, ROOT_KEY_ID_BYTES),
    secret.subarray(ROOT_KEY_ID_BYTES),
  );
  return { key, path, repositoryId: keyring.repositoryId };
}

/** The index at a pack's end, and a check that its blocks fill the pack without a gap. */
export async function readPackIndex(
  sealing: Omit<ObjectSealing, 'random'>,
  packId: string,
  pack: Buffer,
): Promise<PackIndexEntry[]> {
  const path = packPath(packId);
  const end = pack.length - PACK_TRAILER_BYTES;
  if (end < PACK_HEADER_BYTES || !pack.subarray(end + 4).equals(PACK_END_MAGIC))
    throw damaged(path, 'its end is missing');
  const indexStart = end - pack.readUInt32LE(end);
  if (indexStart < PACK_HEADER_BYTES) throw damaged(path, 'its index is longer than itself');
  const plain = await openObject(sealing, { path, kind: 'pack-index' }, pack.subarray(indexStart, end));
  const entries = z.array(indexEntry).parse(JSON.parse(plain.toString('utf8')));
  let offset = PACK_HEADER_BYTES;
  for (const entry of entries) {
    if (entry.offset !== offset) throw damaged(path, 'its index does not fit its blocks');
    offset += entry.length;
  }
  if (offset !== indexStart) throw damaged(path, 'its index does not fit its blocks');
  return entries;
}

/** SHA-256 of an object as it lies in the store, as documents show it. */
export function checksumOf(object: Uint8Array): string {
  return `sha256:${createHash('sha256').update(object).digest('hex')}`;
}

export function missing(path: string, cause?: unknown): CofreError {
  return new CofreError('repository/object-missing', `${path} is missing from the repository.`, {
    params: { object: path },
    cause,
  });
}
