import {
  CofreError,
  type OneTimePasswordDocument,
  parseInput,
  type ResetPasswordInput,
  resetPasswordInput,
} from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { PeopleContext } from './add-person.ts';
import { givePassword } from './keep-person.ts';

/** For who forgot the password: a new one that opens once. Whoever is signed in as that person is signed out. */
export async function resetPassword(
  caller: PeopleContext,
  input: ResetPasswordInput,
): Promise<OneTimePasswordDocument> {
  const { email } = parseInput(resetPasswordInput, input);
  const context = await authorize(caller, 'resetPassword');
  return context.catalogue.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ id: string; email: string }>`
      SELECT id, email FROM cofre_auth.users WHERE email = ${email.toLowerCase()} FOR UPDATE`.execute(transaction);
    const [person] = rows;
    if (person === undefined) {
      throw new CofreError('access/person-not-found', `Nobody has the address ${email}. Nothing was changed.`, {
        params: { email },
      });
    }
    const given = await givePassword(
      { ...context, catalogue: transaction },
      { userId: person.id, email: person.email },
    );
    await audit(
      { ...context, catalogue: transaction },
      { action: 'RESET_PASSWORD', resource: { type: 'person', id: person.id }, details: { email: person.email } },
    );
    return given;
  });
}
