import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import type { Random } from '../ports.ts';
import { CHECKSUM_BYTES, NONCE_BYTES, TAG_BYTES } from './constants.ts';
import type { SecretKey } from './secret-key.ts';

/** What is authenticated beside the bytes, so that a sealed thing cannot stand in another's place. */
export type AssociatedData = readonly (string | number)[];

function encodeAssociated(data: AssociatedData): Buffer {
  // JSON keeps the borders between parts: ["ab","c"] and ["a","bc"] differ.
  return Buffer.from(JSON.stringify(data), 'utf8');
}

/** null: a plain repository, whose bytes are checksummed with the same associated data instead of encrypted. */
export type SealKey = SecretKey | null;

/**
 * AES-256-GCM: `nonce | ciphertext | tag`; plain: `bytes | SHA-256`. The nonce is random and the key belongs to one
 * object, so that nonces do not repeat under a key.
 */
export function seal(
  key: SealKey,
  random: Random,
  content: { readonly bytes: Uint8Array; readonly associated: AssociatedData },
): Buffer {
  const { bytes, associated } = content;
  if (key === null) return Buffer.concat([bytes, checksum(bytes, associated)]);
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(encodeAssociated(associated));
  const body = cipher.update(bytes);
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]);
}

/** Opens what `seal` made; `object` is named where anything differs (`repository/damaged`). */
export function open(
  key: SealKey,
  sealed: Uint8Array,
  expected: { readonly associated: AssociatedData; readonly object: string },
): Uint8Array {
  const { associated, object } = expected;
  if (key === null) {
    const bodyEnd = sealed.length - CHECKSUM_BYTES;
    if (bodyEnd < 0) throw damaged(object, 'it is too short');
    const body = sealed.subarray(0, bodyEnd);
    if (!checksum(body, associated).equals(sealed.subarray(bodyEnd)))
      throw damaged(object, 'its checksum does not fit');
    return body;
  }
  const bodyEnd = sealed.length - TAG_BYTES;
  if (bodyEnd < NONCE_BYTES) throw damaged(object, 'it is too short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(encodeAssociated(associated));
  decipher.setAuthTag(sealed.subarray(bodyEnd));
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, bodyEnd));
  try {
    decipher.final();
  } catch (cause) {
    throw damaged(object, 'its authentication tag does not fit', cause);
  }
  return plain;
}

function checksum(bytes: Uint8Array, associated: AssociatedData): Buffer {
  return createHash('sha256').update(encodeAssociated(associated)).update(bytes).digest();
}

export function damaged(object: string, why: string, cause?: unknown): CofreError {
  return new CofreError('repository/damaged', `${object} is damaged: ${why}.`, { params: { object }, cause });
}
