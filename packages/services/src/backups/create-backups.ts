import {
  type BackupDocument,
  CofreError,
  type CreateBackupsInput,
  createBackupsInput,
  type ErrorDocument,
  isCofreError,
  parseInput,
} from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import { toErrorDocument } from '../error-document.ts';
import { allImplementations, findImplementation, type ImplementationFacts } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { createBackup } from './create-backup.ts';

export interface BackupBatch {
  readonly items: readonly BackupDocument[];
  readonly failed: number;
  /** Why each of the failed ones failed. */
  readonly failures: readonly { readonly implementation: string; readonly error: ErrorDocument }[];
}

/** Backs up several implementations, one after another. One that fails does not stop the others; an interruption does. */
export async function createBackups(caller: ServiceContext, input: CreateBackupsInput): Promise<BackupBatch> {
  const { implementations, ...options } = parseInput(createBackupsInput, input);
  const context = await authorize(caller, 'createBackups', { name: namesOf(implementations) });
  const items: BackupDocument[] = [];
  const failures: { implementation: string; error: ErrorDocument }[] = [];
  // All names are looked up before the first backup: a typing error starts nothing.
  for (const { ref } of await chosen(context, implementations)) {
    try {
      items.push(await createBackup(context, { ...options, implementation: ref.id }));
    } catch (error) {
      if (isCofreError(error, 'backup/interrupted')) throw error;
      failures.push({ implementation: `${ref.module}/${ref.key}`, error: toErrorDocument(error) });
    }
  }
  return { items, failed: failures.length, failures };
}

/** As they are named in a refusal. */
function namesOf(which: CreateBackupsInput['implementations']): string {
  if ('named' in which) return which.named.join(', ');
  return 'module' in which ? `of the module ${which.module}` : '';
}

async function chosen(
  { catalogue }: ServiceContext,
  which: CreateBackupsInput['implementations'],
): Promise<readonly ImplementationFacts[]> {
  if ('named' in which) return Promise.all(which.named.map((name) => findImplementation(catalogue, name)));
  const module = 'module' in which ? which.module : undefined;
  const all = await allImplementations(catalogue, module);
  // Modules without a definition have nothing to back up, so `--all` means the others.
  const found = all.filter(({ definition }) => module !== undefined || definition !== null);
  if (found.length > 0) return found;
  const where = module === undefined ? 'any module with a definition' : `the module ${module}`;
  throw new CofreError('implementation/not-found', `There is no implementation of ${where}. Nothing was started.`);
}
