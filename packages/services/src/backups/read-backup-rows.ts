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

/** Some rows of a table in a backup, in key order. Reads no more of the repository than they need. */
export async function readBackupRows(caller: ServiceContext, input: ReadBackupRowsInput): Promise<BackupRowsDocument> {
  const { backup, table: tableText, offset, limit } = parseInput(readBackupRowsInput, input);
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
    offset,
    rows: await rowsFrom(repository, table, { offset, limit }),
    rowsTotal: table.rows,
  };
}

interface Part {
  readonly offset: number;
  readonly limit: number;
}

async function rowsFrom(repository: Repository, table: ManifestTable, { offset, limit }: Part): Promise<ShownRow[]> {
  const shown = shownColumns(table);
  const rows: ShownRow[] = [];
  const start = await rangeOfRow(repository, table, offset);
  let toSkip = offset - start.firstRow;
  for await (const batch of repository.readRows(table, { fromRange: start.range })) {
    for (const line of linesOf(batch)) {
      if (rows.length === limit) return rows;
      if (toSkip > 0) toSkip -= 1;
      else rows.push(shownRow(shown, line));
    }
  }
  return rows;
}

/** The range that holds a row, and which row is its first: what lies before is not read. */
async function rangeOfRow(repository: Repository, table: ManifestTable, row: number) {
  let range = 0;
  let firstRow = 0;
  if (row === 0) return { range, firstRow };
  for await (const { rows } of repository.ranges(table)) {
    if (firstRow + rows > row) break;
    firstRow += rows;
    range += 1;
  }
  return { range, firstRow };
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
