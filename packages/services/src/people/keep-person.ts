import { CofreError, type OneTimePasswordDocument, type PersonRole } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { drawOneTimePassword, hashPassword } from './passwords.ts';

interface NewPerson {
  readonly email: string;
  readonly name: string;
  readonly role: PersonRole;
}

type Keeper = Pick<ServiceContext, 'catalogue' | 'clock' | 'random'>;

/** What the token's claims say; the words are those of the database's `cofre.access_role()`. */
const META_DATA: Readonly<Record<PersonRole, object>> = {
  administrator: { role: 'admin' },
  viewer: { role: 'viewer' },
  customer: {},
};

/**
 * Within a transaction: writes a person with a one-time password, into `auth.users` and into what the web admin signs in by.
 * Throws `access/person-exists`.
 */
export async function keepPerson(keeper: Keeper, person: NewPerson): Promise<OneTimePasswordDocument> {
  const { catalogue, clock, random } = keeper;
  await refuseSupabase(catalogue);
  const email = person.email.toLowerCase();
  const { rows } = await sql`SELECT FROM auth.users WHERE pg_catalog.lower(email) = ${email}`.execute(catalogue);
  if (rows.length > 0) {
    throw new CofreError('access/person-exists', `Somebody has the address ${email} already. Nothing was changed.`, {
      params: { email },
    });
  }
  const userId = random.uuid();
  const now = clock.now();
  await sql`
    INSERT INTO auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
    VALUES (${userId}::uuid, 'authenticated', 'authenticated', ${email}, ${now}, ${JSON.stringify(META_DATA[person.role])}::jsonb,
      ${JSON.stringify({ name: person.name })}::jsonb, ${now}, ${now})`.execute(catalogue);
  await sql`
    INSERT INTO cofre_auth.users (id, name, email, email_verified, must_change_password, created_at, updated_at)
    VALUES (${userId}::uuid, ${person.name}, ${email}, true, true, ${now}, ${now})`.execute(catalogue);
  return givePassword(keeper, { userId, email });
}

/** Within a transaction: a new one-time password in place of whatever there was; who is signed in is so no more. */
export async function givePassword(
  { catalogue, clock, random }: Keeper,
  { userId, email }: { readonly userId: string; readonly email: string },
): Promise<OneTimePasswordDocument> {
  const oneTimePassword = drawOneTimePassword(random);
  const hash = await hashPassword(oneTimePassword, random);
  const now = clock.now();
  await sql`
    INSERT INTO cofre_auth.accounts (id, user_id, account_id, provider_id, password, created_at, updated_at)
    VALUES (${random.uuid()}::uuid, ${userId}::uuid, ${userId}, 'credential', ${hash}, ${now}, ${now})
    ON CONFLICT (provider_id, account_id) DO UPDATE SET password = EXCLUDED.password, updated_at = EXCLUDED.updated_at`.execute(
    catalogue,
  );
  await sql`UPDATE cofre_auth.users SET must_change_password = true, updated_at = ${now} WHERE id = ${userId}::uuid`.execute(
    catalogue,
  );
  await sql`DELETE FROM cofre_auth.sessions WHERE user_id = ${userId}::uuid`.execute(catalogue);
  return { userId, email, oneTimePassword };
}

/** Supabase's own people are Supabase's to make: a row beside them would be half a person. */
async function refuseSupabase(catalogue: Catalogue): Promise<void> {
  const { rows } = await sql<{ isSupabase: boolean }>`
    SELECT pg_catalog.to_regclass('auth.identities') IS NOT NULL AS "isSupabase"`.execute(catalogue);
  if (rows[0]?.isSupabase !== true) return;
  throw new CofreError('access/supabase', 'People of this database are kept by Supabase. Nothing was changed.');
}
