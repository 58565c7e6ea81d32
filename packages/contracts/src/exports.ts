import { z } from 'zod';
import { implementationRef } from './documents.ts';
import { backupId } from './ids.ts';
import { backupInput } from './inputs.ts';

export const exportFormat = z.enum(['sql', 'csv', 'jsonl']);

export const exportBackupInput = backupInput.extend({
  format: exportFormat,
  /** Default: all of the backup. */
  tables: z.array(z.string().min(1)).min(1).optional(),
  /** Columns that the definition calls secret are left out, unless they are asked for. */
  withSecrets: z.boolean().default(false),
  /** For `sql`: without the structure, for tables that are there. */
  dataOnly: z.boolean().default(false),
});
export type ExportBackupInput = z.input<typeof exportBackupInput>;

/** What an export holds, and what of the backup it does not. */
export const backupExportDocument = z.strictObject({
  backupId,
  implementation: implementationRef,
  /** When the rows were as they are here. */
  takenAt: z.string(),
  format: exportFormat,
  /** False: tables of the backup, or secret columns, are left out. */
  complete: z.boolean(),
  tables: z.array(
    z.strictObject({
      table: z.string(),
      file: z.string(),
      rows: z.int().nonnegative(),
      columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
      leftOut: z.array(z.strictObject({ name: z.string(), why: z.enum(['secret', 'generated']) })),
    }),
  ),
});
export type BackupExportDocument = z.infer<typeof backupExportDocument>;
