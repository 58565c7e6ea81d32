import { type BackupExportDocument, type ExportBackupInput, exportBackupInput, parseInput } from '@cofre/contracts';
import {
  describeExport,
  type ExportFile,
  exportFiles,
  type ExportOutline,
  outlineExport,
  type Repository,
} from '@cofre/engine';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { toErrorDocument } from '../error-document.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, findBackup, readManifestOf, toBackupDocument } from './find-backup.ts';
import { findManifestTable } from './read-backup-rows.ts';
import { zipFiles } from './zip-files.ts';

/**
 * A backup as plain files. `files` and `download` read the repository as they are read, some ranges at a time, and one of
 * them is read, once. What fails on the way is thrown there: what was written until then is not whole.
 */
export interface BackupExport {
  /** What it holds and what it leaves out. */
  readonly document: BackupExportDocument;
  /** For a folder: `sql` is one file, the others one per table, a README, and `export.json`, which comes last. */
  files(): AsyncGenerator<ExportFile>;
  /** For a browser: one file, an archive where there are several. */
  download(): ExportFile;
}

/** Prepares to write a backup as SQL, CSV or JSON lines. That somebody took the rows is logged before the first is read. */
export async function exportBackup(caller: ServiceContext, input: ExportBackupInput): Promise<BackupExport> {
  const { backup, format, tables, withSecrets, dataOnly } = parseInput(exportBackupInput, input);
  const context = await authorize(caller, 'exportBackup', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  const repository = await context.openRepository();
  const manifest = await readManifestOf(repository, row);
  const wanted = new Set(tables?.map((table) => findManifestTable(manifest, table)) ?? manifest.tables);
  const outline = outlineExport(manifest, {
    format,
    tables: manifest.tables.filter((table) => wanted.has(table)),
    secrets: withSecrets ? 'written' : 'left-out',
    content: dataOnly ? 'rows' : 'structure-and-rows',
  });
  await log(context, { row, outline });
  const files = () => readFiles(context, { repository, row, outline });
  return {
    document: describeExport(outline),
    files,
    download: () => asDownload(files(), outline),
  };
}

interface Taken {
  readonly row: BackupRow;
  readonly outline: ExportOutline;
  /** Why it ended half way. */
  readonly code?: string;
}

async function log(context: ServiceContext, { row, outline, code }: Taken): Promise<void> {
  const { format, secrets, tables } = describeOptions(outline);
  await audit(context, {
    action: 'EXPORT_MODULE_BACKUP',
    outcome: code === undefined ? 'done' : 'failed',
    implementation: toBackupDocument(row).implementation,
    backupId: row.id,
    details: { format, secrets, tables, ...(code === undefined ? {} : { code }) },
  });
}

function describeOptions({ options: { format, secrets }, tables }: ExportOutline) {
  return { format, secrets, tables: tables.length };
}

interface Reading extends Taken {
  readonly repository: Repository;
}

async function* readFiles(context: ServiceContext, reading: Reading): AsyncGenerator<ExportFile> {
  const { repository, row, outline } = reading;
  const progress = progressOf(context);
  const rowsTotal = outline.tables.reduce((sum, { table }) => sum + table.rows, 0);
  let rows = 0;
  let bytes = 0;
  const source: Parameters<typeof exportFiles>[0] = {
    async *readRows(table) {
      for await (const batch of repository.readRows(table)) {
        context.signal?.throwIfAborted();
        rows += batch.ends.length;
        bytes += batch.bytes.length;
        yield batch;
        progress.report({ phase: 'read', table: `${table.schema}.${table.name}`, rows, rowsTotal, bytes });
      }
    },
  };
  const failed = async (error: unknown) => {
    await log(context, { row, outline, code: toErrorDocument(error).code }).catch(() => undefined);
  };
  for await (const file of exportFiles(source, outline)) yield { ...file, chunks: reporting(file.chunks, failed) };
}

/** The chunks; where they cannot be read, `onError` is told before it is thrown. */
async function* reporting(
  chunks: AsyncIterable<Buffer>,
  onError: (error: unknown) => Promise<void>,
): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    await onError(error);
    throw error;
  }
}

function asDownload(files: AsyncGenerator<ExportFile>, { name, options, manifest }: ExportOutline): ExportFile {
  if (options.format === 'sql') return { name: `${name}.sql`, mediaType: 'application/sql', chunks: chunksOf(files) };
  return {
    name: `${name}-${options.format}.zip`,
    mediaType: 'application/zip',
    chunks: zipFiles(files, new Date(manifest.snapshot.takenAt)),
  };
}

async function* chunksOf(files: AsyncIterable<ExportFile>): AsyncGenerator<Buffer> {
  for await (const { chunks } of files) yield* chunks;
}
