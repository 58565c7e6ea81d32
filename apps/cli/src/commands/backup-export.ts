import { mkdir, open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { type BackupExportDocument, CofreError, exportFormat } from '@cofre/contracts';
import { type BackupExport, exportBackup } from '@cofre/services';
import { counted } from '../output/words.ts';
import { type Command, present, type Run } from '../run.ts';
import { oneOf } from './backup.ts';

type ExportFiles = ReturnType<BackupExport['files']>;
type ExportFile = ExportFiles extends AsyncIterable<infer File> ? File : never;

/** What a backup holds was readable by its owner alone; so is what comes out of it. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export const backupExport: Command = async (run) => {
  const format = oneOf(run, 'format', exportFormat) ?? 'sql';
  const output = run.text('output');
  if (output === undefined && (format !== 'sql' || run.flag('json'))) {
    throw new CofreError('usage/invalid', 'Say where to with --output FOLDER. Nothing was started.', {
      hint: 'Only SQL without --json can be printed: the other formats are several files.',
    });
  }
  const input = {
    backup: run.operand(0),
    format,
    ...present('tables', run.list('table')),
    withSecrets: run.flag('withSecrets'),
    dataOnly: run.flag('dataOnly'),
  };
  if (output !== undefined) await requireEmpty(output);
  const exported = await exportBackup(await run.composition.withRepository(), input);
  if (output === undefined) {
    await print(run, exported);
    return undefined;
  }
  await writeFiles(output, exported.files());
  run.print({ ...exported.document, output: path.resolve(output) }, () => describe(exported.document, output));
  return undefined;
};

async function print(run: Run, exported: BackupExport): Promise<void> {
  for await (const chunk of exported.download().chunks) await run.pour(chunk);
}

/** So that nothing is overwritten, and no file of an earlier export is taken for one of this. */
async function requireEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw notWritable(folder, error);
  });
  if (entries.length > 0)
    throw new CofreError('usage/invalid', `The folder ${folder} is not empty. Nothing was started.`);
}

/** What was written is taken away again where not all of it could be: half of a table looks like a whole one. */
async function writeFiles(folder: string, files: ExportFiles): Promise<void> {
  const written: string[] = [];
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE }).catch((error: unknown) => {
      throw notWritable(folder, error);
    });
    for await (const file of files) {
      const target = path.join(folder, file.name);
      written.push(target);
      await writeFile(target, file);
    }
  } catch (error) {
    await Promise.all(written.map((target) => rm(target, { force: true })));
    throw error;
  }
}

async function writeFile(target: string, { chunks }: ExportFile): Promise<void> {
  const handle = await open(target, 'wx', FILE_MODE);
  try {
    for await (const chunk of chunks)
      await handle.writeFile(chunk).catch((error: unknown) => {
        throw notWritable(target, error);
      });
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function notWritable(target: string, cause: unknown): CofreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CofreError('usage/invalid', `${target} cannot be written: ${why}. Nothing of the export was kept.`, {
    cause,
  });
}

function describe(document: BackupExportDocument, folder: string): string {
  const rows = document.tables.reduce((sum, table) => sum + table.rows, 0);
  const lines = [`Wrote ${counted(rows, 'row')} of ${counted(document.tables.length, 'table')} to ${folder}.`];
  const kept = document.tables.flatMap(({ table, leftOut }) =>
    leftOut.filter(({ why }) => why === 'secret').map(({ name }) => `${table}.${name}`),
  );
  if (kept.length > 0) lines.push(`Not complete: left out ${kept.join(', ')}. --with-secrets writes them, too.`);
  else if (!document.complete) lines.push('Not complete: other tables of the backup were not asked for.');
  return lines.join('\n');
}
