import { type CheckDocument, type CheckRepositoryInput, checkRepositoryInput, parseInput } from '@cofre/contracts';
import { authorizeRepository } from '../access/authorize.ts';
import { progressOf } from '../progress.ts';
import { checkRecoveryFiles } from '../recovery/recovery-files.ts';
import type { RepositoryContext } from '../service-context.ts';
import { openUnpinned } from './open-repository.ts';

/** Looks at every manifest and pack; with `readData` reads every byte, or a share of them. Needs no database. */
export async function checkRepository(caller: RepositoryContext, input: CheckRepositoryInput): Promise<CheckDocument> {
  const { readData } = parseInput(checkRepositoryInput, input);
  const context = await authorizeRepository(caller, 'checkRepository');
  const repository = await openUnpinned(context);
  const progress = progressOf(context);
  const check = await repository.check({
    readData,
    signal: context.signal,
    onProgress: ({ bytes }) => progress.report({ phase: 'verify', rows: 0, rowsTotal: null, bytes }),
  });
  const damage = [...check.damage, ...(await checkRecoveryFiles(repository.store))];
  return { ...check, ok: damage.length === 0, damage };
}
