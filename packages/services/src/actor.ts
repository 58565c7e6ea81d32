/** The claims of a verified token, as Supabase has them: `sub`, `role`, `app_metadata`, … Whoever makes an actor of them has verified it. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Who asks. `operator`: someone with the command line and the database's own rights, named by the operating system's user.
 * `person`: signed in; the database decides by the claims what they may. `service`: worker, schedule, edge function.
 */
export type Actor =
  | { readonly kind: 'nobody'; readonly name: string }
  | { readonly kind: 'operator'; readonly name: string }
  | Person
  | { readonly kind: 'service'; readonly name: string };

export interface Person {
  readonly kind: 'person';
  readonly userId: string;
  readonly name: string;
  readonly claims: Claims;
}

export const NOBODY: Actor = { kind: 'nobody', name: 'nobody' };

/** The columns that remember an actor: `created_by` points at `auth.users`, which only people are in. */
export function actorColumns(actor: Actor): { created_by: string | null; created_by_name: string } {
  return { created_by: actor.kind === 'person' ? actor.userId : null, created_by_name: actor.name };
}
