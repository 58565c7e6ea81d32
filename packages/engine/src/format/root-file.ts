import { CofreError } from '@cofre/contracts';
import { z } from 'zod';
import { rootPath } from './constants.ts';
import type { Keyring } from './keyring.ts';
import { damaged } from './seal.ts';

/**
 * `roots/<n>`: the nth root key of a repository. `cofre.json` names the first one and never changes, so that each further one
 * is an object of its own (docs/adr/0010). The MAC is under the configuration key: only who has a key can name a root key.
 */
const rootFile = z.strictObject({
  format: z.literal(1),
  rootKeyId: z.string().regex(/^[0-9a-f]{32}$/),
  createdAt: z.iso.datetime(),
  mac: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface RootEntry {
  /** Its place in the list of root keys: the first that is listed by a file of its own is the second one. */
  readonly number: number;
  readonly rootKeyId: string;
  readonly createdAt: string;
}

export function encodeRoot({ number, rootKeyId, createdAt }: RootEntry, keyring: Keyring): Buffer {
  const authentic = JSON.stringify(['root', keyring.repositoryId, number, rootKeyId, createdAt]);
  const mac = keyring.configMac(Buffer.from(authentic, 'utf8'));
  return Buffer.from(`${JSON.stringify({ format: 1, rootKeyId, createdAt, mac }, null, 2)}\n`, 'utf8');
}

/** Throws `repository/damaged` where it is not, byte for byte, what a key of this repository made for this place. */
export function decodeRoot(number: number, bytes: Uint8Array, keyring: Keyring): RootEntry {
  const path = rootPath(number);
  try {
    const { rootKeyId, createdAt } = rootFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    const entry = { number, rootKeyId, createdAt };
    if (encodeRoot(entry, keyring).equals(bytes)) return entry;
  } catch (cause) {
    if (cause instanceof CofreError) throw cause;
    throw damaged(path, 'it does not name a root key', cause);
  }
  throw damaged(path, 'it was changed by someone without the key');
}
