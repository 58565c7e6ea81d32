import { type AddPersonInput, addPersonInput, type OneTimePasswordDocument, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { keepPerson } from './keep-person.ts';

export type PeopleContext = Pick<ServiceContext, 'catalogue' | 'actor' | 'clock' | 'random'>;

/** Lets somebody sign in, by a password that has to be changed at once. Where Supabase keeps people it makes them. */
export async function addPerson(caller: PeopleContext, input: AddPersonInput): Promise<OneTimePasswordDocument> {
  const { email, name = email, role } = parseInput(addPersonInput, input);
  const context = await authorize(caller, 'addPerson');
  return context.catalogue.transaction().execute(async (transaction) => {
    const kept = await keepPerson({ ...context, catalogue: transaction }, { email, name, role });
    await audit(
      { ...context, catalogue: transaction },
      { action: 'ADD_PERSON', resource: { type: 'person', id: kept.userId }, details: { email: kept.email, role } },
    );
    return kept;
  });
}
