import { createHash } from 'node:crypto';
import type { BackupExportDocument } from '@cofre/contracts';
import type { Manifest, ManifestTable } from '../format/manifest.ts';
import type { RowBatch } from '../rows/layout.ts';
import { csvRows } from './csv-rows.ts';
import { checkedBatches, pickValues } from './exportable-rows.ts';
import { safeFileName, tableFileNames } from './file-names.ts';
import { jsonRows } from './json-rows.ts';
import { printTable } from '../sql/quote.ts';
import { readmeOf } from './readme.ts';
import { sqlExport } from './sql-export.ts';
import { readStructure } from './table-structure.ts';

export type ExportFormat = 'sql' | 'csv' | 'jsonl';

export interface ExportOptions {
  readonly format: ExportFormat;
  /** Of the manifest, in its order. */
  readonly tables: readonly ManifestTable[];
  /** What becomes of columns that the definition calls secret. */
  readonly secrets: 'left-out' | 'written';
  /** For `sql`: without the structure it is for tables that are there. */
  readonly content: 'structure-and-rows' | 'rows';
}

/** Where rows come from: a repository. */
export interface RowSource {
  readRows(table: ManifestTable): AsyncIterable<RowBatch>;
}

/** One file of an export. Its chunks are read once, and before the next file is asked for. */
export interface ExportFile {
  /** Of letters, digits, `-`, `_` and `.`; no two of an export differ only in case. */
  readonly name: string;
  readonly mediaType: string;
  readonly chunks: AsyncIterable<Buffer>;
}

/** A column that a table has and its export has not. */
export interface LeftOutColumn {
  readonly name: string;
  readonly why: 'secret' | 'generated';
}

export interface ExportedTable {
  readonly table: ManifestTable;
  /** The file that holds its rows. */
  readonly file: string;
  /** Stored columns that are written, by their place in a line. */
  readonly places: readonly number[];
  readonly leftOut: readonly LeftOutColumn[];
}

/** What an export will hold; known before a row is read. */
export interface ExportOutline {
  readonly manifest: Manifest;
  readonly options: ExportOptions;
  readonly tables: readonly ExportedTable[];
  /** For files and folders: `shop-one-1a2b3c4d`. */
  readonly name: string;
}

/** For people, and first: who stops half way has read what it is. */
const README = 'README.md';
/** For programs, and last: where it is there, the export is whole. */
const CONTENTS = 'export.json';

export function outlineExport(manifest: Manifest, options: ExportOptions): ExportOutline {
  const { module, key } = manifest.implementation;
  const name = safeFileName(`${module}-${key}-${manifest.backupId.slice(0, 8)}`);
  const files = tableFileNames(options.tables, options.format);
  const tables = options.tables.map((table, index): ExportedTable => {
    const isWritten = ({ secret }: { readonly secret: boolean }) => !secret || options.secrets === 'written';
    return {
      table,
      file: options.format === 'sql' ? `${name}.sql` : (files[index] ?? ''),
      places: table.columns.flatMap((column, place) => (isWritten(column) ? [place] : [])),
      leftOut: [
        ...table.columns
          .filter((column) => !isWritten(column))
          .map((column) => ({ name: column.name, why: 'secret' as const })),
        ...readStructure(table).generated.map((column) => ({ name: column.name, why: 'generated' as const })),
      ],
    };
  });
  return { manifest, options, tables, name };
}

/** What an export will hold, for people and programs. */
export function describeExport({ manifest, options, tables }: ExportOutline): BackupExportDocument {
  const isKeptBack = tables.some(({ leftOut }) => leftOut.some(({ why }) => why === 'secret'));
  return {
    backupId: manifest.backupId,
    implementation: manifest.implementation,
    takenAt: manifest.snapshot.takenAt,
    format: options.format,
    complete: tables.length === manifest.tables.length && !isKeptBack,
    tables: tables.map(({ table, file, places, leftOut }) => ({
      table: printTable(table),
      file,
      rows: table.rows,
      columns: pickValues(table, places, table.columns).map(({ name, type }) => ({ name, type })),
      leftOut: [...leftOut],
    })),
  };
}

/**
 * The files of an export, one after another: `sql` is one, which recreates the tables; the others are a README, one per
 * table, and a list with their hashes, written last. Memory holds some ranges of rows. What does not read back as it was
 * counted ends it with `repository/damaged`.
 */
export async function* exportFiles(source: RowSource, outline: ExportOutline): AsyncGenerator<ExportFile> {
  const { format } = outline.options;
  if (format === 'sql') {
    yield { name: `${outline.name}.sql`, mediaType: 'application/sql', chunks: sqlExport(source, outline) };
    return;
  }
  yield { name: README, mediaType: 'text/markdown; charset=utf-8', chunks: oneChunk(readmeOf(outline)) };
  const hashes = new Map<string, Hashed>();
  for (const exported of outline.tables) {
    const batches = checkedBatches(source, exported.table);
    const rows = format === 'csv' ? csvRows(exported, batches) : jsonRows(exported, batches);
    const chunks = hashed(rows, (found) => hashes.set(exported.file, found));
    yield { name: exported.file, mediaType: MEDIA_TYPES[format], chunks };
  }
  const document = describeExport(outline);
  const tables = document.tables.map((table) => ({ ...table, ...hashes.get(table.file) }));
  const contents = `${JSON.stringify({ ...document, tables }, null, 2)}\n`;
  yield { name: CONTENTS, mediaType: 'application/json', chunks: oneChunk(contents) };
}

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8; header=present', jsonl: 'application/jsonl' } as const;

interface Hashed {
  readonly bytes: number;
  readonly sha256: string;
}

async function* hashed(chunks: AsyncIterable<Buffer>, onEnd: (hashed: Hashed) => void): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    yield chunk;
  }
  onEnd({ bytes, sha256: hash.digest('hex') });
}

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'utf8');
}
