import type { AdministratorDocument } from '@cofre/contracts';
import { readAdministrators } from './administrators.ts';
import { authorize, type Caller } from './authorize.ts';

/** Those that are kept here. People whose token says so (`app_metadata.role`) are administrators besides. */
export async function listAdministrators(caller: Caller): Promise<readonly AdministratorDocument[]> {
  const context = await authorize(caller, 'listAdministrators');
  return readAdministrators(context.catalogue);
}
