import { parseInput, type RestoreDetailDocument, type ShowRestoreInput, showRestoreInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { idRange } from '../catalogue/id-prefix.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { toRestoreEntry } from './list-restores.ts';
import { restoreNotFound } from './not-found.ts';

/** One restore or undo, and whether it can still be undone. Throws `restore/not-found`. */
export async function showRestore(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: ShowRestoreInput,
): Promise<RestoreDetailDocument> {
  const { restore: reference } = parseInput(showRestoreInput, input);
  const context = await authorize(caller, 'showRestore', { name: reference });
  const range = idRange(reference);
  if (range === null) throw restoreNotFound(reference);
  const [row, another] = await context.catalogue
    .selectFrom('cofre.v_restore_list')
    .selectAll()
    .where('id', '>=', range.first)
    .where('id', '<=', range.last)
    .limit(2)
    .execute();
  if (row === undefined || another !== undefined) throw restoreNotFound(reference);
  const entry = toRestoreEntry(row);
  if (entry.purpose !== 'restore' || entry.status !== 'completed' || entry.undoneBy !== null) {
    return { ...entry, isUndoable: false, undoableUntil: null };
  }
  return { ...entry, ...(await undoOf(context.catalogue, entry)) };
}

type Undo = Pick<RestoreDetailDocument, 'isUndoable' | 'undoableUntil'>;

/** An undo reads the backup, and the plan, which stays as long as the safety backup does. */
async function undoOf(
  catalogue: Catalogue,
  { backupId, safetyBackupId }: Pick<RestoreDetailDocument, 'backupId' | 'safetyBackupId'>,
): Promise<Undo> {
  const needed = [backupId, ...(safetyBackupId === null ? [] : [safetyBackupId])];
  const there = await catalogue
    .selectFrom('public.module_backups')
    .select(['expires_at', 'held'])
    .where('id', 'in', needed)
    .where('deleted_at', 'is', null)
    .execute();
  if (there.length < needed.length) return { isUndoable: false, undoableUntil: null };
  const ends = there.flatMap(({ held, expires_at: end }) => (held || end === null ? [] : [end.getTime()]));
  return { isUndoable: true, undoableUntil: ends.length === 0 ? null : new Date(Math.min(...ends)).toISOString() };
}
