import { CofreError, type Compression } from '@cofre/contracts';
import type { Codecs, Random } from '../ports.ts';
import type { ObjectKind } from '../repository/types.ts';
import {
  COMPRESSION_CODE,
  FORMAT_VERSION,
  OBJECT_KIND_CODE,
  OBJECT_MAGIC,
  ROOT_KEY_ID_BYTES,
  SALT_BYTES,
  SUITE,
} from './constants.ts';
import type { Keyring } from './keyring.ts';
import { damaged, open, seal, type SealKey } from './seal.ts';

/**
 * One sealed thing that is an object of its own (a manifest, a plan, the index at a pack's end):
 * ```
 *  0   8  "COFREOBJ"         12   4  length of the plain bytes, little endian
 *  8   1  format version     16  16  root key id      (zeros when plain)
 *  9   1  suite              32  32  salt             (zeros when plain)
 * 10   1  kind               64   …  nonce | ciphertext | tag   or   bytes | SHA-256
 * 11   1  compression
 * ```
 * The header, the repository's id and the object's path are authenticated (checksummed when plain) with the bytes.
 */
const HEADER_BYTES = 16 + ROOT_KEY_ID_BYTES + SALT_BYTES;

export interface ObjectSealing {
  readonly keyring: Keyring;
  readonly codecs: Codecs;
  readonly random: Random;
}

export interface ObjectPlace {
  readonly path: string;
  readonly kind: ObjectKind;
}

/** Seals, opens again and compares: nothing leaves the process that could not be read back. */
export async function sealObject(sealing: ObjectSealing, place: ObjectPlace, plain: Uint8Array): Promise<Buffer> {
  const compression: Compression = 'zstd';
  const packed = await sealing.codecs(compression).compress(plain);
  const header = Buffer.alloc(HEADER_BYTES);
  OBJECT_MAGIC.copy(header);
  header[8] = FORMAT_VERSION;
  header[9] = SUITE[sealing.keyring.suite];
  header[10] = OBJECT_KIND_CODE[place.kind];
  header[11] = COMPRESSION_CODE[compression];
  header.writeUInt32LE(plain.length, 12);
  let key: SealKey = null;
  if (sealing.keyring.suite !== 'none') {
    header.write(sealing.keyring.currentRootKeyId, 16, 'hex');
    header.set(sealing.random.bytes(SALT_BYTES), 32);
    const sealed = { use: 'object', path: place.path } as const;
    key = sealing.keyring.sealingKey(sealed, sealing.keyring.currentRootKeyId, header.subarray(32));
  }
  const body = seal(key, sealing.random, { bytes: packed, associated: associated(header, sealing.keyring, place) });
  const object = Buffer.concat([header, body]);
  const reopened = await openObject(sealing, place, object);
  if (!reopened.equals(plain))
    throw damaged(place.path, 'what was just sealed does not open to the same bytes; memory may be faulty');
  return object;
}

export async function openObject(
  sealing: Omit<ObjectSealing, 'random'>,
  place: ObjectPlace,
  object: Buffer,
): Promise<Buffer> {
  const compression = checkHeader(sealing.keyring, place, object);
  const header = object.subarray(0, HEADER_BYTES);
  const body = object.subarray(HEADER_BYTES);
  const plainSuite = sealing.keyring.suite === 'none';
  if (plainSuite && header.subarray(16).some((byte) => byte !== 0))
    throw damaged(place.path, 'its header is not that of this repository');
  const key = plainSuite
    ? null
    : sealing.keyring.sealingKey(
        { use: 'object', path: place.path },
        header.toString('hex', 16, 32),
        header.subarray(32),
      );
  const packed = open(key, body, { associated: associated(header, sealing.keyring, place), object: place.path });
  const plainBytes = header.readUInt32LE(12);
  return Buffer.from(await sealing.codecs(compression).decompress(packed, plainBytes));
}

/** Checks what can be checked before any key is used; gives the compression. */
function checkHeader(keyring: Keyring, place: ObjectPlace, object: Buffer): Compression {
  if (object.length < HEADER_BYTES || !object.subarray(0, 8).equals(OBJECT_MAGIC)) {
    throw damaged(place.path, 'it does not begin like an object of a repository');
  }
  const version = object[8] ?? 0;
  if (version > FORMAT_VERSION && version < 32) {
    throw new CofreError(
      'repository/newer-format',
      `${place.path} has format ${version}; this program knows ${FORMAT_VERSION}.`,
      { params: { object: place.path } },
    );
  }
  const compression = (Object.keys(COMPRESSION_CODE) as Compression[]).find(
    (name) => COMPRESSION_CODE[name] === object[11],
  );
  if (
    version !== FORMAT_VERSION ||
    object[9] !== SUITE[keyring.suite] ||
    object[10] !== OBJECT_KIND_CODE[place.kind] ||
    !compression
  ) {
    throw damaged(place.path, 'its header is not that of the object that belongs here');
  }
  return compression;
}

function associated(header: Buffer, keyring: Keyring, place: ObjectPlace): (string | number)[] {
  return [keyring.repositoryId, place.path, place.kind, header.toString('hex')];
}
