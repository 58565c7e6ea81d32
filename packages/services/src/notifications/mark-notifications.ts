import { type MarkNotificationsInput, markNotificationsInput, parseInput } from '@cofre/contracts';
import { authorize, type Caller } from '../access/authorize.ts';

/** Marks notifications as read. What has a later cause becomes a new one. Gives how many were unread. */
export async function markNotifications(
  caller: Caller,
  input: MarkNotificationsInput,
): Promise<{ readonly marked: number }> {
  const { ids } = parseInput(markNotificationsInput, input);
  const { catalogue, actor, clock } = await authorize(caller, 'markNotifications');
  const result = await catalogue
    .updateTable('cofre.v_admin_notifications')
    .set({
      read_at: clock.now(),
      read_by: actor.kind === 'person' ? actor.userId : null,
      read_by_name: actor.name,
    })
    .where('read_at', 'is', null)
    .$if(ids !== 'all', (query) => query.where('id', 'in', ids === 'all' ? [] : ids))
    .executeTakeFirst();
  return { marked: Number(result.numUpdatedRows) };
}
