import { type BackupInput, type BackupTablesDocument, backupId, backupInput, parseInput } from '@cofre/contracts';
import { printTable } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, readManifestOf } from './find-backup.ts';

/** Which tables a backup holds, and how many rows of each. Reads its manifest and none of its rows. */
export async function listBackupTables(caller: ServiceContext, input: BackupInput): Promise<BackupTablesDocument> {
  const { backup } = parseInput(backupInput, input);
  const context = await authorize(caller, 'listBackupTables', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  const manifest = await readManifestOf(await context.openRepository(), row);
  const tables = manifest.tables.map((table) => ({ table: printTable(table), role: table.role, rows: table.rows }));
  return { backupId: backupId.parse(row.id), tables };
}
