import { parseInput, type RemovedKeyDocument, type RemoveKeyInput, removeKeyInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { toKeyDocument } from './list-keys.ts';
import { forgetRecoveryKit } from './open-repository.ts';

/**
 * Takes a passphrase or key file away from those that open the repository; never the one that it is open with. It keeps
 * nothing from whoever copied the repository's keys before: those copies still open with it.
 */
export async function removeKey(caller: ServiceContext, input: RemoveKeyInput): Promise<RemovedKeyDocument> {
  const { key } = parseInput(removeKeyInput, input);
  const context = await authorize(caller, 'removeKey');
  const repository = await context.openRepository();
  const entry = { action: 'REMOVE_REPOSITORY_KEY', resource: { type: 'repository', id: repository.id } } as const;
  return audited(
    context,
    { ...entry, details: { key } },
    {
      run: async () => {
        const removed = await repository.removeKey(key);
        await forgetRecoveryKit(context.catalogue);
        return { removed: toKeyDocument(removed) };
      },
      entryOf: ({ removed: { id, kind } }) => ({ details: { key: id, kind } }),
    },
  );
}
