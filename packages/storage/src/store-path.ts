import { assert } from '@cofre/contracts';

/** Leaves room in a 255-byte file name for the suffix of a temporary file. */
const PART_LENGTH_MAX = 200;
/** S3 keys end at 1,024 bytes, the bucket's prefix included. */
const PATH_LENGTH_MAX = 700;
const PART = /^[A-Za-z0-9._-]+$/;

/** Paths are made by our own code, so a wrong one is our bug; it must never reach a file system. */
export function assertStorePath(path: string): void {
  assert(isStorePath(path), `not a path of a store: ${JSON.stringify(path)}`);
}

export function isStorePath(path: string): boolean {
  return path.length <= PATH_LENGTH_MAX && path.split('/').every(isPart);
}

/** A prefix is any beginning of a path: `''`, `packs/`, `packs/0a`. */
export function assertStorePrefix(prefix: string): void {
  const folders = prefix.split('/');
  const begun = folders.pop() ?? '';
  const sound = folders.every(isPart) && (begun === '' || PART.test(begun)) && prefix.length <= PATH_LENGTH_MAX;
  assert(sound, `not a prefix of a store: ${JSON.stringify(prefix)}`);
}

function isPart(part: string): boolean {
  return PART.test(part) && part !== '.' && part !== '..' && part.length <= PART_LENGTH_MAX;
}
