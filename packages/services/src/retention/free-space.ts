import { type CleanupDocument, backupId, implementationId, isCofreError } from '@cofre/contracts';
import {
  type CollectedGarbage,
  type CollectOptions,
  collectGarbage,
  isCollectionDue,
  type Repository,
  simulateCollection,
} from '@cofre/engine';
import { toErrorDocument } from '../error-document.ts';
import { notify } from '../notifications/notify.ts';
import { planStandings } from '../restores/plan-standings.ts';
import type { ServiceContext } from '../service-context.ts';

export type FreedSpace = Pick<
  CleanupDocument,
  'freedBytes' | 'freedObjects' | 'waitingBytes' | 'plans' | 'left' | 'deferred' | 'garbageError'
>;

export interface FreeSpaceOptions {
  readonly when: 'when-due' | 'now';
  readonly mayGoOn: () => boolean;
  /** Only what would be, were these backups removed. */
  readonly dryRunWithout: ReadonlySet<string> | null;
}

export const NOTHING_FREED: FreedSpace = {
  freedBytes: 0,
  freedObjects: 0,
  waitingBytes: 0,
  plans: 0,
  left: 0,
  deferred: 0,
};

/**
 * Frees what removed backups, crashed ones and expired plans have left in the repository. That it cannot be done harms no
 * backup: it is told, and the run goes on.
 */
export async function freeSpace(context: ServiceContext, options: FreeSpaceOptions): Promise<FreedSpace> {
  try {
    return await collect(context, options);
  } catch (error) {
    if (context.signal?.aborted === true) throw error;
    // With no repository there is nothing to free.
    if (isCofreError(error, 'repository/not-found')) return NOTHING_FREED;
    const garbageError = toErrorDocument(error);
    if (options.dryRunWithout === null) {
      const { code, params } = garbageError;
      const notice = { kind: 'cleanup-failed', severity: 'error', key: 'cleanup-failed:garbage' } as const;
      await notify(context, { ...notice, params: { ...params, code } });
    }
    return { ...NOTHING_FREED, garbageError };
  }
}

async function collect(
  context: ServiceContext,
  { when, mayGoOn, dryRunWithout }: FreeSpaceOptions,
): Promise<FreedSpace> {
  const repository = await context.openRepository();
  if (when === 'when-due' && !(await isCollectionDue(repository, context.clock.now()))) return NOTHING_FREED;
  if (dryRunWithout === null && !mayGoOn()) return { ...NOTHING_FREED, deferred: 1 };
  return freed(await collectSpace(context, repository, { mayGoOn, dryRunWithout }));
}

export interface CollectSpaceOptions extends Pick<FreeSpaceOptions, 'mayGoOn' | 'dryRunWithout'> {
  /** Default: the engine's. */
  readonly graceMs?: number | undefined;
}

/** The same with what the engine says of it. Throws where nothing can be freed. */
export async function collectSpace(
  context: ServiceContext,
  repository: Repository,
  { mayGoOn, dryRunWithout, graceMs }: CollectSpaceOptions,
): Promise<CollectedGarbage> {
  const now = context.clock.now();
  const standingOf = await planStandings(context.catalogue, now);
  const known = await listedBackups(context.catalogue, repository.id);
  const common = { known, standingOf, mayGoOn, graceMs };
  if (dryRunWithout !== null) return simulateCollection(repository, { ...common, now, without: dryRunWithout });
  const collected = await collectGarbage(repository, { ...common, signal: context.signal });
  if (collected.isMarked) await forgetPlans(context.catalogue, now);
  return collected;
}

/** A store whose listing leaves one of these out must not make us delete what it needs. */
async function listedBackups(
  catalogue: ServiceContext['catalogue'],
  repositoryId: string,
): Promise<NonNullable<CollectOptions['known']>> {
  const rows = await catalogue
    .selectFrom('public.module_backups')
    .select(['id', 'source_implementation_id'])
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .where('repository_id', '=', repositoryId)
    .execute();
  return rows.flatMap(({ id, source_implementation_id: owner }) =>
    owner === null ? [] : [{ implementationId: implementationId.parse(owner), backupId: backupId.parse(id) }],
  );
}

/** Rows of plans stay in lists for a while; long after what they speak of was deleted, for which they had to be there. */
async function forgetPlans(catalogue: ServiceContext['catalogue'], now: Date): Promise<void> {
  await catalogue
    .deleteFrom('cofre.plans')
    .where('expires_at', '<', new Date(now.getTime() - PLAN_ROWS_MS))
    .execute();
}

const PLAN_ROWS_MS = 7 * 86_400_000;

function freed({ isMarked, writers: _, ...counts }: CollectedGarbage): FreedSpace {
  return { ...counts, deferred: isMarked ? 0 : 1 };
}
