import {
  backupId,
  type CheckDocument,
  type ImplementationRef,
  isCofreError,
  type ProofDocument,
  parseInput,
  type VerifyBackupInput,
  verifyBackupInput,
} from '@cofre/contracts';
import type { Manifest, Repository } from '@cofre/engine';
import { requireScratchRight } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { toErrorDocument } from '../error-document.ts';
import { notify } from '../notifications/notify.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, findBackup, readManifestOf, toBackupDocument } from './find-backup.ts';
import { proveBackup } from './prove-backup.ts';

/**
 * Reads and checks every byte of one backup; with `restore` it then proves it in a scratch schema. Remembers when it was
 * found whole, and forgets it when it is not. What is damaged is in the document, not thrown.
 */
export async function verifyBackup(caller: ServiceContext, input: VerifyBackupInput): Promise<CheckDocument> {
  const { backup, restore } = parseInput(verifyBackupInput, input);
  const context = await authorize(caller, 'verifyBackup', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  // Before a large backup is read for hours.
  if (restore) await requireScratchRight(context.database);
  const repository = await context.openRepository();
  const manifest = await readOrDescribe(repository, row);
  const bytes = 'ok' in manifest ? manifest : await checkBytes(context, repository, manifest);
  const verifiedAt = context.clock.now();
  const verification = { row, bytes, verifiedAt, restore };
  if (!restore || !bytes.ok || 'ok' in manifest) return conclude(context, { ...verification, proof: null });
  const proof = await proveBackup(context, { repository, manifest }).catch(async (error: unknown) => {
    await rememberUnproven(context, verification, error);
    throw error;
  });
  return conclude(context, { ...verification, proof });
}

function checkBytes(context: ServiceContext, repository: Repository, manifest: Manifest): Promise<CheckDocument> {
  const progress = progressOf(context);
  return repository.verifyBackup(manifest, {
    signal: context.signal,
    onProgress: ({ bytes }) => progress.report({ phase: 'verify', rows: 0, rowsTotal: null, bytes }),
  });
}

/** The manifest, or what is wrong with it. */
async function readOrDescribe(repository: Repository, row: BackupRow): Promise<Manifest | CheckDocument> {
  try {
    return await readManifestOf(repository, row);
  } catch (error) {
    const isMissing = isCofreError(error, 'repository/object-missing');
    if (!isMissing && !isCofreError(error, 'repository/damaged')) throw error;
    const damage = {
      object: row.file_path ?? '',
      kind: isMissing ? 'manifest-missing' : 'manifest-damaged',
      backups: [backupId.parse(row.id)],
    };
    return { ok: false, checked: { backups: 1, packs: 0, blocks: 0, bytes: 0 }, damage: [damage] };
  }
}

interface Verification {
  readonly row: BackupRow;
  readonly bytes: CheckDocument;
  readonly verifiedAt: Date;
  readonly restore: boolean;
}

interface Conclusion extends Verification {
  /** null: it was not asked for, or there was nothing whole to prove. */
  readonly proof: ProofDocument | null;
}

/** What was found, as one document; kept in the backup's row, logged, and told to administrators where it is bad. */
async function conclude(context: ServiceContext, conclusion: Conclusion): Promise<CheckDocument> {
  const { row, bytes, proof, restore } = conclusion;
  const document = proof === null ? bytes : withProof(bytes, row, proof);
  const implementation = toBackupDocument(row).implementation;
  await context.catalogue.transaction().execute(async (catalogue) => {
    await catalogue.updateTable('public.module_backups').set(columnsOf(conclusion)).where('id', '=', row.id).execute();
    await audit(
      { ...context, catalogue },
      {
        action: 'VERIFY_MODULE_BACKUP',
        outcome: document.ok ? 'done' : 'failed',
        implementation,
        backupId: row.id,
        details: {
          ok: document.ok,
          bytes: bytes.checked.bytes,
          ...(restore ? { restore, proven: proof !== null && proof.error === undefined } : {}),
        },
      },
    );
    if (!document.ok) await tellOfDamage({ ...context, catalogue }, implementation, { row, document });
  });
  return document;
}

/** A backup that is damaged is proven no more, whoever found it. */
function columnsOf({ bytes, verifiedAt, proof }: Conclusion) {
  if (!bytes.ok) return { verified_at: null, proven_at: null };
  // Somebody brought it back.
  const found = { verified_at: verifiedAt, missing_at: null };
  if (proof === null) return found;
  return {
    ...found,
    proven_at: proof.provenAt === null ? null : new Date(proof.provenAt),
    proof: JSON.stringify(proof),
  };
}

function withProof(bytes: CheckDocument, { id }: BackupRow, proof: ProofDocument): CheckDocument {
  const damage = proof.tables.flatMap(({ table, fault }) =>
    fault === undefined ? [] : [{ object: table, kind: `not-proven-${fault.kind}`, backups: [backupId.parse(id)] }],
  );
  return { ok: damage.length === 0, checked: bytes.checked, damage, proof };
}

async function tellOfDamage(
  context: ServiceContext,
  implementation: ImplementationRef,
  { row, document }: { readonly row: BackupRow; readonly document: CheckDocument },
): Promise<void> {
  await notify(context, {
    kind: 'damage-found',
    severity: 'error',
    key: `damage-found ${row.id}`,
    implementation,
    params: {
      backupId: row.id,
      objects: document.damage.length,
      code: document.proof?.error?.code ?? 'repository/damaged',
    },
  });
}

/** Its bytes were found whole all the same. */
async function rememberUnproven(context: ServiceContext, verification: Verification, error: unknown): Promise<void> {
  const { row, bytes, verifiedAt, restore } = verification;
  await context.catalogue
    .updateTable('public.module_backups')
    .set({ verified_at: verifiedAt })
    .where('id', '=', row.id)
    .execute()
    .catch(() => undefined);
  await audit(context, {
    action: 'VERIFY_MODULE_BACKUP',
    outcome: 'failed',
    implementation: toBackupDocument(row).implementation,
    backupId: row.id,
    details: { bytes: bytes.checked.bytes, restore, code: toErrorDocument(error).code },
  }).catch(() => undefined);
}
