import {
  CofreError,
  type InitRepositoryInput,
  initRepositoryInput,
  parseInput,
  type RepositoryDocument,
} from '@cofre/contracts';
import { Repository } from '@cofre/engine';
import { authorizeRepository } from '../access/authorize.ts';
import { putRecoveryFiles } from '../recovery/recovery-files.ts';
import type { RepositoryContext } from '../service-context.ts';
import { toRepositoryDocument } from './show-repository.ts';

/** Makes an empty repository. A key encrypts it; to keep it plain has to be said. */
export async function initRepository(
  caller: RepositoryContext,
  input: InitRepositoryInput,
): Promise<RepositoryDocument> {
  const { encryption, compression } = parseInput(initRepositoryInput, input);
  const context = await authorizeRepository(caller, 'initRepository');
  const { store, codecs, clock, random, key } = context;
  if (key.kind === 'none' && encryption === undefined) {
    throw new CofreError(
      'usage/invalid',
      'No key was given, so everybody who can read the place could read the backups. Nothing was made.',
      { hint: 'Set COFRE_PASSPHRASE or COFRE_KEY_FILE to encrypt the repository, or say `--encryption none`.' },
    );
  }
  if (key.kind === 'none' && encryption === 'aes-256-gcm') {
    throw new CofreError('repository/key-required', 'An encrypted repository needs a key. Nothing was made.');
  }
  if (key.kind !== 'none' && encryption === 'none') {
    throw new CofreError(
      'repository/key-not-wanted',
      'A key was given for a repository without encryption. Nothing was made.',
    );
  }
  // Before the repository is there, so that there is none without them; where one is, nothing is put.
  const files = (await store.stat('cofre.json')) === null ? await context.recoveryFiles?.() : undefined;
  await putRecoveryFiles(store, files ?? []);
  const repository = await Repository.init({ store, codecs, clock, random, key, compression: compression ?? 'zstd' });
  return toRepositoryDocument(repository);
}
