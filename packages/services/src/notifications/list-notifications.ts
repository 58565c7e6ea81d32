import {
  type ListNotificationsInput,
  listNotificationsInput,
  type NotificationDocument,
  parseInput,
} from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize, type Caller } from '../access/authorize.ts';
import { decodeCursor, NEWEST_FIRST, type Page, pageOf } from '../catalogue/cursor.ts';

/** What administrators were told, newest first, with how much of it nobody has read. */
export async function listNotifications(
  caller: Caller,
  input: ListNotificationsInput,
): Promise<Page<NotificationDocument> & { readonly unread: number }> {
  const { unreadOnly, limit, cursor } = parseInput(listNotificationsInput, input);
  const { catalogue } = await authorize(caller, 'listNotifications');
  let query = catalogue
    .selectFrom('cofre.v_admin_notifications as n')
    .selectAll()
    .select(sql<string>`n.created_at::text`.as('sort_value'));
  if (unreadOnly) query = query.where('n.read_at', 'is', null);
  if (cursor !== undefined) {
    const { value, id } = decodeCursor(cursor, NEWEST_FIRST);
    query = query.where(sql<boolean>`(n.created_at, n.id) < (${value}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy('n.created_at', 'desc')
    .orderBy('n.id', 'desc')
    .limit(limit + 1)
    .execute();
  const { unread } = await catalogue
    .selectFrom('cofre.v_admin_notifications')
    .select((eb) => eb.fn.countAll<number>().as('unread'))
    .where('read_at', 'is', null)
    .executeTakeFirstOrThrow();
  const page = pageOf(rows, {
    order: NEWEST_FIRST,
    limit,
    toItem: (row) => ({
      id: row.id,
      kind: row.kind,
      severity: row.severity,
      params: row.params,
      occurrences: row.occurrences,
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
      readAt: row.read_at?.toISOString() ?? null,
      readBy: row.read_by_name,
    }),
  });
  return { ...page, unread };
}
