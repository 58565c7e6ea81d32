import { createHash } from 'node:crypto';
import type { Damage } from '@cofre/contracts';
import type { BlobStore } from '@cofre/engine';

/** Files for people who have nothing but the repository. A later version gets a new name: objects never change (I4). */
export interface RecoveryFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export const RECOVERY_PATHS = ['RECOVERY.md', 'recovery/cofre-reader-1.mjs'] as const;

/**
 * SHA-256 of every version that was published, the newest last. `node apps/reader/build.ts` prints that of the reader; the
 * tests hold these to the files.
 */
const PUBLISHED: Readonly<Record<string, readonly string[]>> = {
  'RECOVERY.md': ['0ae26d422374bb2cc43dac5d7c41106c93a287e620b67fbc57ff03f0de6c5d4a'],
  'recovery/cofre-reader-1.mjs': ['a98709f5fc588e9c727716fa6ba5075ed481e2465dbece2491e2daef0682e780'],
};

export function isPublished({ path, bytes }: RecoveryFile): boolean {
  return PUBLISHED[path]?.includes(createHash('sha256').update(bytes).digest('hex')) === true;
}

/** Larger than any of them: what somebody put in their place is not read to its end. */
const RECOVERY_BYTES_MAX = 4 * 1024 * 1024;

/** Programs and words of the repository that are not those that were published: whoever runs them may give a key away. */
export async function checkRecoveryFiles(store: BlobStore): Promise<Damage[]> {
  const damage: Damage[] = [];
  for (const prefix of ['RECOVERY', 'recovery/'])
    for await (const { path, sizeBytes } of store.list(prefix)) {
      const isOurs = sizeBytes <= RECOVERY_BYTES_MAX && isPublished({ path, bytes: await store.get(path) });
      if (!isOurs) damage.push({ object: path, kind: 'recovery-file-not-published', backups: [] });
    }
  return damage;
}

/** Puts what is not there; what is there stays as it is. Gives the paths of what was put. */
export async function putRecoveryFiles(store: BlobStore, files: readonly RecoveryFile[]): Promise<string[]> {
  const put: string[] = [];
  for (const { path, bytes } of files) if (await store.put(path, bytes, { ifAbsent: true })) put.push(path);
  return put;
}
