import type { RepositoryKeyDocument, RepositoryKeysDocument } from '@cofre/contracts';
import type { KeySlot } from '@cofre/engine';
import { authorizeRepository } from '../access/authorize.ts';
import type { RepositoryContext } from '../service-context.ts';
import { openUnpinned } from './open-repository.ts';

/** Which passphrases and key files open the repository. Needs no database. */
export async function listKeys(caller: RepositoryContext): Promise<RepositoryKeysDocument> {
  const context = await authorizeRepository(caller, 'listKeys');
  const repository = await openUnpinned(context);
  return { items: (await repository.listKeys()).map(toKeyDocument) };
}

export function toKeyDocument({ id, kind, createdAt, rootKeyIds, isWhole, isOwn }: KeySlot): RepositoryKeyDocument {
  return { id, kind, createdAt, rootKeyIds: [...rootKeyIds], opensAll: isWhole, inUse: isOwn };
}
