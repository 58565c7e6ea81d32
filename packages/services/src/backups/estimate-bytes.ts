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
  return newest?.stats?.bytesRaw ?? plannedBytes(context, slice, type);
}

async function plannedBytes(
  context: ServiceContext,
  { definition, rootKey, ref }: SliceInputs,
  type: BackupType,
): Promise<number> {
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre backup');
    await client.query(`SET lock_timeout = ${Math.ceil(context.settings.lockTimeoutMs)}`);
    const { tables } = await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
    let sum = 0;
    for (const table of tables) {
      if (type !== 'config_only' || table.role === 'config') sum += (await plannedSize(client, table)).bytes;
    }
    return sum;
  });
}
