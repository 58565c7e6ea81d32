import { sql } from 'kysely';
import type { Person } from '../actor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

interface PersonRow {
  readonly email: string | null;
  readonly raw_app_meta_data: unknown;
}

/**
 * The actor of somebody who is signed in: the claims are made here, of what only the server writes (`raw_app_meta_data`),
 * never of what people may change. null: the person was deleted or shut out.
 */
export async function readPerson(catalogue: Catalogue, userId: string): Promise<Person | null> {
  const { rows } = await sql<PersonRow>`
    SELECT email, raw_app_meta_data FROM auth.users
    WHERE id = ${userId}::uuid AND deleted_at IS NULL
      AND (banned_until IS NULL OR banned_until <= pg_catalog.now())`.execute(catalogue);
  const [row] = rows;
  if (row === undefined) return null;
  const claims = {
    sub: userId,
    role: 'authenticated',
    email: row.email,
    app_metadata: isObject(row.raw_app_meta_data) ? row.raw_app_meta_data : {},
  };
  return { kind: 'person', userId, name: row.email ?? userId, claims };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
