import type pg from 'pg';
import { translatePgError } from '../session/errors.ts';

/**
 * Leaves the backup's marker in the source database (design §4). To be called after the backup's snapshot was taken, on
 * the primary, outside of any other transaction: its transaction id says that this database's history contains the snapshot.
 */
export async function markLineage(client: pg.ClientBase, backupId: string): Promise<void> {
  try {
    await client.query(
      'INSERT INTO cofre.lineage (backup_id, xact_id) VALUES ($1::pg_catalog.uuid, pg_catalog.pg_current_xact_id())',
      [backupId],
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
