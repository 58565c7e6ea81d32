import {
  type AdministratorDocument,
  CofreError,
  parseInput,
  type ResetAdministratorsInput,
  resetAdministratorsInput,
} from '@cofre/contracts';
import { actorColumns } from '../actor.ts';
import { audit } from '../audit/audit.ts';
import { lockAdministrators, readAdministrators } from './administrators.ts';
import { authorize, type Caller } from './authorize.ts';
import { findPerson } from './find-person.ts';

/**
 * Makes a person the only administrator: for the operator, when it is not known any more who the others are. People whose
 * token makes them administrators stay so.
 */
export async function resetAdministrators(
  caller: Caller,
  input: ResetAdministratorsInput,
): Promise<{ readonly administrator: AdministratorDocument; readonly removed: readonly AdministratorDocument[] }> {
  const { email, confirmed } = parseInput(resetAdministratorsInput, input);
  const context = await authorize(caller, 'resetAdministrators');
  const person = await findPerson(caller.catalogue, email);
  return context.catalogue.transaction().execute(async (transaction) => {
    await lockAdministrators(transaction);
    const others = (await readAdministrators(transaction)).filter(({ userId }) => userId !== person.id);
    if (others.length > 0 && !confirmed) throw unconfirmed(email, others);
    await transaction.deleteFrom('cofre.admin_users').where('user_id', '!=', person.id).execute();
    await transaction
      .insertInto('cofre.admin_users')
      .values({
        user_id: person.id,
        email: person.email,
        created_at: context.clock.now(),
        ...actorColumns(context.actor),
      })
      .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ email: person.email }))
      .execute();
    await audit(
      { ...context, catalogue: transaction },
      {
        action: 'RESET_ADMINISTRATORS',
        resource: { type: 'person', id: person.id },
        details: { email: person.email, removed: others.map((it) => it.email ?? it.userId) },
      },
    );
    const [administrator] = await readAdministrators(transaction);
    if (administrator === undefined) throw new CofreError('internal/bug', 'the administrator was written');
    return { administrator, removed: others };
  });
}

function unconfirmed(email: string, others: readonly AdministratorDocument[]): CofreError {
  const names = others.map((it) => it.email ?? it.userId);
  return new CofreError(
    'usage/confirmation-needed',
    `This leaves ${email} as the only administrator and removes ${names.join(', ')}. Nothing was changed.`,
    { params: { email, removed: names }, hint: 'Call again with --yes if that is meant.' },
  );
}
