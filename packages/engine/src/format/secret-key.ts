import { createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** 32 bytes, as the runtime's ciphers take them fastest. */
export type SecretKey = KeyObject | Uint8Array;

/**
 * Node looks at bytes anew at every use, which takes longer than to seal a small block. Deno 2.1, on which hosted functions
 * run, knows bytes alone.
 */
export function secretKeyOf(bytes: Uint8Array): SecretKey {
  return takesKeyObjects() ? createSecretKey(bytes) : bytes;
}

let known: boolean | null = null;

/** Whether it gives the same for both. */
function takesKeyObjects(): boolean {
  known ??= (() => {
    const bytes = Buffer.alloc(32, 1);
    const sealedWith = (key: SecretKey) => {
      const cipher = createCipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      const sealed = [cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat([...sealed, createHmac('sha256', key).update(bytes).digest()]);
    };
    try {
      return sealedWith(createSecretKey(bytes)).equals(sealedWith(bytes));
    } catch {
      return false;
    }
  })();
  return known;
}
