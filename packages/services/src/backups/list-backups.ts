import { type BackupDocument, CofreError, type ListBackupsInput, listBackupsInput, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, toBackupDocument } from './find-backup.ts';
import { recoverInterrupted } from './recover-interrupted.ts';

export interface BackupPage {
  readonly items: readonly BackupDocument[];
  /** For the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

/** Backups, newest first. A backup that was cancelled is listed only when asked for by status: there is nothing in it. */
export async function listBackups(caller: ServiceContext, input: ListBackupsInput): Promise<BackupPage> {
  const { implementation, type, status, since, limit, cursor } = parseInput(listBackupsInput, input);
  const context = await authorize(caller, 'listBackups');
  await recoverInterrupted(caller);
  let query = backupQuery(context.catalogue).select(sql<string>`b.created_at::text`.as('created_at_exact'));
  if (implementation !== undefined) {
    // By what stays in the row: backups of a deleted implementation are still found.
    const slash = implementation.indexOf('/');
    query =
      slash < 0
        ? query.where(sql<string>`b.source_implementation_id::text`, '=', implementation.toLowerCase())
        : query
            .where('b.module_slug', '=', implementation.slice(0, slash))
            .where('b.implementation_key', '=', implementation.slice(slash + 1));
  }
  query = status === undefined ? query.where('b.status', '!=', 'canceled') : query.where('b.status', '=', status);
  if (type !== undefined) query = query.where('b.backup_type', '=', type);
  if (since !== undefined) query = query.where('b.created_at', '>=', new Date(since));
  if (cursor !== undefined) {
    const after = decodeCursor(cursor);
    query = query.where(sql<boolean>`(b.created_at, b.id) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`);
  }
  const rows = await query
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map(toBackupDocument),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(last) : null,
  };
}

function encodeCursor(row: { readonly created_at_exact: string; readonly id: string }): string {
  return Buffer.from(`${row.created_at_exact} ${row.id}`, 'utf8').toString('base64url');
}

const CURSOR = /^([-+0-9:. ]{10,40}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function decodeCursor(cursor: string): { readonly createdAt: string; readonly id: string } {
  const [, createdAt, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (createdAt === undefined || id === undefined) {
    throw new CofreError('usage/invalid', 'The cursor is not one that a list of backups gave. Nothing was started.');
  }
  return { createdAt, id };
}
