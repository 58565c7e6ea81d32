import type { PlanStanding, StandingOf } from '@cofre/engine';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { settingsInForce } from '../settings/settings-in-force.ts';

const DAY_MS = 86_400_000;

/**
 * What the catalogue knows of plans. One is needed as long as the restore that it was applied by can be undone: the backup
 * is there, nobody has undone it, and its safety backup is there, or would be had one been taken.
 */
export async function planStandings(catalogue: Catalogue, now: Date): Promise<StandingOf> {
  const { safetyDays } = await settingsInForce(catalogue, null);
  const undoableSince = new Date(now.getTime() - safetyDays * DAY_MS);
  return async (ids) => {
    const uuids = ids.filter((id) => UUID.test(id));
    if (uuids.length === 0) return new Map();
    const planned = await catalogue.selectFrom('cofre.plans').select('id').where('id', 'in', uuids).execute();
    const restores = await restoresOf(catalogue, uuids);
    const standings = new Map<string, PlanStanding>(planned.map(({ id }) => [id, 'known']));
    for (const restore of restores) {
      const isUndoable = restore.purpose === 'restore' && restore.status === 'completed' && restore.undone_by === null;
      const isRecent = restore.safety_there !== null || restore.created_at > undoableSince;
      const isNeeded = isUndoable && isRecent && restore.backup_there !== null;
      if (isNeeded || standings.get(restore.plan_id) !== 'needed')
        standings.set(restore.plan_id, isNeeded ? 'needed' : 'known');
    }
    return standings;
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function restoresOf(catalogue: Catalogue, plans: readonly string[]) {
  return catalogue
    .selectFrom('cofre.restores as r')
    .leftJoin('public.module_backups as b', (join) =>
      join.onRef('b.id', '=', 'r.backup_id').on('b.deleted_at', 'is', null),
    )
    .leftJoin('public.module_backups as s', (join) =>
      join.onRef('s.id', '=', 'r.safety_backup_id').on('s.deleted_at', 'is', null),
    )
    .select([
      'r.plan_id',
      'r.purpose',
      'r.status',
      'r.undone_by',
      'r.created_at',
      'b.id as backup_there',
      's.id as safety_there',
    ])
    .where('r.plan_id', 'in', plans)
    .execute();
}
