import { type AuditLogDocument, type ListAuditLogsInput, listAuditLogsInput, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';
import { decodeCursor, NEWEST_FIRST, type Page, pageOf } from '../catalogue/cursor.ts';

/** What was done, and what was refused, newest first. */
export async function listAuditLogs(caller: Caller, input: ListAuditLogsInput): Promise<Page<AuditLogDocument>> {
  const { action, outcome, implementationId, userId, since, limit, cursor } = parseInput(listAuditLogsInput, input);
  const { catalogue } = await authorize(caller, 'listAuditLogs');
  let query = catalogue
    .selectFrom('cofre.v_audit_logs as a')
    .selectAll()
    .select(sql<string>`a.created_at::text`.as('sort_value'));
  if (action !== undefined) query = query.where('a.action', '=', action);
  if (outcome !== undefined) query = query.where('a.outcome', '=', outcome);
  if (implementationId !== undefined) query = query.where('a.implementation_id', '=', implementationId);
  if (userId !== undefined) query = query.where('a.user_id', '=', userId);
  if (since !== undefined) query = query.where('a.created_at', '>=', new Date(since));
  if (cursor !== undefined) {
    const { value, id } = decodeCursor(cursor, NEWEST_FIRST);
    query = query.where(sql<boolean>`(a.created_at, a.id) < (${value}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy('a.created_at', 'desc')
    .orderBy('a.id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, {
    order: NEWEST_FIRST,
    limit,
    toItem: (row) => ({
      id: row.id,
      createdAt: row.created_at.toISOString(),
      action: row.action,
      outcome: row.outcome,
      actor: { kind: row.actor_kind, name: row.actor_name, userId: row.user_id },
      implementation: row.module_slug === null ? null : `${row.module_slug}/${row.implementation_key ?? ''}`,
      backupId: row.backup_id,
      details: row.details,
    }),
  });
}
