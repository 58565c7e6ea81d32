import { sql } from 'kysely';
import { audit } from '../audit/audit.ts';
import type { PeopleContext } from './add-person.ts';

/** After a person set a password of their own: everything is open to them. */
export async function settlePassword(caller: PeopleContext, userId: string): Promise<void> {
  await caller.catalogue.transaction().execute(async (transaction) => {
    await sql`
      UPDATE cofre_auth.users SET must_change_password = false, updated_at = ${caller.clock.now()}
      WHERE id = ${userId}::uuid`.execute(transaction);
    await audit(
      { ...caller, catalogue: transaction },
      { action: 'CHANGE_PASSWORD', resource: { type: 'person', id: userId } },
    );
  });
}
