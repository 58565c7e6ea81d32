import type { RotatedKeyDocument } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import type { ServiceContext } from '../service-context.ts';
import { toKeyDocument } from './list-keys.ts';
import { forgetRecoveryKit, pinRepository } from './open-repository.ts';

/**
 * Everything new is sealed with a new root key from now on, and what is there stays readable. Only the key that the repository
 * is open with is given it; the others are told, to be added again.
 */
export async function rotateRootKey(caller: ServiceContext): Promise<RotatedKeyDocument> {
  const context = await authorize(caller, 'rotateRootKey');
  const repository = await context.openRepository();
  return audited(
    context,
    { action: 'ROTATE_ROOT_KEY', resource: { type: 'repository', id: repository.id } },
    {
      run: async () => {
        const { rootKeyId, leftOut } = await repository.rotateRootKey();
        await pinRepository(context, repository);
        // The key in the kit may be one of those.
        if (leftOut.length > 0) await forgetRecoveryKit(context.catalogue);
        return { rootKeyId, leftOut: leftOut.map(toKeyDocument) };
      },
      entryOf: ({ rootKeyId, leftOut }) => ({ details: { rootKeyId, leftOut: leftOut.map(({ id }) => id) } }),
    },
  );
}
