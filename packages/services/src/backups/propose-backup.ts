import {
  type BackupDocument,
  type ProposeBackupInput,
  type ProposedBackupDocument,
  parseInput,
  proposeBackupInput,
} from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery, toBackupDocument } from './find-backup.ts';
import { ofImplementation } from './list-backups.ts';

/**
 * Which backup to go back to from what went wrong at a certain time. It was complete by then: one that was being made might
 * hold some of the damage. Backups of the configuration alone, and those that restores make by themselves, are not proposed.
 */
export async function proposeBackup(
  caller: ServiceContext,
  input: ProposeBackupInput,
): Promise<ProposedBackupDocument> {
  const { implementation, before } = parseInput(proposeBackupInput, input);
  const context = await authorize(caller, 'proposeBackup', { name: implementation });
  const candidates = candidatesOf(context.catalogue, implementation);
  const earlier = candidates.where('b.completed_at', '<=', new Date(before)).orderBy('b.created_at', 'desc');
  const newest = await first(earlier);
  if (newest === null) {
    return { backup: null, newer: null, oldest: await first(candidates.orderBy('b.created_at', 'asc')) };
  }
  if (newest.verifiedAt !== null) return { backup: newest, newer: null, oldest: null };
  const verified = await first(earlier.where('b.verified_at', 'is not', null));
  return { backup: verified ?? newest, newer: verified === null ? null : newest, oldest: null };
}

function candidatesOf(catalogue: Catalogue, implementation: string) {
  return backupQuery(catalogue)
    .where(sql<boolean>`${ofImplementation(implementation)}`)
    .where('b.status', '=', 'completed')
    .where('b.backup_type', '<>', 'config_only')
    .where('b.safety', '=', false)
    .where('b.missing_at', 'is', null);
}

async function first(query: ReturnType<typeof candidatesOf>): Promise<BackupDocument | null> {
  const row = await query.orderBy('b.id').limit(1).executeTakeFirst();
  return row === undefined ? null : toBackupDocument(row);
}
