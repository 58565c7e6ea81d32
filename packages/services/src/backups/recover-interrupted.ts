import {
  type BackupStats,
  backupId,
  CofreError,
  type ErrorDocument,
  type ImplementationRef,
  implementationId as toImplementationId,
  isCofreError,
} from '@cofre/contracts';
import { checksumOf, type Manifest, manifestPath, packPath, type Repository } from '@cofre/engine';
import { printTable } from '@cofre/postgres';
import { type Selectable, sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { ModuleBackupsTable } from '../catalogue/schema.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { buildsOnEarlier } from './choose-probe.ts';
import { lockKeyOf } from './implementation-lock.ts';

type Interrupted = Pick<Selectable<ModuleBackupsTable>, 'id' | 'file_path' | 'repository_id' | 'deleted_at'>;

/**
 * Settles what processes that were killed left behind: backups that say `running`, and deletions that were begun, of
 * implementations whose lock nobody holds. Where the repository cannot be opened now, they wait for a command that can.
 */
export async function recoverInterrupted(context: ServiceContext): Promise<number> {
  const found = await interruptedRows(context.catalogue).select('source_implementation_id').distinct().execute();
  let recovered = 0;
  for (const { source_implementation_id: implementation } of found) {
    if (implementation === null) continue;
    recovered += await context.catalogue.transaction().execute(async (transaction) => {
      const lock = await sql<{ taken: boolean }>`
        SELECT pg_catalog.pg_try_advisory_xact_lock(${lockKeyOf(implementation)}::pg_catalog.int8) AS taken`.execute(
        transaction,
      );
      if (lock.rows[0]?.taken !== true) return 0;
      const repository = await openIfPossible(context);
      return repository === 'later' ? 0 : settleInterrupted(transaction, implementation, repository);
    });
  }
  return recovered;
}

/** null: there is none, so nothing can lie in it. */
async function openIfPossible(context: ServiceContext): Promise<Repository | null | 'later'> {
  try {
    return await context.openRepository();
  } catch (error) {
    return isCofreError(error, 'repository/not-found') ? null : 'later';
  }
}

function interruptedRows(catalogue: Catalogue) {
  return catalogue
    .selectFrom('public.module_backups')
    .where('source_implementation_id', 'is not', null)
    .where(({ eb, or }) => or([eb('status', 'in', ['pending', 'running']), eb('deleted_at', 'is not', null)]));
}

/** Those of them that `settleInterrupted` has something to do for. */
export async function withInterrupted(
  catalogue: Catalogue,
  implementations: readonly ImplementationRef[],
): Promise<readonly string[]> {
  const ids = implementations.map(({ id }) => id);
  const rows = await interruptedRows(catalogue)
    .where('source_implementation_id', 'in', ids)
    .select('source_implementation_id as id')
    .distinct()
    .execute();
  return rows.flatMap(({ id }) => id ?? []);
}

/** For who holds the lock of the implementation. Gives the number of rows that were settled. */
export async function settleInterrupted(
  catalogue: Catalogue,
  implementation: string,
  repository: Repository | null,
): Promise<number> {
  const rows = await interruptedRows(catalogue)
    .where('source_implementation_id', '=', implementation)
    .select(['id', 'file_path', 'repository_id', 'deleted_at'])
    .execute();
  for (const row of rows) {
    // Of a repository that is not in use any more nothing can be known.
    const own = repository !== null && repository.id === row.repository_id ? repository : null;
    if (row.deleted_at === null) await settleBackup(catalogue, { row, implementation, repository: own });
    else await finishDeletion(catalogue, { row, implementation, repository: own });
  }
  return rows.length;
}

interface Settling {
  readonly row: Interrupted;
  readonly implementation: string;
  readonly repository: Repository | null;
}

/** Where the store lets nothing be deleted now, the deletion waits: it must not keep anybody from anything else. */
async function finishDeletion(catalogue: Catalogue, { row, implementation, repository }: Settling): Promise<void> {
  if (row.file_path !== null && repository === null) return;
  try {
    await repository?.deleteManifest(toImplementationId.parse(implementation), backupId.parse(row.id));
  } catch (error) {
    if (isCofreError(error) && error.code.startsWith('storage/')) return;
    throw error;
  }
  await catalogue.deleteFrom('public.module_backups').where('id', '=', row.id).execute();
}

/** The manifest is the commit: where it is there, the backup was done, though nobody was left to write so down. */
async function settleBackup(catalogue: Catalogue, settling: Settling): Promise<void> {
  const { row, implementation, repository } = settling;
  const outcome = repository === null ? interrupted() : await outcomeOf(repository, implementation, row.id);
  const completed = 'code' in outcome ? { status: 'failed' as const, error: JSON.stringify(outcome) } : outcome;
  await catalogue.updateTable('public.module_backups').set(completed).where('id', '=', row.id).execute();
}

async function outcomeOf(repository: Repository, implementation: string, id: string) {
  const ids = [toImplementationId.parse(implementation), backupId.parse(id)] as const;
  try {
    const manifest = await repository.readManifest(...ids);
    for (const pack of manifest.packs)
      if ((await repository.store.stat(packPath(pack.id))) === null) return interrupted();
    const path = manifestPath(...ids);
    const checksum = checksumOf(await repository.store.get(path));
    const completedAt = new Date(Date.parse(manifest.createdAt) + manifest.stats.durationMs);
    const backupData = { ...summaryOf(manifest), config: null, configLeftOut: 'interrupted' };
    return completedColumns({ manifest, path, checksum, completedAt, backupData });
  } catch (error) {
    if (isCofreError(error, 'repository/object-missing')) return interrupted();
    if (isCofreError(error, 'repository/damaged')) return toErrorDocument(error);
    throw error;
  }
}

/** What a row says of a backup whose manifest is in the repository. */
export function completedColumns(completed: {
  readonly manifest: Manifest;
  readonly path: string;
  readonly checksum: string;
  readonly completedAt: Date;
  readonly backupData: object;
}) {
  const { manifest, path, checksum, completedAt, backupData } = completed;
  const stats: BackupStats = { tables: manifest.tables.length, ...manifest.stats };
  return {
    status: 'completed' as const,
    completed_at: completedAt,
    file_path: path,
    checksum,
    size_bytes: stats.bytesStored,
    stats: JSON.stringify(stats),
    backup_data: JSON.stringify(backupData),
    ...(buildsOnEarlier(manifest.type) ? { probe: JSON.stringify(probeOf(manifest)) } : {}),
  };
}

export type CompletedColumns = ReturnType<typeof completedColumns>;

/** Whether what changed was asked for; of tables that were read whole all the same, why. Of configuration that goes without saying. */
function probeOf({ tables }: Manifest): { readonly used: boolean; readonly reason?: string } {
  const used = tables.some(({ read }) => read.how === 'probe');
  const reasons = tables.flatMap(({ role, read, ...table }) =>
    role === 'config' || read.how === 'probe' || read.reason === null ? [] : [`${printTable(table)}: ${read.reason}`],
  );
  return reasons.length === 0 ? { used } : { used, reason: `read whole: ${reasons.join('; ')}` };
}

/** What the catalogue shows of a backup's tables without the repository. */
export function summaryOf(manifest: Manifest) {
  const tables = manifest.tables.map((table) => ({
    table: printTable(table),
    role: table.role,
    rows: table.rows,
    bytes: table.bytes,
  }));
  return { version: 1, tables };
}

function interrupted(): ErrorDocument {
  return toErrorDocument(
    new CofreError(
      'backup/interrupted',
      'The process that made this backup ended before it was done. Nothing of it is listed in the repository.',
    ),
  );
}
