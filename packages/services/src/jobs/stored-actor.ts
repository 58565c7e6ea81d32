import { sql } from 'kysely';
import { z } from 'zod';
import type { Actor, Claims, Person } from '../actor.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** Who asked for a job, as its row keeps it. */
export const storedActor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('operator'), name: z.string() }),
  z.object({ kind: z.literal('service'), name: z.string() }),
  z.object({
    kind: z.literal('person'),
    name: z.string(),
    userId: z.string(),
    claims: z.record(z.string(), z.unknown()),
    /** The database had the person in the role of the token; from then on the database decides. */
    isOnRecord: z.boolean(),
  }),
]);
export type StoredActor = z.infer<typeof storedActor>;

/** For the row of a job; nobody asks for none. */
export async function toStoredActor(catalogue: Catalogue, actor: Actor): Promise<StoredActor | null> {
  if (actor.kind === 'nobody') return null;
  if (actor.kind !== 'person') return { kind: actor.kind, name: actor.name };
  const { userId, name, claims } = actor;
  const role = roleIn(claims);
  const isOnRecord = role !== null && (await roleOnRecord(catalogue, userId)) === role;
  return { kind: 'person', name, userId, claims, isOnRecord };
}

/**
 * Who asked, with the rights of today: a token that was valid then says nothing of now. Where the database had the role of
 * the token, what it has now is what counts; a role that only the token knew stays.
 */
export async function actorOfToday(catalogue: Catalogue, stored: StoredActor): Promise<Actor> {
  if (stored.kind !== 'person') return stored;
  const { isOnRecord, ...person } = stored;
  return isOnRecord ? withRole(person, await roleOnRecord(catalogue, person.userId)) : person;
}

function withRole(person: Person, role: string | null): Person {
  const { app_metadata: metadata, ...claims } = person.claims;
  const { role: _former, ...others } = isRecord(metadata) ? metadata : {};
  return { ...person, claims: { ...claims, app_metadata: role === null ? others : { ...others, role } } };
}

function roleIn({ app_metadata: metadata }: Claims): string | null {
  return isRecord(metadata) && typeof metadata['role'] === 'string' ? metadata['role'] : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As JSON, because an application's own `auth.users` may have other columns. */
async function roleOnRecord(catalogue: Catalogue, userId: string): Promise<string | null> {
  const { rows } = await sql<{ role: string | null }>`
    SELECT pg_catalog.to_jsonb(u) -> 'raw_app_meta_data' ->> 'role' AS role
    FROM auth.users AS u WHERE u.id::text = ${userId}`.execute(catalogue);
  return rows[0]?.role ?? null;
}
