import { CofreError, type ImplementationRef } from '@cofre/contracts';
import type { Manifest, PlatformRows } from '@cofre/engine';
import type { PlanOptions } from '@cofre/postgres';
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** Runs a query in the restoring transaction. */
export type RunQuery = <Row>(query: RawBuilder<Row>) => Promise<readonly Row[]>;

/**
 * What the platform says of an implementation, where that is in tables of our own: an application that has tables of these
 * names with another meaning keeps them, and no slice holds ours. undefined: the slice holds it, or it was deleted.
 */
export async function readPlatformRows(
  catalogue: Catalogue,
  implementationId: string,
): Promise<PlatformRows | undefined> {
  const { implementations, assignments } = await ownTables((query) => rowsOf(catalogue, query));
  if (!implementations && !assignments) return undefined;
  const [found] = await rowsOf(
    catalogue,
    sql<{ row: Record<string, unknown> }>`
      SELECT ${implementations ? sql`pg_catalog.to_jsonb(i)` : sql`'{}'::jsonb`} AS row
      FROM ${implementations ? IMPLEMENTATIONS : sql`cofre.v_module_implementations`} AS i WHERE i.id = ${implementationId}`,
  );
  if (found === undefined) return undefined;
  const assigned = assignments
    ? await rowsOf(
        catalogue,
        sql<{ row: Record<string, unknown> }>`
          SELECT pg_catalog.to_jsonb(a) AS row FROM ${ASSIGNMENTS} AS a
          WHERE a.implementation_id = ${implementationId} ORDER BY a.id`,
      )
    : [];
  return { implementation: found.row, assignments: assigned.map(({ row }) => row) };
}

/** False: `readPlatformRows` has nothing to say of any implementation. */
export async function hasPlatformRows(catalogue: Catalogue): Promise<boolean> {
  const { implementations, assignments } = await ownTables((query) => rowsOf(catalogue, query));
  return implementations || assignments;
}

const IMPLEMENTATIONS = sql`cofre.module_implementations`;
const ASSIGNMENTS = sql`cofre.tenant_module_assignments`;

async function rowsOf<Row>(catalogue: Catalogue, query: RawBuilder<Row>): Promise<readonly Row[]> {
  return (await query.execute(catalogue)).rows;
}

async function ownTables(run: RunQuery): Promise<{ readonly implementations: boolean; readonly assignments: boolean }> {
  const [found] = await run(sql<{ implementations: boolean; assignments: boolean }>`
    SELECT pg_catalog.to_regclass('cofre.module_implementations') IS NOT NULL AS implementations,
           pg_catalog.to_regclass('cofre.tenant_module_assignments') IS NOT NULL AS assignments`);
  return found ?? { implementations: false, assignments: false };
}

/** What a plan says of rows that it does not show, because they are of no table of the slice. */
export async function comesBackBesides(
  catalogue: Catalogue,
  { platform, implementation: { id, module, key } }: Pick<Manifest, 'platform' | 'implementation'>,
): Promise<{ readonly besides?: NonNullable<PlanOptions['besides']> }> {
  if (platform === undefined) return {};
  const { implementations, assignments } = await ownTables((query) => rowsOf(catalogue, query));
  const [there] = await rowsOf(
    catalogue,
    sql<{ assigned: number }>`
      SELECT count(a.id)::int AS assigned FROM cofre.v_module_implementations AS i
      LEFT JOIN cofre.v_tenant_module_assignments AS a ON a.implementation_id = i.id WHERE i.id = ${id} GROUP BY i.id`,
  );
  const warnings = [
    ...(implementations && there === undefined ? [`${module}/${key} was deleted; it comes back`] : []),
    ...(assignments && platform.assignments.length > (there?.assigned ?? 0)
      ? [`${module}/${key}: tenants are assigned to it as they were`]
      : []),
  ];
  return { besides: { warnings, broughtBack: new Set(implementations ? ['cofre.module_implementations'] : []) } };
}

/** What a restore has put back besides the slice, so that an undo can take it away again. */
export const restoredPlatform = z.object({
  implementation: z.boolean(),
  /** Ids of the assignments. */
  assignments: z.array(z.uuid()),
});
export type RestoredPlatform = z.infer<typeof restoredPlatform>;

interface PlatformOf {
  readonly platform: PlatformRows;
  readonly ref: ImplementationRef;
}

/**
 * Puts an implementation back where it is gone; rows of the slice may point at it. Gives whether it did. Throws
 * `implementation/exists` where another has taken its name.
 */
export async function bringBackImplementation(run: RunQuery, { platform, ref }: PlatformOf): Promise<boolean> {
  const { implementations } = await ownTables(run);
  if (!implementations || platform.implementation['id'] !== ref.id) return false;
  const [state] = await run(sql<{ there: boolean; taken: boolean; module: string | null }>`
    SELECT EXISTS (SELECT FROM ${IMPLEMENTATIONS} WHERE id = ${ref.id}) AS there,
           EXISTS (SELECT FROM ${IMPLEMENTATIONS} AS i JOIN cofre.v_base_modules AS m ON m.id = i.module_id
                   WHERE m.slug = ${ref.module} AND i.key = ${ref.key}) AS taken,
           (SELECT id FROM cofre.v_base_modules WHERE slug = ${ref.module}) AS module`);
  if (state === undefined || state.there) return false;
  if (state.taken) throw taken(ref);
  if (state.module === null) {
    throw new CofreError('module/not-found', `The module ${ref.module} is gone. Nothing was changed.`, {
      params: { module: ref.module },
      hint: 'Apply its definition first; then its implementation can be put back.',
    });
  }
  // The module may have been made anew since.
  const row = JSON.stringify({ ...platform.implementation, module_id: state.module });
  await run(sql`
    INSERT INTO ${IMPLEMENTATIONS}
    SELECT i.* FROM pg_catalog.jsonb_populate_record(NULL::${IMPLEMENTATIONS}, ${row}::jsonb) AS i`);
  return true;
}

/** Assigns the tenants again that are there still; what is there is left as it is. Gives the ids. */
export async function bringBackAssignments(run: RunQuery, platform: PlatformRows): Promise<readonly string[]> {
  const { assignments } = await ownTables(run);
  if (!assignments || platform.assignments.length === 0) return [];
  const rows = await run(sql<{ id: string }>`
    INSERT INTO ${ASSIGNMENTS}
    SELECT a.* FROM pg_catalog.jsonb_populate_recordset(
      NULL::${ASSIGNMENTS}, ${JSON.stringify(platform.assignments)}::jsonb) AS a
    WHERE EXISTS (SELECT FROM cofre.v_tenants AS t WHERE t.id = a.tenant_id)
    ON CONFLICT DO NOTHING RETURNING id`);
  return rows.map(({ id }) => id);
}

function taken({ module, key }: ImplementationRef): CofreError {
  return new CofreError(
    'implementation/exists',
    `The module ${module} has another implementation ${key} by now. Nothing was changed.`,
    { params: { implementation: `${module}/${key}` }, hint: 'Give that one another key, then restore again.' },
  );
}

/** Before an undo writes: what restored assignments point at may be deleted by it. */
export async function removeAssignments(run: RunQuery, ids: readonly string[]): Promise<void> {
  for (const id of ids) await run(sql`DELETE FROM ${ASSIGNMENTS} WHERE id = ${id}`);
}

/** After an undo wrote. Throws `plan/stale` where somebody has assigned a tenant to it since. */
export async function removeImplementation(run: RunQuery, ref: ImplementationRef): Promise<void> {
  await requireUnassigned(run, ref);
  await run(sql`DELETE FROM ${IMPLEMENTATIONS} WHERE id = ${ref.id}`);
}

/** Assignments of our own that nobody put back would go along with their implementation, unseen. */
export async function requireUnassigned(run: RunQuery, ref: ImplementationRef): Promise<void> {
  const [left] = await run(
    sql<{ id: string }>`SELECT id FROM cofre.v_tenant_module_assignments WHERE implementation_id = ${ref.id} LIMIT 1`,
  );
  if (left === undefined) return;
  throw new CofreError(
    'plan/stale',
    `${ref.module}/${ref.key} was assigned to a tenant since the restore. Nothing was changed.`,
    { params: { implementation: `${ref.module}/${ref.key}` } },
  );
}

export async function hasOwnAssignments(run: RunQuery): Promise<boolean> {
  return (await ownTables(run)).assignments;
}
