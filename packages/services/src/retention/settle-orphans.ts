import type { ServiceContext } from '../service-context.ts';
import type { RetainedGroup } from './read-retained.ts';

/**
 * Notes which implementations are gone, since when, and which are back. The grace of their backups counts from the
 * moment that clean-up first saw them gone: nobody tells us when the row was deleted.
 */
export async function settleOrphans(
  { catalogue, clock }: Pick<ServiceContext, 'catalogue' | 'clock'>,
  groups: readonly RetainedGroup[],
): Promise<void> {
  const now = clock.now();
  const idsOf = (is: (facts: RetainedGroup['implementation']) => boolean) =>
    groups.filter(({ implementation }) => is(implementation)).map(({ ref }) => ref.id);
  const gone = idsOf(({ isGone, goneSince }) => isGone && goneSince === null);
  const back = idsOf(({ isGone, goneSince }) => !isGone && goneSince !== null);
  const unlinked = idsOf(({ isUnlinked }) => isUnlinked);
  if (gone.length > 0) {
    await catalogue
      .insertInto('cofre.implementation_settings')
      .values(gone.map((id) => ({ implementation_id: id, deleted_at: now, created_at: now, updated_at: now })))
      .onConflict((conflict) =>
        conflict
          .column('implementation_id')
          .doUpdateSet({ deleted_at: now })
          .where('cofre.implementation_settings.deleted_at', 'is', null),
      )
      .execute();
  }
  if (back.length > 0) {
    await catalogue
      .updateTable('cofre.implementation_settings')
      .set({ deleted_at: null })
      .where('implementation_id', 'in', back)
      .execute();
  }
  if (unlinked.length > 0) {
    // Somebody put the row back by hand: its backups are its own again.
    await catalogue
      .updateTable('public.module_backups')
      .set((eb) => ({ implementation_id: eb.ref('source_implementation_id') }))
      .where('source_implementation_id', 'in', unlinked)
      .where('implementation_id', 'is', null)
      .execute();
  }
}
