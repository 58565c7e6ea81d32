import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import { NONCE_BYTES, TAG_BYTES } from './constants.ts';

/** What is authenticated beside the bytes, so that a sealed thing cannot stand in another's place. */
export type AssociatedData = readonly (string | number)[];

function encodeAssociated(data: AssociatedData): Buffer {
  // JSON keeps the borders between parts: ["ab","c"] and ["a","bc"] differ.
  return Buffer.from(JSON.stringify(data), 'utf8');
}

/** AES-256-GCM: `nonce | ciphertext | tag`. The nonce is random, the key belongs to one object, so that nonces do not repeat. */
export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: AssociatedData): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(encodeAssociated(associated));
  const body = cipher.update(plain);
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]);
}

/** Opens what `seal` made; `object` is named where anything differs (`repository/damaged`). */
export function open(key: Uint8Array, sealed: Uint8Array, associated: AssociatedData, object: string): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw damaged(object, 'it is too short');
  const bodyEnd = sealed.length - TAG_BYTES;
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

export function damaged(object: string, why: string, cause?: unknown): CofreError {
  return new CofreError('repository/damaged', `${object} is damaged: ${why}.`, { params: { object }, cause });
}
