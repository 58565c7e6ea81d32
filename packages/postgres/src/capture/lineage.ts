import type pg from 'pg';
import { translatePgError } from '../session/errors.ts';

/**
 * Leaves the markers of backups of one snapshot in the source database (design §4). To be called after it was taken, on
 * the primary, outside of any other transaction: its transaction id says that this database's history contains the snapshot.
 * A backup that was begun anew is marked anew.
 */
export async function markLineage(client: pg.ClientBase, ...backupIds: readonly string[]): Promise<void> {
  try {
    await client.query(
      `INSERT INTO cofre.lineage (backup_id, xact_id)
       SELECT id, pg_catalog.pg_current_xact_id() FROM pg_catalog.unnest($1::pg_catalog.uuid[]) AS id
       ON CONFLICT (backup_id) DO UPDATE SET xact_id = EXCLUDED.xact_id`,
      [backupIds],
    );
  } catch (error) {
    throw translatePgError(error, { doing: 'writing the lineage marker', table: 'cofre.lineage' });
  }
}

/**
 * Whether this database is the one that the backup `$1` was taken from, or a physical copy taken after it, in SQL. A logical
 * copy gives the marker a new xmin; a database that was rolled back to before the backup has no marker.
 */
export const LINEAGE_HOLDS_SQL = `EXISTS (SELECT FROM cofre.lineage AS l
  WHERE l.backup_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid
    AND l.xmin::pg_catalog.text OPERATOR(pg_catalog.=) (l.xact_id::pg_catalog.xid)::pg_catalog.text)`;
