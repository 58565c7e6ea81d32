import {
  type BackupRowsDocument,
  backupId,
  CofreError,
  parseInput,
  type ReadBackupRowsInput,
  readBackupRowsInput,
} from '@cofre/contracts';
import { linesOf, type Manifest, type ManifestTable, type Repository } from '@cofre/engine';
import { parseTableName, printTable } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, readManifestOf } from './find-backup.ts';
import { type ShownColumns, type ShownRow, shownRow } from './show-row.ts';

/** The first rows of a table in a backup, in key order. Reads no more of the repository than they need. */
export async function readBackupRows(caller: ServiceContext, input: ReadBackupRowsInput): Promise<BackupRowsDocument> {
  const { backup, table: tableText, limit } = parseInput(readBackupRowsInput, input);
  const context = await authorize(caller, 'readBackupRows', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  const repository = await context.openRepository();
  const manifest = await readManifestOf(repository, row);
  const table = findManifestTable(manifest, tableText);
  return {
    backupId: backupId.parse(row.id),
    table: printTable(table),
    columns: table.columns.map(({ name }) => name),
    secretColumns: table.columns.filter(({ secret }) => secret).map(({ name }) => name),
    rows: await firstRows(repository, table, limit),
    rowsTotal: table.rows,
  };
}

async function firstRows(repository: Repository, table: ManifestTable, limit: number) {
  const shown = shownColumns(table);
  const rows: ShownRow[] = [];
  for await (const batch of repository.readRows(table)) {
    for (const line of linesOf(batch)) {
      if (rows.length === limit) return rows;
      rows.push(shownRow(shown, line));
    }
  }
  return rows;
}

export function shownColumns(table: ManifestTable): ShownColumns {
  return {
    columns: table.columns.map(({ name }) => name),
    key: table.key.map(({ name }) => name),
    secret: new Set(table.columns.filter(({ secret }) => secret).map(({ name }) => name)),
  };
}

/** A table of a backup by its name as SQL has it. Throws `usage/invalid`, naming those that are there. */
export function findManifestTable(manifest: Manifest, text: string): ManifestTable {
  const wanted = parseTableName(text);
  const table = manifest.tables.find(({ schema, name }) => schema === wanted?.schema && name === wanted.name);
  if (table !== undefined) return table;
  const tables = manifest.tables.map(printTable);
  throw new CofreError('usage/invalid', `The backup ${manifest.backupId} has no table ${text}. Nothing was started.`, {
    hint: `It has ${tables.join(', ')}.`,
    params: { table: text, tables },
  });
}
