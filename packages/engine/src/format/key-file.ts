import { hkdf, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { CofreError } from '@cofre/contracts';
import { z } from 'zod';
import type { Random } from '../ports.ts';
import type { RepositoryKey } from '../repository/types.ts';
import { keyPath } from './constants.ts';
import { damaged, open, seal } from './seal.ts';

/** Cost of a passphrase guess: 128 MiB and some 0.3 s. The strongest setting that OWASP's password storage guide lists for scrypt. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const SCRYPT_MEMORY_MAX = 256 * 1024 * 1024;

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

const keyFile = z.strictObject({
  format: z.literal(1),
  id: hex(16),
  rootKeyId: hex(16),
  kind: z.enum(['passphrase', 'key-file']),
  createdAt: z.iso.datetime(),
  kdf: z.discriminatedUnion('name', [
    z.strictObject({
      name: z.literal('scrypt'),
      N: z
        .int()
        .min(2 ** 14)
        .max(2 ** 20),
      r: z.literal(8),
      p: z.literal(1),
      salt: hex(32),
    }),
    z.strictObject({ name: z.literal('hkdf-sha256'), salt: hex(32) }),
  ]),
  /** Sealed: root key (32 bytes), then id key (32 bytes). */
  wrapped: z.base64(),
});
export type KeyFile = z.infer<typeof keyFile>;

export interface RootSecrets {
  readonly rootKeyId: string;
  readonly rootKey: Buffer;
  readonly idKey: Buffer;
}

export function decodeKeyFile(path: string, bytes: Uint8Array): KeyFile {
  try {
    const parsed = keyFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (keyPath(parsed.id) !== path) throw damaged(path, 'it carries the id of another key');
    return parsed;
  } catch (cause) {
    if (cause instanceof CofreError) throw cause;
    throw damaged(path, 'it is not a key file', cause);
  }
}

export type WrappingSecret = Exclude<RepositoryKey, { kind: 'none' }>;

/**
 * A passphrase or key file, and what it wraps. It derives one key per salt, and all root keys of a slot share one, so that a
 * passphrase is stretched once however often root keys were rotated.
 */
export class KeyWrapper {
  readonly #key: WrappingSecret;
  readonly #repositoryId: string;
  readonly #derived = new Map<string, Promise<Buffer>>();

  constructor(key: WrappingSecret, repositoryId: string) {
    this.#key = key;
    this.#repositoryId = repositoryId;
  }

  get kind(): WrappingSecret['kind'] {
    return this.#key.kind;
  }

  /** Of a new slot: with a salt of its own. */
  newKdf(random: Random): KeyFile['kdf'] {
    const salt = Buffer.from(random.bytes(32)).toString('hex');
    return this.#key.kind === 'key-file' ? { name: 'hkdf-sha256', salt } : { name: 'scrypt', ...SCRYPT, salt };
  }

  async wrap(
    secrets: RootSecrets,
    { kdf, random, createdAt }: { readonly kdf: KeyFile['kdf']; readonly random: Random; readonly createdAt: string },
  ): Promise<KeyFile> {
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const { rootKeyId } = secrets;
    const body = { format: 1 as const, id, rootKeyId, kind: this.#key.kind, createdAt, kdf };
    const plain = Buffer.concat([secrets.rootKey, secrets.idKey]);
    const bound = { bytes: plain, associated: associated(this.#repositoryId, body) };
    const wrapped = seal(await this.#wrappingKey(kdf), random, bound);
    return { ...body, wrapped: wrapped.toString('base64') };
  }

  /** The secrets inside a key file; null where this key does not open it. */
  async unwrap(file: KeyFile): Promise<RootSecrets | null> {
    if (file.kind !== this.#key.kind) return null;
    const wrapping = await this.#wrappingKey(file.kdf);
    const { wrapped, ...body } = file;
    try {
      const expected = { associated: associated(this.#repositoryId, body), object: keyPath(file.id) };
      const plain = Buffer.from(open(wrapping, Buffer.from(wrapped, 'base64'), expected));
      return { rootKeyId: file.rootKeyId, rootKey: plain.subarray(0, 32), idKey: plain.subarray(32, 64) };
    } catch {
      // A wrong key and a changed file look alike by design; the caller tells them apart by the other key files.
      return null;
    }
  }

  #wrappingKey(kdf: KeyFile['kdf']): Promise<Buffer> {
    const name = JSON.stringify(kdf);
    const known = this.#derived.get(name) ?? wrappingKey(kdf, this.#key);
    this.#derived.set(name, known);
    return known;
  }
}

function associated(repositoryId: string, body: Omit<KeyFile, 'wrapped'>): string[] {
  return [
    repositoryId,
    body.id,
    body.rootKeyId,
    body.kind,
    body.createdAt,
    JSON.stringify(Object.entries(body.kdf).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  ];
}

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);
const hkdfAsync = promisify(hkdf);

async function wrappingKey(kdf: KeyFile['kdf'], key: WrappingSecret): Promise<Buffer> {
  const salt = Buffer.from(kdf.salt, 'hex');
  if (kdf.name === 'scrypt' && key.kind === 'passphrase') {
    // NFKC: the same passphrase typed on two keyboards may arrive in two Unicode forms.
    return scryptAsync(key.passphrase.normalize('NFKC'), salt, 32, {
      N: kdf.N,
      r: kdf.r,
      p: kdf.p,
      maxmem: SCRYPT_MEMORY_MAX,
    });
  }
  if (kdf.name === 'hkdf-sha256' && key.kind === 'key-file')
    return Buffer.from(await hkdfAsync('sha256', key.bytes, salt, 'cofre/1 key-file', 32));
  throw damaged('keys', 'a key file does not fit its own kind');
}
