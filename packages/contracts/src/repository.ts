import { z } from 'zod';
import { errorDocument } from './documents.ts';
import { backupId } from './ids.ts';

/** What looks after a repository: freeing space, its keys, and its catalogue. */

const count = z.int().nonnegative();

export const collectGarbageInput = z.strictObject({
  /** Only says what would be freed. */
  dryRun: z.boolean().default(false),
  /**
   * How long what nothing needs lies in the trash first; default: 24 hours. Where a backup may be running, what it could have
   * begun to build on waits for those 24 hours all the same.
   */
  graceMs: count.optional(),
});
export type CollectGarbageInput = z.input<typeof collectGarbageInput>;

export const garbageDocument = z.strictObject({
  dryRun: z.boolean(),
  /** Objects that were deleted because nothing needs them any more; in a dry run, that would be. */
  freedObjects: count,
  freedBytes: count,
  /** What nothing needs, and is deleted by a run after its grace. */
  waitingBytes: count,
  /** Restore plans that were deleted because nobody can apply or undo them any more. */
  plans: count,
  /** Backups that may be running and keep in the trash what has been there for the grace that was asked for. */
  writers: count,
});
export type GarbageDocument = z.infer<typeof garbageDocument>;

export const importDocument = z.strictObject({
  /** Backups of the repository that the catalogue did not know, and lists now. */
  imported: count,
  /** Those that it lists already. */
  present: count,
  /** Backups that the catalogue lists and the repository does not hold: marked as missing. */
  missing: count,
  /** What lies where a manifest should, and cannot be opened. */
  unreadable: z.array(z.strictObject({ object: z.string(), backupId, error: errorDocument })),
});
export type ImportDocument = z.infer<typeof importDocument>;

/** A passphrase or key file that opens the repository. */
export const repositoryKeyDocument = z.strictObject({
  id: z.string(),
  kind: z.enum(['passphrase', 'key-file']),
  createdAt: z.iso.datetime(),
  /** What it opens, the oldest first. */
  rootKeyIds: z.array(z.string()),
  /** False where a rotation left it out: it reads what is older, and writes nothing. */
  opensAll: z.boolean(),
  /** The repository is open with it at this moment. */
  inUse: z.boolean(),
});
export type RepositoryKeyDocument = z.infer<typeof repositoryKeyDocument>;

export const repositoryKeysDocument = z.strictObject({ items: z.array(repositoryKeyDocument) });
export type RepositoryKeysDocument = z.infer<typeof repositoryKeysDocument>;

/** `added`: false where it opened everything before. */
export const addedKeyDocument = z.strictObject({ key: repositoryKeyDocument, added: z.boolean() });
export type AddedKeyDocument = z.infer<typeof addedKeyDocument>;

export const removeKeyInput = z.strictObject({
  /** A key's id, or how it begins. */
  key: z.string().regex(/^[0-9a-f]{4,32}$/, { error: 'must be a key’s id, or its first four or more characters' }),
});
export type RemoveKeyInput = z.input<typeof removeKeyInput>;

export const removedKeyDocument = z.strictObject({ removed: repositoryKeyDocument });
export type RemovedKeyDocument = z.infer<typeof removedKeyDocument>;

export const rotatedKeyDocument = z.strictObject({
  /** What everything new is sealed with from now on. */
  rootKeyId: z.string(),
  /** Keys that do not open it until they are added again. */
  leftOut: z.array(repositoryKeyDocument),
});
export type RotatedKeyDocument = z.infer<typeof rotatedKeyDocument>;
