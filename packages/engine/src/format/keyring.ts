import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import type { Suite } from './constants.ts';
import { damaged } from './seal.ts';
import { type SecretKey, secretKeyOf } from './secret-key.ts';

/**
 * The secrets of an open repository, and what is derived from them. A root key seals; the id key names blocks and never
 * changes, so that equal rows keep their ids when root keys rotate. Derivation: HKDF-SHA-256 (RFC 5869).
 */
export interface Keyring {
  readonly suite: Suite;
  readonly repositoryId: string;
  /** Id of the root key that seals new objects: 32 hex digits, zeros in a plain repository. */
  readonly currentRootKeyId: string;
  /** HMAC-SHA-256 under the id key, SHA-256 in a plain repository; hex. */
  blockId(plain: Uint8Array): string;
  /** The key that seals one pack or object, by its root key and random salt. Throws `repository/key-wrong` for an unknown root key. */
  sealingKey(sealed: SealedPlace, rootKeyId: string, salt: Uint8Array): SecretKey;
  /** Authenticates `cofre.json`; null in a plain repository. */
  configMac(bytes: Uint8Array): string | null;
}

export interface SealedPlace {
  readonly use: 'pack' | 'object';
  /** For messages. */
  readonly path: string;
}

export const NO_ROOT_KEY = '0'.repeat(32);

/** Both collections grow when a root key is added while the repository is open; the keyring goes by them as they are. */
export interface Secrets {
  /** Root key id → 32 bytes. */
  readonly rootKeys: ReadonlyMap<string, Buffer>;
  /** All that `cofre.json` and `roots/` list, the newest last, also those that the given key does not open. */
  readonly listedRootKeyIds: readonly string[];
  /** 32 bytes. */
  readonly idKey: Buffer;
}

export function plainKeyring(repositoryId: string): Keyring {
  return {
    suite: 'none',
    repositoryId,
    currentRootKeyId: NO_ROOT_KEY,
    blockId: (plain) => createHash('sha256').update(plain).digest('hex'),
    sealingKey: ({ path }) => {
      throw damaged(path, 'it claims to be encrypted, and the repository is not');
    },
    configMac: () => null,
  };
}

export function encryptedKeyring(repositoryId: string, secrets: Secrets): Keyring {
  const blockKey = derive(secrets.idKey, repositoryId, 'cofre/1 block-id');
  const configKey = derive(secrets.idKey, repositoryId, 'cofre/1 config');
  return {
    suite: 'aes-256-gcm',
    repositoryId,
    get currentRootKeyId() {
      // The newest that is listed, not the newest that was opened: a key that a rotation left out must not go on with the old one.
      return secrets.listedRootKeyIds.at(-1) ?? NO_ROOT_KEY;
    },
    blockId: (plain) => createHmac('sha256', blockKey).update(plain).digest('hex'),
    sealingKey: ({ use, path }, rootKeyId, salt) => {
      const rootKey = secrets.rootKeys.get(rootKeyId);
      if (!rootKey && secrets.listedRootKeyIds.includes(rootKeyId)) {
        throw new CofreError(
          'repository/key-wrong',
          `${path} is sealed with root key ${rootKeyId}, which the given key does not open.`,
          { params: { object: path } },
        );
      }
      if (!rootKey) throw damaged(path, `it names the root key ${rootKeyId}, which this repository does not have`);
      return derive(rootKey, salt, `cofre/1 ${use}`);
    },
    configMac: (bytes) => createHmac('sha256', configKey).update(bytes).digest('hex'),
  };
}

function derive(key: Uint8Array, salt: Uint8Array | string, info: string): SecretKey {
  return secretKeyOf(Buffer.from(hkdfSync('sha256', key, salt, info, 32)));
}
