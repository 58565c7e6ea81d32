import type { ImplementationDocument } from '@cofre/contracts';
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
  const backups = await backupCounts(context.catalogue);
  const wanted = implementations.map(({ ref, moduleId }) => ({ id: ref.id, moduleId }));
  const standings = await readStandings(context.catalogue, wanted, context.clock.now());
  return implementations.map((facts) =>
    toImplementationDocument(facts, backups.get(facts.ref.id), standings.get(facts.ref.id)),
  );
}

export interface BackupCount {
  readonly backups: number;
  readonly lastBackupAt: Date | null;
  readonly lastProvenAt: Date | null;
}

export async function backupCounts(catalogue: Catalogue): Promise<ReadonlyMap<string, BackupCount>> {
  const rows = await catalogue
    .selectFrom('public.module_backups')
    .select((eb) => [
      'source_implementation_id as id',
      eb.fn.countAll<number>().as('backups'),
      eb.fn.max('completed_at').as('lastBackupAt'),
      eb.fn.max('proven_at').as('lastProvenAt'),
    ])
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .groupBy('source_implementation_id')
    .execute();
  return new Map(rows.map(({ id, ...count }) => [id ?? '', count]));
}

export function toImplementationDocument(
  facts: ImplementationFacts,
  count: BackupCount | undefined,
  standing: ScheduleStanding = UNSCHEDULED,
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
  };
}
