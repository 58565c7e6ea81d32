import type { AddedKeyDocument } from '@cofre/contracts';
import type { RepositoryKey } from '@cofre/engine';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { toKeyDocument } from './list-keys.ts';

/** Lets another passphrase or key file open the repository, too; one that a rotation left out opens everything again. */
export async function addKey(
  caller: ServiceContext,
  { newKey }: { readonly newKey: Exclude<RepositoryKey, { kind: 'none' }> },
): Promise<AddedKeyDocument> {
  const context = await authorize(caller, 'addKey');
  const repository = await context.openRepository();
  return audited(
    context,
    { action: 'ADD_REPOSITORY_KEY', resource: { type: 'repository', id: repository.id } },
    {
      run: async () => {
        const { slot, isNew } = await repository.addKey(newKey);
        return { key: toKeyDocument(slot), added: isNew };
      },
      entryOf: ({ key: { id, kind }, added }) => ({ details: { key: id, kind, added } }),
    },
  );
}
