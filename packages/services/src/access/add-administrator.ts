import { type AdministratorDocument, type AdministratorInput, administratorInput, parseInput } from '@cofre/contracts';
import { actorColumns } from '../actor.ts';
import { audit } from '../audit/audit.ts';
import { toAdministrator } from './administrators.ts';
import { authorize, type Caller } from './authorize.ts';
import { findPerson } from './find-person.ts';

/** Lets a person change things. It holds from the next call on, without signing in again. */
export async function addAdministrator(caller: Caller, input: AdministratorInput): Promise<AdministratorDocument> {
  const { email } = parseInput(administratorInput, input);
  const context = await authorize(caller, 'addAdministrator');
  const person = await findPerson(caller.catalogue, email);
  return context.catalogue.transaction().execute(async (transaction) => {
    const added = await transaction
      .insertInto('cofre.admin_users')
      .values({
        user_id: person.id,
        email: person.email,
        created_at: context.clock.now(),
        ...actorColumns(context.actor),
      })
      .onConflict((conflict) => conflict.column('user_id').doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 1n) {
      await audit(
        { ...context, catalogue: transaction },
        {
          action: 'ADD_ADMINISTRATOR',
          resource: { type: 'person', id: person.id },
          details: { email: person.email },
        },
      );
    }
    const row = await transaction
      .selectFrom('cofre.admin_users')
      .selectAll()
      .where('user_id', '=', person.id)
      .executeTakeFirstOrThrow();
    return toAdministrator(row);
  });
}
