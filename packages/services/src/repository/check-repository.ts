import {
  backupId,
  type CheckDocument,
  type CheckRepositoryInput,
  checkRepositoryInput,
  type Damage,
  parseInput,
} from '@cofre/contracts';
import type { Repository } from '@cofre/engine';
import { authorizeRepository } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { progressOf } from '../progress.ts';
import { checkRecoveryFiles } from '../recovery/recovery-files.ts';
import type { RepositoryContext, ServiceContext } from '../service-context.ts';
import { manifestStandings } from './manifest-standings.ts';
import { openUnpinned } from './open-repository.ts';

/**
 * Looks at every manifest and pack; with `readData` reads every byte, or a share of them. Needs no database; with one, it
 * also names the backups that its catalogue lists and whose manifest was taken out of the repository.
 */
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
  const taken = hasCatalogue(context) ? await takenManifests(context.catalogue, repository) : null;
  const damage = [...check.damage, ...(taken ?? []), ...(await checkRecoveryFiles(repository.store))];
  return { ...check, ok: damage.length === 0, damage, comparedWithCatalogue: taken !== null };
}

async function takenManifests(catalogue: Catalogue, repository: Repository): Promise<readonly Damage[]> {
  const damage: Damage[] = [];
  for await (const { gone } of manifestStandings(catalogue, repository)) {
    for (const { backupId: id, path } of gone)
      damage.push({ object: path, kind: 'manifest-missing', backups: [backupId.parse(id)] });
  }
  return damage;
}

function hasCatalogue(context: RepositoryContext): context is RepositoryContext & Pick<ServiceContext, 'catalogue'> {
  return 'catalogue' in context;
}
