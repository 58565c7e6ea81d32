import { type BackupInput, backupInput, type CheckDocument, parseInput } from '@cofre/contracts';
import { progressOf } from '../progress.ts';
import type { ServiceContext } from '../service-context.ts';
import { findBackup, readManifestOf } from './find-backup.ts';

/** Reads and checks every byte of one backup; remembers when it was found whole. */
export async function verifyBackup(context: ServiceContext, input: BackupInput): Promise<CheckDocument> {
  const { backup } = parseInput(backupInput, input);
  const row = await findBackup(context.catalogue, backup);
  const repository = await context.openRepository();
  const manifest = await readManifestOf(repository, row);
  const progress = progressOf(context);
  const document = await repository.verifyBackup(manifest, {
    signal: context.signal,
    onProgress: ({ bytes }) => progress.report({ phase: 'verify', rows: 0, rowsTotal: null, bytes }),
  });
  await context.catalogue
    .updateTable('public.module_backups')
    .set({ verified_at: document.ok ? context.clock.now() : null })
    .where('id', '=', row.id)
    .execute();
  return document;
}
