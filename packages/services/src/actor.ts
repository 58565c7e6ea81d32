/** Who asks. `operator`: someone with the command line and the database's own rights; people and services come by other edges. */
export type Actor =
  | { readonly kind: 'operator'; readonly name: string }
  | { readonly kind: 'person'; readonly userId: string; readonly name: string }
  | { readonly kind: 'service'; readonly name: string };

/** The columns that remember an actor: `created_by` points at `auth.users`, which only people are in. */
export function actorColumns(actor: Actor): { created_by: string | null; created_by_name: string } {
  return { created_by: actor.kind === 'person' ? actor.userId : null, created_by_name: actor.name };
}
