import type { CheckDocument, Damage } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { ServiceContext } from '../service-context.ts';
import { backupQuery } from './find-backup.ts';
import { verifyBackup } from './verify-backup.ts';

/** Verifies every completed backup of the repository in use, one after another; damage that several share is named once. */
export async function verifyAllBackups(caller: ServiceContext): Promise<CheckDocument> {
  const context = await authorize(caller, 'verifyAllBackups');
  const repository = await context.openRepository();
  const rows = await backupQuery(context.catalogue)
    .where('b.status', '=', 'completed')
    .where('b.repository_id', '=', repository.id)
    .orderBy('b.created_at', 'desc')
    .execute();
  const checked = { backups: 0, packs: 0, blocks: 0, bytes: 0 };
  const damage = new Map<string, Damage>();
  for (const { id } of rows) {
    const document = await verifyBackup(context, { backup: id });
    for (const what of ['backups', 'packs', 'blocks', 'bytes'] as const) checked[what] += document.checked[what];
    for (const found of document.damage) {
      const known = damage.get(`${found.kind} ${found.object}`);
      const backups = [...new Set([...(known?.backups ?? []), ...found.backups])];
      damage.set(`${found.kind} ${found.object}`, { ...found, backups });
    }
  }
  return { ok: damage.size === 0, checked, damage: [...damage.values()] };
}
