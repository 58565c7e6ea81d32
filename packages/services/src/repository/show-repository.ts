import { type RepositoryDocument, repositoryId } from '@cofre/contracts';
import type { Repository } from '@cofre/engine';
import { authorizeRepository } from '../access/authorize.ts';
import type { RepositoryContext } from '../service-context.ts';
import { openUnpinned } from './open-repository.ts';

/** What a repository says of itself. Needs no database. */
export async function showRepository(caller: RepositoryContext): Promise<RepositoryDocument> {
  const context = await authorizeRepository(caller, 'showRepository');
  return toRepositoryDocument(await openUnpinned(context));
}

export async function toRepositoryDocument(repository: Repository): Promise<RepositoryDocument> {
  const info = await repository.info();
  return {
    id: repositoryId.parse(info.id),
    url: info.url,
    format: info.format,
    createdAt: info.createdAt,
    encryption: info.encryption,
    compression: info.compression,
    rootKeyIds: [...info.rootKeyIds],
    keySlots: info.keySlots.map((slot) => ({ ...slot })),
  };
}
