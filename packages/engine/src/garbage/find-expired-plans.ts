import { PLANS_PREFIX } from '../format/constants.ts';
import type { Repository } from '../repository/repository.ts';
import { PLAN_LIFETIME_MS } from '../restore/plan.ts';
import { PLAN_MARGIN_MS, UNKNOWN_PLAN_MS } from './grace.ts';

/** What is known of a plan: `needed` for an undo, `known` and needed by nobody, or nothing. */
export type PlanStanding = 'needed' | 'known' | 'unknown';

/** Asked of many plans at once. Those that it does not name are unknown. */
export type StandingOf = (plans: readonly string[]) => Promise<ReadonlyMap<string, PlanStanding>>;

export interface ExpiredPlan {
  readonly id: string;
  readonly sizeBytes: number;
  /** The head is the first: a plan whose head is there is whole. */
  readonly paths: readonly string[];
}

interface Folder {
  newest: number;
  sizeBytes: number;
  readonly paths: string[];
}

/** Plans, whole or half written, that nobody can apply or undo any more. `now` is by the store's clock. */
export async function findExpiredPlans(
  repository: Repository,
  { now, standingOf }: { readonly now: Date; readonly standingOf: StandingOf },
): Promise<readonly ExpiredPlan[]> {
  const folders = new Map<string, Folder>();
  for await (const { path, sizeBytes, modifiedAt } of repository.store.list(PLANS_PREFIX)) {
    const id = path.split('/')[1] ?? '';
    const folder = folders.get(id) ?? { newest: 0, sizeBytes: 0, paths: [] };
    folders.set(id, folder);
    folder.newest = Math.max(folder.newest, modifiedAt.getTime());
    folder.sizeBytes += sizeBytes;
    if (path.endsWith('/plan')) folder.paths.unshift(path);
    else folder.paths.push(path);
  }
  const isOlder = ({ newest }: Folder, ms: number) => now.getTime() - newest > ms;
  const old = [...folders].filter(([, folder]) => isOlder(folder, PLAN_LIFETIME_MS + PLAN_MARGIN_MS));
  const standings = await standingOf(old.map(([id]) => id));
  return old.flatMap(([id, folder]) => {
    const standing = standings.get(id) ?? 'unknown';
    if (standing === 'needed' || (standing === 'unknown' && !isOlder(folder, UNKNOWN_PLAN_MS))) return [];
    return [{ id, sizeBytes: folder.sizeBytes, paths: folder.paths }];
  });
}
