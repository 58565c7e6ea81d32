import {
  backupId,
  type CheckDocument,
  type Damage,
  isCofreError,
  parseInput,
  type VerifyAllBackupsInput,
  verifyAllBackupsInput,
} from '@cofre/contracts';
import { requireScratchRight } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, backupQuery, toBackupDocument } from './find-backup.ts';
import { verifyBackup } from './verify-backup.ts';

/**
 * Verifies every completed backup of the repository in use, one after another; damage that several share is named once.
 * With `restore` it proves the newest of each implementation instead. One that cannot be looked at does not stop the
 * others then; an interruption does.
 */
export async function verifyAllBackups(
  caller: ServiceContext,
  input: VerifyAllBackupsInput = {},
): Promise<CheckDocument> {
  const { restore } = parseInput(verifyAllBackupsInput, input);
  const context = await authorize(caller, 'verifyAllBackups');
  if (restore) await requireScratchRight(context.database);
  const repository = await context.openRepository();
  const findings = new Findings();
  for (const row of await (restore ? newest : all)(context.catalogue, repository.id)) {
    try {
      findings.add(row, await verifyBackup(context, { backup: row.id, restore }));
    } catch (error) {
      if (!restore || isCofreError(error, 'backup/interrupted')) throw error;
      findings.addFailure(row, error);
    }
  }
  return findings.document({ restore });
}

function all(catalogue: Catalogue, repositoryId: string): Promise<BackupRow[]> {
  return completed(catalogue, repositoryId).orderBy('b.created_at', 'desc').execute();
}

/** By implementation; backups that restores took count as little as they do elsewhere. */
function newest(catalogue: Catalogue, repositoryId: string): Promise<BackupRow[]> {
  return completed(catalogue, repositoryId)
    .where('b.safety', '=', false)
    .distinctOn('b.source_implementation_id')
    .orderBy('b.source_implementation_id')
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .execute();
}

function completed(catalogue: Catalogue, repositoryId: string) {
  return backupQuery(catalogue).where('b.status', '=', 'completed').where('b.repository_id', '=', repositoryId);
}

type ProvenBackup = NonNullable<CheckDocument['proofs']>[number];

class Findings {
  readonly #checked = { backups: 0, packs: 0, blocks: 0, bytes: 0 };
  readonly #damage = new Map<string, Damage>();
  readonly #proofs: ProvenBackup[] = [];
  readonly #failed: NonNullable<CheckDocument['failed']> = [];

  add(row: BackupRow, { checked, damage, proof }: CheckDocument): void {
    for (const what of ['backups', 'packs', 'blocks', 'bytes'] as const) this.#checked[what] += checked[what];
    for (const found of damage) {
      const known = this.#damage.get(`${found.kind} ${found.object}`);
      const backups = [...new Set([...(known?.backups ?? []), ...found.backups])];
      this.#damage.set(`${found.kind} ${found.object}`, { ...found, backups });
    }
    const { implementation } = toBackupDocument(row);
    if (proof !== undefined) this.#proofs.push({ ...proof, backupId: backupId.parse(row.id), implementation });
  }

  addFailure(row: BackupRow, error: unknown): void {
    this.#failed.push({
      implementation: `${row.module_slug}/${row.implementation_key}`,
      error: toErrorDocument(error),
    });
  }

  document({ restore }: { readonly restore: boolean }): CheckDocument {
    const damage = [...this.#damage.values()];
    const document = { ok: damage.length === 0, checked: this.#checked, damage };
    return restore ? { ...document, proofs: this.#proofs, failed: this.#failed } : document;
  }
}
