import type { KeepReason } from '@cofre/contracts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { Left } from './chosen-backups.ts';

/** Notes why backups stay although their end has passed, so that a list can say it; only what changed is written. */
export async function noteKept(catalogue: Catalogue, left: readonly Left[], now: Date): Promise<void> {
  const changes = new Map<KeepReason | null, string[]>();
  for (const { backup, reason } of left) {
    const because = backup.expiresAt !== null && backup.expiresAt <= now ? reason : null;
    if (because === backup.keptBecause) continue;
    changes.set(because, [...(changes.get(because) ?? []), backup.id]);
  }
  for (const [because, ids] of changes)
    await catalogue
      .updateTable('public.module_backups')
      .set({ kept_because: because })
      .where('id', 'in', ids)
      .execute();
}
