import { CofreError } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** A person of `auth.users` by the e-mail address; how its letters are cased makes no difference. Throws `access/person-not-found`. */
export async function findPerson(
  catalogue: Catalogue,
  email: string,
): Promise<{ readonly id: string; readonly email: string }> {
  const { rows } = await sql<{ id: string; email: string }>`
    SELECT id, email FROM auth.users WHERE pg_catalog.lower(email) = pg_catalog.lower(${email}) LIMIT 2`.execute(
    catalogue,
  );
  const [person, another] = rows;
  if (person === undefined || another !== undefined) {
    const found = person === undefined ? 'Nobody' : 'More than one person';
    throw new CofreError('access/person-not-found', `${found} has the address ${email}. Nothing was changed.`, {
      params: { email },
    });
  }
  return person;
}
