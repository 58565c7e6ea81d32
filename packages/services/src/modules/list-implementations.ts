import type { ImplementationDocument } from '@cofre/contracts';
import { sql } from 'kysely';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { readStandings, type ScheduleStanding, UNSCHEDULED } from '../schedules/read-overdue.ts';
import type { ServiceContext } from '../service-context.ts';
import { allImplementations, type ImplementationFacts, rootKeyOf } from './find-implementation.ts';

/** Every implementation, with how many backups it has and how it stands with those that its schedule asks for. */
export async function listImplementations(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>,
  input: { readonly module?: string } = {},
): Promise<readonly ImplementationDocument[]> {
  const context = await authorize(caller, 'listImplementations');
  const implementations = await allImplementations(context.catalogue, input.module);
  const [backups, tenants] = await Promise.all([backupCounts(context.catalogue), tenantCounts(context.catalogue)]);
  const wanted = implementations.map(({ ref, moduleId }) => ({ id: ref.id, moduleId }));
  const standings = await readStandings(context.catalogue, wanted, context.clock.now());
  return implementations.map((facts) =>
    toImplementationDocument(facts, {
      count: backups.get(facts.ref.id),
      standing: standings.get(facts.ref.id),
      tenants: tenants.get(facts.ref.id),
    }),
  );
}

interface BackupCount {
  readonly backups: number;
  readonly lastBackupAt: Date | null;
  readonly lastProvenAt: Date | null;
  /** Of the newest backup of all tables. */
  readonly rows: number | null;
}

async function backupCounts(catalogue: Catalogue): Promise<ReadonlyMap<string, BackupCount>> {
  const rows = await catalogue
    .selectFrom('public.module_backups')
    .select((eb) => [
      'source_implementation_id as id',
      eb.fn.countAll<number>().as('backups'),
      eb.fn.max('completed_at').as('lastBackupAt'),
      eb.fn.max('proven_at').as('lastProvenAt'),
      newestRows.as('rows'),
    ])
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .where('missing_at', 'is', null)
    .groupBy('source_implementation_id')
    .execute();
  return new Map(rows.map(({ id, ...count }) => [id ?? '', count]));
}

/** No subquery for each implementation: the newest is found in the same pass that counts. */
const newestRows = sql<
  number | null
>`(pg_catalog.array_agg((stats ->> 'rows')::bigint ORDER BY created_at DESC, id DESC)
  FILTER (WHERE backup_type <> 'config_only'))[1]`;

/** Assignments that are not switched off. */
async function tenantCounts(catalogue: Catalogue): Promise<ReadonlyMap<string, number>> {
  const rows = await catalogue
    .selectFrom('cofre.v_tenant_module_assignments')
    .select(({ fn }) => ['implementation_id as id', fn.countAll<number>().as('tenants')])
    .where((eb) => eb.or([eb('is_active', 'is', null), eb('is_active', '=', true)]))
    .groupBy('implementation_id')
    .execute();
  return new Map(rows.map(({ id, tenants }) => [id, tenants]));
}

/** What is known of an implementation beside its name; absent: nothing yet. */
interface ImplementationStanding {
  readonly count?: BackupCount | undefined;
  readonly standing?: ScheduleStanding | undefined;
  readonly tenants?: number | undefined;
}

function toImplementationDocument(
  facts: ImplementationFacts,
  { count, standing = UNSCHEDULED, tenants = 0 }: ImplementationStanding,
): ImplementationDocument {
  return {
    ...facts.ref,
    name: facts.name,
    scope: rootKeyOf(facts),
    backups: count?.backups ?? 0,
    lastBackupAt: count?.lastBackupAt?.toISOString() ?? null,
    lastProvenAt: count?.lastProvenAt?.toISOString() ?? null,
    ...standing,
    nextBackupAt: standing.nextBackupAt?.toISOString() ?? null,
    tenants,
    rows: count?.rows ?? null,
  };
}
