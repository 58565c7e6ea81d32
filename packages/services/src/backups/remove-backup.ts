import { backupId, CofreError, type ImplementationRef } from '@cofre/contracts';
import { manifestPath, type Repository } from '@cofre/engine';
import { type AuditEntry, audit } from '../audit/audit.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';

export interface RemovableBackup {
  readonly id: string;
  readonly ref: ImplementationRef;
  /** Where its manifest is; null: it has none. */
  readonly filePath: string | null;
  readonly repositoryId: string | null;
}

export interface Removal {
  readonly backup: RemovableBackup;
  /** What is logged with it. It comes and goes with the mark that takes the backup out of every list. */
  readonly entry: AuditEntry;
}

/**
 * Removes one backup and no other; the caller holds the implementation's lock. The row is marked first, then the manifest
 * goes, then the row: a crash in between leaves nothing that is listed and cannot be read, and the next command goes on
 * with it. Gives false, and changes nothing, where the backup or its implementation is on hold, or somebody else removed it.
 */
export async function removeBackup(context: ServiceContext, { backup, entry }: Removal): Promise<boolean> {
  const repository = await repositoryOf(context, backup);
  const isMarked = await context.catalogue.transaction().execute(async (transaction) => {
    const marked = await transaction
      .updateTable('public.module_backups as b')
      .set({ deleted_at: context.clock.now() })
      .where('b.id', '=', backup.id)
      .where('b.deleted_at', 'is', null)
      // Somebody may have put it on hold since we looked.
      .where('b.held', '=', false)
      .where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('cofre.implementation_settings as s')
              .select('s.implementation_id')
              .whereRef('s.implementation_id', '=', 'b.source_implementation_id')
              .where('s.held', '=', true),
          ),
        ),
      )
      .executeTakeFirst();
    if (marked.numUpdatedRows === 0n) return false;
    await audit({ ...context, catalogue: transaction }, entry);
    return true;
  });
  if (!isMarked) return false;
  if (repository !== null) {
    const failed = { ...entry, outcome: 'failed' } as const;
    await deleteOrKeepListed(context, repository, backup).catch(async (error: unknown) => {
      const details = { ...entry.details, code: toErrorDocument(error).code };
      await audit(context, { ...failed, details }).catch(() => undefined);
      throw error;
    });
  }
  await context.catalogue.deleteFrom('public.module_backups').where('id', '=', backup.id).execute();
  return true;
}

/**
 * A backup that has no manifest needs no repository to be forgotten; where it is at hand, it is looked into all the same:
 * the answer to a put may have been lost. null: it is not needed.
 */
async function repositoryOf(context: ServiceContext, backup: RemovableBackup): Promise<Repository | null> {
  if (backup.filePath === null) {
    const atHand = await context.openRepository().catch(() => null);
    return atHand?.id === backup.repositoryId ? atHand : null;
  }
  const repository = await context.openRepository();
  if (backup.repositoryId !== repository.id) throw elsewhere(backup, repository.store.url);
  return repository;
}

/** Where the manifest could not be deleted, the backup is still one, and stays in the list. */
async function deleteOrKeepListed(
  context: ServiceContext,
  repository: Repository,
  backup: RemovableBackup,
): Promise<void> {
  const ids = [backup.ref.id, backupId.parse(backup.id)] as const;
  try {
    await repository.deleteManifest(...ids);
  } catch (error) {
    const isThere = await repository.store.stat(manifestPath(...ids)).catch(() => null);
    if (isThere !== null)
      await context.catalogue
        .updateTable('public.module_backups')
        .set({ deleted_at: null })
        .where('id', '=', backup.id)
        .execute();
    throw error;
  }
}

function elsewhere({ id, repositoryId }: RemovableBackup, url: string): CofreError {
  return new CofreError(
    'repository/identity-changed',
    `The backup ${id} lies in the repository ${repositoryId}, and not at ${url}. Nothing was deleted.`,
    { params: { backupId: id, repositoryId: repositoryId ?? '' } },
  );
}
