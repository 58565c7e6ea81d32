import {
  backupId,
  CofreError,
  implementationId,
  type ListRestoresInput,
  listRestoresInput,
  parseInput,
  planId,
  type RestoreEntryDocument,
  restoreId,
} from '@cofre/contracts';
import { type Selectable, sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import { ofImplementation } from '../backups/list-backups.ts';
import { idRange } from '../catalogue/id-prefix.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { RestoresTable } from '../catalogue/schema.ts';
import type { ServiceContext } from '../service-context.ts';
import { restoreNotFound } from './not-found.ts';

/** Restores and undos, newest first. */
export async function listRestores(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: ListRestoresInput,
): Promise<readonly RestoreEntryDocument[]> {
  const { implementation, limit } = parseInput(listRestoresInput, input);
  const context = await authorize(caller, 'listRestores');
  let query = context.catalogue.selectFrom('cofre.v_restore_list').selectAll();
  if (implementation !== undefined) {
    query = query.where(sql<boolean>`${ofImplementation(implementation, COLUMNS)}`);
  }
  const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(toRestoreEntry);
}

const COLUMNS = { id: 'implementation_id', module: 'module_slug', key: 'implementation_key' };

export type RestoreRow = Selectable<RestoresTable>;

/** A restore by its id or a unique prefix. Throws `restore/not-found`. */
export async function findRestore(catalogue: Catalogue, reference: string): Promise<RestoreRow> {
  const range = idRange(reference);
  if (range === null) throw restoreNotFound(reference);
  const [row, another] = await catalogue
    .selectFrom('cofre.restores')
    .selectAll()
    .where('id', '>=', range.first)
    .where('id', '<=', range.last)
    .limit(2)
    .execute();
  if (row === undefined) {
    throw restoreNotFound(reference);
  }
  if (another === undefined) return row;
  throw new CofreError('usage/invalid', `More than one restore begins with ${reference}. Nothing was started.`, {
    hint: 'Give more characters of the id.',
  });
}

export function toRestoreEntry(row: Omit<RestoreRow, 'evidence'>): RestoreEntryDocument {
  const optionalRestore = (id: string | null) => (id === null ? null : restoreId.parse(id));
  return {
    id: restoreId.parse(row.id),
    planId: planId.parse(row.plan_id),
    backupId: backupId.parse(row.backup_id),
    safetyBackupId: row.safety_backup_id === null ? null : backupId.parse(row.safety_backup_id),
    status: row.status,
    tables: row.tables.map((table) => ({ ...table })),
    verified: row.verified,
    durationMs: row.duration_ms,
    purpose: row.purpose,
    implementation: {
      id: implementationId.parse(row.implementation_id),
      module: row.module_slug,
      key: row.implementation_key,
    },
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by_name,
    undoOf: optionalRestore(row.undo_of),
    undoneBy: optionalRestore(row.undone_by),
    ...(row.error === null ? {} : { error: row.error }),
  };
}
