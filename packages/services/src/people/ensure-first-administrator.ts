import { addPersonInput, type OneTimePasswordDocument, parseInput } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { PeopleContext } from './add-person.ts';
import { keepPerson } from './keep-person.ts';

/** At set-up: makes the first person of the web admin. null: there is somebody already, and nothing is changed. */
export async function ensureFirstAdministrator(
  caller: PeopleContext,
  input: { readonly email: string },
): Promise<OneTimePasswordDocument | null> {
  const { email, name = email } = parseInput(addPersonInput, { email: input.email, role: 'administrator' });
  const context = await authorize(caller, 'ensureFirstAdministrator');
  return context.catalogue.transaction().execute(async (transaction) => {
    // Two that start at once make one administrator.
    await sql`LOCK TABLE cofre_auth.users IN SHARE ROW EXCLUSIVE MODE`.execute(transaction);
    const { rows } = await sql`SELECT FROM cofre_auth.users LIMIT 1`.execute(transaction);
    if (rows.length > 0) return null;
    const kept = await keepPerson({ ...context, catalogue: transaction }, { email, name, role: 'administrator' });
    await audit(
      { ...context, catalogue: transaction },
      {
        action: 'ADD_PERSON',
        resource: { type: 'person', id: kept.userId },
        details: { email: kept.email, role: 'administrator' },
      },
    );
    return kept;
  });
}
