import { type ImplementationRef, isCofreError } from '@cofre/contracts';
import { resolveSlice, type SliceTable, withSessions } from '@cofre/postgres';
import { sql } from 'kysely';
import type pg from 'pg';
import { findImplementation, sliceInputsOf } from '../modules/find-implementation.ts';
import type { ServiceContext } from '../service-context.ts';

/**
 * About how many bytes of rows an implementation has: as its newest backup read them, else as the planner guesses. null:
 * nobody knows, because it has neither backup nor tables.
 */
export async function sliceBytes(context: ServiceContext, implementation: ImplementationRef): Promise<number | null> {
  const row = await context.catalogue
    .selectFrom('public.module_backups as b')
    .select(sql<number | null>`(b.stats ->> 'bytesRaw')::bigint`.as('bytes'))
    .where('b.source_implementation_id', '=', implementation.id)
    .where('b.status', '=', 'completed')
    .where('b.safety', '=', false)
    .where('b.deleted_at', 'is', null)
    .where('b.backup_type', '<>', 'config_only')
    .orderBy('b.created_at', 'desc')
    .orderBy('b.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.bytes ?? (await plannedBytes(context, implementation));
}

/** What is wrong with the implementation is said by the work itself, better than by an estimate of it. */
async function plannedBytes(context: ServiceContext, { id }: ImplementationRef): Promise<number | null> {
  try {
    const { definition, rootKey } = sliceInputsOf(await findImplementation(context.catalogue, id));
    return await withSessions(context, async ({ open }) => {
      const { client } = await open('cofre estimate');
      const { tables } = await resolveSlice(client, definition, rootKey, { implementationId: id });
      let sum = 0;
      for (const table of tables) sum += await tableBytes(client, table);
      return sum;
    });
  } catch (error) {
    if (isCofreError(error) && !error.retryable && error.code !== 'backup/interrupted') return null;
    throw error;
  }
}

interface ExplainedRow {
  readonly 'QUERY PLAN'?: readonly {
    readonly Plan?: { readonly 'Plan Rows'?: number; readonly 'Plan Width'?: number };
  }[];
}

async function tableBytes(client: pg.ClientBase, table: SliceTable): Promise<number> {
  const result = await client.query<ExplainedRow>(
    `EXPLAIN (FORMAT JSON) SELECT t.* FROM ${table.fromSql} AS t WHERE ${table.scopeSql('t')}`,
  );
  const plan = result.rows[0]?.['QUERY PLAN']?.[0]?.Plan;
  return (plan?.['Plan Rows'] ?? 0) * (plan?.['Plan Width'] ?? 0);
}
