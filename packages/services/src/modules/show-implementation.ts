import {
  backupId,
  type ImplementationDetailDocument,
  type ImplementationInput,
  implementationInput,
  parseInput,
} from '@cofre/contracts';
import { printTable } from '@cofre/postgres';
import { authorize } from '../access/authorize.ts';
import { backupQuery, readManifestOf } from '../backups/find-backup.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { findImplementation } from './find-implementation.ts';
import { listImplementations } from './list-implementations.ts';
import { implementationNotFound } from './not-found.ts';

/** Tenants that are named; a page that lists thousands helps nobody. */
const ASSIGNMENTS_SHOWN_MAX = 200;

/**
 * One implementation: who uses it, and what its slice consists of. The counts are those of its newest backup, so that
 * looking costs the application nothing. Throws `implementation/not-found`.
 */
export async function showImplementation(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock' | 'openRepository'>,
  input: ImplementationInput,
): Promise<ImplementationDetailDocument> {
  const { implementation: reference } = parseInput(implementationInput, input);
  const context = await authorize(caller, 'showImplementation', { name: reference });
  const { ref } = await findImplementation(context.catalogue, reference);
  const all = await listImplementations(context, { module: ref.module });
  const document = all.find(({ id }) => id === ref.id);
  // Somebody deleted it since we looked.
  if (document === undefined) throw implementationNotFound(reference);
  const [kept, assignments, slice] = await Promise.all([
    keptFacts(context.catalogue, ref.id),
    assignmentsOf(context.catalogue, ref.id),
    readSlice(context, ref.id),
  ]);
  return { ...document, ...kept, ...assignments, ...slice };
}

async function keptFacts(catalogue: Catalogue, id: string) {
  const row = await catalogue
    .selectFrom('cofre.v_module_implementations')
    .select(['version', 'is_active'])
    .where('id', '=', id)
    .executeTakeFirst();
  return { version: row?.version ?? null, active: row?.is_active ?? null };
}

async function assignmentsOf(catalogue: Catalogue, id: string) {
  const query = catalogue.selectFrom('cofre.v_tenant_module_assignments as a').where('a.implementation_id', '=', id);
  const rows = await query
    .innerJoin('cofre.v_tenants as t', 't.id', 'a.tenant_id')
    .select(['t.id', 't.slug', 't.name', 'a.is_active'])
    .orderBy('t.name')
    .orderBy('t.id')
    .limit(ASSIGNMENTS_SHOWN_MAX)
    .execute();
  const assignments = rows.map((row) => ({
    tenantId: row.id,
    slug: row.slug,
    name: row.name,
    active: row.is_active,
  }));
  if (rows.length < ASSIGNMENTS_SHOWN_MAX) return { assignments };
  const { count } = await query.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  return count > rows.length ? { assignments, assignmentsLeftOut: count - rows.length } : { assignments };
}

/** A repository that is away takes the counts away, and not the whole answer. */
async function readSlice(
  context: Pick<ServiceContext, 'catalogue' | 'openRepository'>,
  id: string,
): Promise<Pick<ImplementationDetailDocument, 'slice' | 'sliceError'>> {
  const row = await backupQuery(context.catalogue)
    .where('b.source_implementation_id', '=', id)
    .where('b.status', '=', 'completed')
    .where('b.backup_type', '<>', 'config_only')
    .where('b.missing_at', 'is', null)
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return { slice: null };
  try {
    const manifest = await readManifestOf(await context.openRepository(), row);
    const tables = manifest.tables.map((table) => ({
      table: printTable(table),
      role: table.role,
      rows: table.rows,
      bytes: table.bytes,
    }));
    return { slice: { backupId: backupId.parse(row.id), takenAt: row.created_at.toISOString(), tables } };
  } catch (error) {
    return { slice: null, sliceError: toErrorDocument(error) };
  }
}
