import { collectGarbageInput, type CollectGarbageInput, type GarbageDocument, parseInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { audited } from '../audit/audit.ts';
import { collectSpace } from '../retention/free-space.ts';
import type { ServiceContext } from '../service-context.ts';

/**
 * Frees what no backup needs any more, without removing a backup, and while others are made. Throws, and deletes nothing,
 * where a manifest cannot be opened: what it needs is not known then.
 */
export async function collectRepositoryGarbage(
  caller: ServiceContext,
  input: CollectGarbageInput = {},
): Promise<GarbageDocument> {
  const { dryRun, graceMs } = parseInput(collectGarbageInput, input);
  const context = await authorize(caller, 'collectRepositoryGarbage');
  const repository = await context.openRepository();
  const collect = async (): Promise<GarbageDocument> => {
    const options = { graceMs, mayGoOn: () => true, dryRunWithout: dryRun ? new Set<string>() : null };
    const { isMarked: _marked, left: _left, ...counts } = await collectSpace(context, repository, options);
    return { dryRun, ...counts };
  };
  if (dryRun) return collect();
  return audited(
    context,
    { action: 'COLLECT_GARBAGE', resource: { type: 'repository', id: repository.id } },
    {
      run: collect,
      entryOf: ({ freedBytes, freedObjects, plans }) => ({ details: { freedBytes, freedObjects, plans, graceMs } }),
    },
  );
}
