import {
  type ExportFile,
  exportFiles,
  type ExportOptions,
  type Manifest,
  outlineExport,
  type Repository,
} from '../../packages/engine/src/index.ts';

/** The files of an export by their names. */
export async function exportText(
  repository: Repository,
  manifest: Manifest,
  options: Partial<ExportOptions> & Pick<ExportOptions, 'format'>,
): Promise<ReadonlyMap<string, string>> {
  const outline = outlineExport(manifest, {
    tables: manifest.tables,
    secrets: 'left-out',
    content: 'structure-and-rows',
    ...options,
  });
  return readFiles(exportFiles(repository, outline));
}

export async function readFiles(files: AsyncIterable<ExportFile>): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, chunks } of files) {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    found.set(name, Buffer.concat(parts).toString('utf8'));
  }
  return found;
}

/** The only file of an SQL export, secrets and all. */
export async function exportSql(repository: Repository, manifest: Manifest): Promise<string> {
  const [sql = ''] = (await exportText(repository, manifest, { format: 'sql', secrets: 'written' })).values();
  return sql;
}
