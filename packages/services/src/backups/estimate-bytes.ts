import type { BackupType } from '@cofre/contracts';
import { resolveSlice, withSessions } from '@cofre/postgres';
import type { SliceInputs } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';
import { plannedSize } from './estimate-rows.ts';

/** About how many bytes a backup would read: as many as the newest one like it, else as the planner guesses. */
export async function estimateBytes(context: ServiceContext, slice: SliceInputs, type: BackupType): Promise<number> {
  const newest = await context.catalogue
    .selectFrom('public.module_backups')
    .select('stats')
    .where('source_implementation_id', '=', slice.ref.id)
    .where('status', '=', 'completed')
    .where('backup_type', type === 'config_only' ? '=' : '<>', 'config_only')
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.stats?.bytesRaw ?? (await plannedSlice(context, slice, type)).bytes;
}

/** How large the planner takes what a backup of the type reads. */
export async function plannedSlice(
  context: Pick<ServiceContext, 'database' | 'settings' | 'signal'>,
  { definition, rootKey, ref }: SliceInputs,
  type: BackupType,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre backup');
    await client.query(`SET lock_timeout = ${Math.ceil(context.settings.lockTimeoutMs)}`);
    const { tables } = await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
    const sum = { rows: 0, bytes: 0 };
    for (const table of tables) {
      if (type === 'config_only' && table.role !== 'config') continue;
      const { rows, bytes } = await plannedSize(client, table);
      sum.rows += rows;
      sum.bytes += bytes;
    }
    return sum;
  });
}
