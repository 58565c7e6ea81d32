import { CofreError } from '@cofre/contracts';
import { Repository } from '@cofre/engine';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { AcceptedRepository, RepositoryContext } from '../service-context.ts';

/** Opens the repository with no look at a catalogue. Throws `repository/identity-changed` where it is not the accepted one. */
export async function openUnpinned(context: RepositoryContext): Promise<Repository> {
  const { store, codecs, clock, random, key, accepted } = context;
  const repository = await Repository.open({ store, codecs, clock, random, key });
  if (accepted !== null) refuseAnother(repository, accepted);
  return repository;
}

/**
 * Compares an opened repository with the one that the catalogue was used with first (design §5): a `cofre.json` that
 * lost its encryption, or belongs to another repository, is refused before anything is read or written.
 */
export async function pinRepository(
  context: RepositoryContext & { readonly catalogue: Catalogue },
  repository: Repository,
): Promise<Repository> {
  const pin = await context.catalogue.selectFrom('cofre.repository_pin').selectAll().executeTakeFirst();
  if (pin !== undefined && isAsPinned(repository, pin)) {
    await pinNewKeys(context.catalogue, repository, pin.root_key_ids);
    return repository;
  }
  // `repo init` writes the accepted repository down where only the operator can: that is how one is replaced on purpose.
  const isReplacement = pin !== undefined && context.accepted !== null && pin.repository_id !== repository.id;
  if (pin !== undefined && !isReplacement) {
    refuseAnother(repository, { id: pin.repository_id, encryption: pin.encryption });
    throw identityChanged(repository, 'it lacks a root key that was used before');
  }
  const row = {
    repository_id: repository.id,
    encryption: encryptionOf(repository),
    root_key_ids: [...repository.rootKeyIds],
    url: repository.store.url,
    pinned_at: context.clock.now(),
    // Another repository has another key.
    kit_taken_at: null,
    kit_taken_by_name: null,
  };
  await context.catalogue
    .insertInto('cofre.repository_pin')
    .values(row)
    .onConflict((conflict) =>
      isReplacement ? conflict.column('only_row').doUpdateSet(row) : conflict.column('only_row').doNothing(),
    )
    .execute();
  return repository;
}

export function isAsPinned(
  repository: Repository,
  pin: { readonly repository_id: string; readonly encryption: string; readonly root_key_ids: readonly string[] },
): boolean {
  // Root keys are only ever added: where one went, it is an older configuration, or another repository's.
  const keysFit = pin.root_key_ids.every((id) => repository.rootKeyIds.includes(id));
  return pin.repository_id === repository.id && pin.encryption === encryptionOf(repository) && keysFit;
}

/** What was written down of a key may open the backups no longer: it is to be taken anew. */
export async function forgetRecoveryKit(catalogue: Catalogue): Promise<void> {
  await catalogue.updateTable('cofre.repository_pin').set({ kit_taken_at: null, kit_taken_by_name: null }).execute();
}

/** The configuration is authenticated, so that keys beside those that are pinned were added by who had one. */
async function pinNewKeys(catalogue: Catalogue, repository: Repository, pinned: readonly string[]): Promise<void> {
  if (repository.rootKeyIds.every((id) => pinned.includes(id))) return;
  await catalogue
    .updateTable('cofre.repository_pin')
    .set({ root_key_ids: [...repository.rootKeyIds] })
    .where('repository_id', '=', repository.id)
    .execute();
}

function refuseAnother(repository: Repository, expected: AcceptedRepository): void {
  if (expected.id !== repository.id) {
    throw identityChanged(repository, `its id is ${repository.id}, and ${expected.id} was used before`);
  }
  if (expected.encryption !== encryptionOf(repository)) {
    throw identityChanged(repository, `its encryption is ${encryptionOf(repository)}, and was ${expected.encryption}`);
  }
}

export function encryptionOf(repository: Repository): 'aes-256-gcm' | 'none' {
  return repository.encrypted ? 'aes-256-gcm' : 'none';
}

function identityChanged(repository: Repository, why: string): CofreError {
  return new CofreError(
    'repository/identity-changed',
    `The repository at ${repository.store.url} is not the one that was used before: ${why}. Nothing was read or written.`,
    { params: { repositoryId: repository.id, url: repository.store.url } },
  );
}
