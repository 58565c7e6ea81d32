import { isCofreError } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { CompletedColumns } from './recover-interrupted.ts';

/** A summary may be a megabyte. */
const ROWS_AT_ONCE = 50;

export interface StoredBackup {
  readonly id: string;
  readonly columns: CompletedColumns;
}

/** Writes down that these backups are in the repository. Tries twice: the manifests are there, and the connection may not be. */
export async function markCompleted(catalogue: Catalogue, backups: readonly StoredBackup[]): Promise<void> {
  for (let from = 0; from < backups.length; from += ROWS_AT_ONCE) {
    const some = backups.slice(from, from + ROWS_AT_ONCE);
    try {
      await markTogether(catalogue, some);
    } catch (error) {
      if (!isCofreError(error, 'database/connection-lost')) throw error;
      await markTogether(catalogue, some);
    }
  }
}

async function markTogether(catalogue: Catalogue, backups: readonly StoredBackup[]): Promise<void> {
  const each = <T>(of: (columns: CompletedColumns) => T): T[] => backups.map(({ columns }) => of(columns));
  await sql`
    UPDATE public.module_backups AS b
    SET status = 'completed', completed_at = v.completed_at, file_path = v.file_path, checksum = v.checksum,
        size_bytes = v.size_bytes, stats = v.stats, backup_data = v.backup_data, probe = coalesce(v.probe, b.probe)
    FROM ROWS FROM (
      pg_catalog.unnest(${backups.map(({ id }) => id)}::pg_catalog.uuid[]),
      pg_catalog.unnest(${each(({ completed_at }) => completed_at)}::pg_catalog.timestamptz[]),
      pg_catalog.unnest(${each(({ file_path }) => file_path)}::pg_catalog.text[]),
      pg_catalog.unnest(${each(({ checksum }) => checksum)}::pg_catalog.text[]),
      pg_catalog.unnest(${each(({ size_bytes }) => size_bytes)}::pg_catalog.int8[]),
      pg_catalog.unnest(${each(({ stats }) => stats)}::pg_catalog.jsonb[]),
      pg_catalog.unnest(${each(({ backup_data }) => backup_data)}::pg_catalog.jsonb[]),
      pg_catalog.unnest(${each((columns) => ('probe' in columns ? columns.probe : null))}::pg_catalog.jsonb[])
    ) AS v (id, completed_at, file_path, checksum, size_bytes, stats, backup_data, probe)
    WHERE b.id = v.id`.execute(catalogue);
}
