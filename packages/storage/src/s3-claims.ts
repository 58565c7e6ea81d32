import { createHash } from 'node:crypto';
import { CofreError } from '@cofre/contracts';
import type { Random } from '@cofre/engine';
import type { S3Bucket } from './s3-bucket.ts';
import type { Sleep } from './system.ts';

/** No part of a store's path may hold it, so what we keep for ourselves is never taken for an object. */
export const RESERVED_MARK = '~';

/** The writer of an older claim is gone. Much longer than `WRITE_TIME_MAX_MS`, so that its last request is over, too. */
export const CLAIM_LIFE_MS = 5 * 60 * 1000;
/** A writer gives up an object that takes longer; what is put if absent is small. */
const WRITE_TIME_MAX_MS = 60_000;
/** About ten seconds: what others write meanwhile takes less than one. */
const ROUNDS = 100;
const WAIT_MS = 100;

export interface ClaimOptions {
  /** Names this writer among all that ever claim in the bucket. One writer claims an object once at a time. */
  readonly token: string;
  readonly random: Random;
  readonly sleep: Sleep;
}

/**
 * Puts an object if it is absent, on a store that has no conditional puts. Whoever wants to put says so first, by a
 * claim: a small object under the writer's token. Then it lists the claims on the object, and only when it sees its own
 * and no other writer's it looks whether the object is there, puts it, and takes its claim away. Where several see each
 * other, the lowest token stays and the others withdraw until it is done.
 *
 * Why at most one is at it: of two claims one was put first, and the other's listing, made after its own claim was put,
 * shows it. No claim's name is used twice, so a delete that comes late takes away nothing that counts. What it rests on:
 * the store lists what it has confirmed (S3 has since 2020), and a put has its effect within `CLAIM_LIFE_MS` of its
 * claim, by the store's clock, or never (a writer gives up its own after `WRITE_TIME_MAX_MS`). A writer that is killed
 * makes others wait, with `storage/unavailable`, until its claim is that old.
 */
export async function putByClaim(
  bucket: S3Bucket,
  object: { readonly name: string; readonly bytes: Uint8Array },
  options: ClaimOptions,
): Promise<boolean> {
  const claims = new Claims(bucket, object.name, options);
  try {
    await claims.put();
    for (let round = 0; round < ROUNDS; round++) {
      const standing = await claims.look();
      if (standing === 'alone') return await putAlone(bucket, object, claims);
      if (standing === 'first') await claims.put();
      if (standing === 'later') await claims.withdraw();
      await options.sleep(WAIT_MS * (0.5 + (options.random.bytes(1)[0] ?? 0) / 256));
    }
    throw new CofreError(
      'storage/unavailable',
      `${object.name} was not written to ${bucket.url}: another writer is putting it, or was killed while it did.`,
      { hint: 'Call again; what a killed writer left is ignored after five minutes. Nothing was changed.' },
    );
  } finally {
    await claims.withdraw();
  }
}

/** While no other writer may be at it. */
async function putAlone(
  bucket: S3Bucket,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  claims: Claims,
): Promise<boolean> {
  const isAbsent = (await bucket.stat(name)) === null;
  if (isAbsent) {
    claims.keep();
    await bucket.put(name, bytes, { signal: AbortSignal.timeout(WRITE_TIME_MAX_MS) });
  }
  await claims.removeAll();
  return isAbsent;
}

/** The claims on one object, as one writer makes and sees them. */
class Claims {
  readonly #bucket: S3Bucket;
  readonly #object: string;
  readonly #random: Random;
  /** How the claims of all writers on this object begin, and how ours do. */
  readonly #all: string;
  readonly #ours: string;
  /** All of ours in the bucket, those of earlier attempts too; they hold up others, never us. */
  readonly #left = new Set<string>();
  #current: string | null = null;
  #lastPutMs = 0;

  constructor(bucket: S3Bucket, object: string, options: ClaimOptions) {
    this.#bucket = bucket;
    this.#object = object;
    this.#random = options.random;
    this.#all = `${RESERVED_MARK}claim${RESERVED_MARK}${createHash('sha256').update(object).digest('hex')}${RESERVED_MARK}`;
    this.#ours = `${this.#all}${options.token}${RESERVED_MARK}`;
  }

  /** Claims, unless that is done. */
  async put(): Promise<void> {
    if (this.#current !== null) return;
    const name = this.#ours + Buffer.from(this.#random.bytes(8)).toString('hex');
    this.#current = name;
    await this.#bucket.put(name, Buffer.from(`${this.#object}\n`));
    const info = await this.#bucket.stat(name);
    this.#lastPutMs = info?.modifiedAt.getTime() ?? this.#lastPutMs;
  }

  /** Where we stand among the tokens of all who claim; `unseen` as long as the store does not list our own claim. */
  async look(): Promise<'alone' | 'first' | 'later' | 'unseen'> {
    const others: string[] = [];
    let isListed = false;
    for await (const { path, modifiedAt } of this.#bucket.list(this.#all)) {
      if (path.startsWith(this.#ours)) this.#left.add(path);
      // Ages are the store's: its time now is not before that of our last claim.
      else if (this.#lastPutMs - modifiedAt.getTime() <= CLAIM_LIFE_MS) others.push(path);
      else await this.#bucket.delete(path);
      isListed ||= path === this.#current;
    }
    if (others.some((path) => path < this.#ours)) return 'later';
    if (others.length > 0 || this.#current === null) return 'first';
    return isListed ? 'alone' : 'unseen';
  }

  /** Takes the current claim back. */
  async withdraw(): Promise<void> {
    if (this.#current === null) return;
    await this.#bucket.delete(this.#current);
    this.#current = null;
  }

  /** Leaves the claim in the bucket whatever happens next: a put that fails may still have its effect. */
  keep(): void {
    this.#current = null;
  }

  async removeAll(): Promise<void> {
    for (const path of this.#left) await this.#bucket.delete(path);
    this.#current = null;
  }
}
