import { CofreError } from '@cofre/contracts';
import { authorizeRepository } from '../access/authorize.ts';
import { openUnpinned } from '../repository/open-repository.ts';
import type { RepositoryContext } from '../service-context.ts';
import { putRecoveryFiles, RECOVERY_PATHS } from './recovery-files.ts';

export interface AddedRecoveryFiles {
  readonly added: readonly string[];
  readonly present: readonly string[];
}

/** Writes `RECOVERY.md` and the reader into a repository that was made without them. Needs no database. */
export async function addRecoveryFiles(caller: RepositoryContext): Promise<AddedRecoveryFiles> {
  const context = await authorizeRepository(caller, 'addRecoveryFiles');
  const { store } = await openUnpinned(context);
  const files = await context.recoveryFiles?.();
  if (files === undefined)
    throw new CofreError(
      'usage/not-available-yet',
      'This program has no recovery files with it. Nothing was written.',
      {
        hint: 'Use `cofre repo recovery` of the command line.',
      },
    );
  const added = await putRecoveryFiles(store, files);
  return { added, present: RECOVERY_PATHS.filter((path) => !added.includes(path)) };
}
