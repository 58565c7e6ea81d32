import { z } from 'zod';
import { CofreError } from './cofre-error.ts';
import { backupStatus, backupType, compression, restoreMode } from './documents.ts';

/** What edges hand to use cases. Parsed inside the use case, so that every edge is held to the same. */

/** A full id, a unique prefix of four hex digits or more, `latest`, or `latest:<type>`. */
export const backupReference = z
  .string()
  .regex(/^([0-9a-f][0-9a-f-]{3,35}|latest(:(full|incremental|differential|config_only))?)$/, {
    error: 'must be a backup id, the first four or more characters of one, `latest` or `latest:<type>`',
  });

/** An id, or `module/key`. */
export const implementationReference = z.string().min(1).max(300);

export const initRepositoryInput = z.strictObject({
  encryption: z.enum(['aes-256-gcm', 'none']).optional(),
  compression: compression.optional(),
});
export type InitRepositoryInput = z.input<typeof initRepositoryInput>;

const readShare = z
  .strictObject({ part: z.int().min(1), parts: z.int().min(1).max(10_000) })
  .refine(({ part, parts }) => part <= parts, 'the part is one of the parts');

export const checkRepositoryInput = z.strictObject({
  /** Every byte, or those of one of so many shares: as many runs read each byte once. Default: the structure alone. */
  readData: z.union([z.boolean(), readShare]).default(false),
});
export type CheckRepositoryInput = z.input<typeof checkRepositoryInput>;

export const discoverModuleInput = z.strictObject({
  root: z.string().min(1),
  name: z.string().min(1).optional(),
});
export type DiscoverModuleInput = z.input<typeof discoverModuleInput>;

export const applyDefinitionInput = z.strictObject({ source: z.string() });
export type ApplyDefinitionInput = z.input<typeof applyDefinitionInput>;

export const addImplementationInput = z.strictObject({
  module: z.string().min(1),
  key: z.string().min(1).max(200),
  name: z.string().min(1).max(200).optional(),
  scope: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
export type AddImplementationInput = z.input<typeof addImplementationInput>;

export const createBackupInput = z.strictObject({
  implementation: implementationReference,
  type: backupType.default('full'),
  description: z.string().max(2000).optional(),
  /** null: never. Without it the settings say when. */
  expiresAt: z.iso.datetime().nullable().optional(),
  compression: compression.optional(),
});
export type CreateBackupInput = z.input<typeof createBackupInput>;

export const createBackupsInput = createBackupInput.omit({ implementation: true }).extend({
  implementations: z.union([
    z.strictObject({ named: z.array(implementationReference).min(1) }),
    z.strictObject({ module: z.string().min(1) }),
    z.strictObject({ all: z.literal(true) }),
  ]),
});
export type CreateBackupsInput = z.input<typeof createBackupsInput>;

export const backupOrder = z.enum(['newest', 'oldest', 'largest', 'expiring-first']);

export const listBackupsInput = z.strictObject({
  implementation: implementationReference.optional(),
  type: backupType.optional(),
  /** Without it everything but `canceled` is listed. */
  status: backupStatus.optional(),
  /** Made at or after `since`, and before `until`. */
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
  module: z.string().min(1).max(200).optional(),
  /** True: whose end has passed, whether clean-up took them or not. */
  expired: z.boolean().optional(),
  held: z.boolean().optional(),
  /** Words, or beginnings of words, of the description. */
  text: z.string().min(1).max(200).optional(),
  sort: backupOrder.default('newest'),
  limit: z.int().min(1).max(500).default(50),
  cursor: z.string().max(500).optional(),
});
export type ListBackupsInput = z.input<typeof listBackupsInput>;

export const backupInput = z.strictObject({ backup: backupReference });
export type BackupInput = z.input<typeof backupInput>;

export const verifyBackupInput = backupInput.extend({
  /** Also restores it into a scratch schema, and compares. */
  restore: z.boolean().default(false),
});
export type VerifyBackupInput = z.input<typeof verifyBackupInput>;

/** With `restore`: the newest completed backup of each implementation, instead of all backups. */
export const verifyAllBackupsInput = z.strictObject({ restore: z.boolean().default(false) });
export type VerifyAllBackupsInput = z.input<typeof verifyAllBackupsInput>;

export const holdBackupInput = backupInput.extend({ reason: z.string().max(500).optional() });
export type HoldBackupInput = z.input<typeof holdBackupInput>;

export const readBackupRowsInput = z.strictObject({
  backup: backupReference,
  table: z.string().min(1),
  /** So many rows are left out first. */
  offset: z.int().nonnegative().default(0),
  limit: z.int().min(1).max(10_000).default(50),
});
export type ReadBackupRowsInput = z.input<typeof readBackupRowsInput>;

export const diffBackupsInput = z.strictObject({
  from: backupReference,
  to: z.union([z.literal('live'), backupReference]),
  tables: z.array(z.string().min(1)).min(1).optional(),
  rows: z.boolean().default(false),
});
export type DiffBackupsInput = z.input<typeof diffBackupsInput>;

export const implementationInput = z.strictObject({ implementation: implementationReference });
export type ImplementationInput = z.input<typeof implementationInput>;

export const showBackupDaysInput = implementationInput.extend({
  days: z.int().min(1).max(366).default(30),
  /** In which days begin and end. */
  timeZone: z.string().min(1).max(100).default('UTC'),
});
export type ShowBackupDaysInput = z.input<typeof showBackupDaysInput>;

export const planRestoreInput = z.strictObject({
  backup: backupReference,
  mode: restoreMode.default('merge'),
  configOnly: z.boolean().default(false),
  tables: z.array(z.string().min(1)).min(1).optional(),
  rows: z.boolean().default(false),
});
export type PlanRestoreInput = z.input<typeof planRestoreInput>;

export const applyRestoreInput = z.strictObject({
  plan: z.string().regex(/^[0-9a-f][0-9a-f-]{3,35}$/, {
    error: 'must be a plan id, or the first four or more characters of one',
  }),
  safetyBackup: z.boolean().default(true),
});
export type ApplyRestoreInput = z.input<typeof applyRestoreInput>;

export const undoRestoreInput = z.strictObject({
  restore: z.string().regex(/^[0-9a-f][0-9a-f-]{3,35}$/, {
    error: 'must be a restore id, or the first four or more characters of one',
  }),
  safetyBackup: z.boolean().default(true),
});
export type UndoRestoreInput = z.input<typeof undoRestoreInput>;

export const listRestoresInput = z.strictObject({
  implementation: implementationReference.optional(),
  limit: z.int().min(1).max(500).default(50),
});
export type ListRestoresInput = z.input<typeof listRestoresInput>;

/** Parses what an edge was given; every fault is named at once. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new CofreError('usage/invalid', `The call was not understood: ${faults.join('; ')}. Nothing was started.`, {
    params: { faults },
    cause: result.error,
  });
}
