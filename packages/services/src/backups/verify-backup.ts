import {
  type BackupInput,
  backupId,
  backupInput,
  type CheckDocument,
  isCofreError,
  parseInput,
} from '@cofre/contracts';
import type { Manifest, Repository } from '@cofre/engine';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupRow, findBackup, readManifestOf, toBackupDocument } from './find-backup.ts';

/** Reads and checks every byte of one backup; remembers when it was found whole. What is damaged is in the document, not thrown. */
export async function verifyBackup(caller: ServiceContext, input: BackupInput): Promise<CheckDocument> {
  const { backup } = parseInput(backupInput, input);
  const context = await authorize(caller, 'verifyBackup', { name: backup });
  const row = await findBackup(context.catalogue, backup);
  const repository = await context.openRepository();
  const progress = progressOf(context);
  const manifest = await readOrDescribe(repository, row);
  const document =
    'ok' in manifest
      ? manifest
      : await repository.verifyBackup(manifest, {
          signal: context.signal,
          onProgress: ({ bytes }) => progress.report({ phase: 'verify', rows: 0, rowsTotal: null, bytes }),
        });
  await context.catalogue
    .updateTable('public.module_backups')
    .set({ verified_at: document.ok ? context.clock.now() : null })
    .where('id', '=', row.id)
    .execute();
  await audit(context, {
    action: 'VERIFY_MODULE_BACKUP',
    outcome: document.ok ? 'done' : 'failed',
    implementation: toBackupDocument(row).implementation,
    backupId: row.id,
    details: { ok: document.ok, bytes: document.checked.bytes },
  });
  return document;
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
