import {
  type AdministratorDocument,
  type AdministratorInput,
  administratorInput,
  CofreError,
  parseInput,
} from '@cofre/contracts';
import { audit } from '../audit/audit.ts';
import { lockAdministrators, readAdministrators } from './administrators.ts';
import { authorize, type Caller } from './authorize.ts';

/** Takes the right to change things from a person. The last one can only be removed by the operator, who can add another. */
export async function removeAdministrator(caller: Caller, input: AdministratorInput): Promise<AdministratorDocument> {
  const { email } = parseInput(administratorInput, input);
  const context = await authorize(caller, 'removeAdministrator');
  return context.catalogue.transaction().execute(async (transaction) => {
    await lockAdministrators(transaction);
    const administrators = await readAdministrators(transaction);
    // By the address that was kept: the person may be gone, or have another by now.
    const found = administrators.find((it) => it.email?.toLowerCase() === email.toLowerCase());
    if (found === undefined) throw notOne(email);
    if (administrators.length === 1 && context.actor.kind === 'person') throw last(email);
    await transaction.deleteFrom('cofre.admin_users').where('user_id', '=', found.userId).execute();
    await audit(
      { ...context, catalogue: transaction },
      {
        action: 'REMOVE_ADMINISTRATOR',
        resource: { type: 'person', id: found.userId },
        details: { email: found.email },
      },
    );
    return found;
  });
}

function notOne(email: string): CofreError {
  return new CofreError('access/person-not-found', `${email} is no administrator. Nothing was changed.`, {
    params: { email },
    hint: '`cofre admin list` shows who is.',
  });
}

function last(email: string): CofreError {
  return new CofreError('access/last-administrator', `${email} is the last administrator. Nothing was changed.`, {
    params: { email },
  });
}
