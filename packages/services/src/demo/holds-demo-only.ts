import { sql } from 'kysely';
import type { ServiceContext } from '../service-context.ts';
import { DEMO_MARK } from './demo-schema.ts';
import { DEMO_IMPLEMENTATIONS, DEMO_MODULES, DEMO_TENANTS } from './platform.ts';

const idsOf = (known: readonly { readonly id: string }[]): readonly string[] => known.map(({ id }) => id);

/**
 * Whether the demo's platform is all that there is: then it may be loaded anew, or damaged, without taking anything of
 * somebody's. Its tables bear a mark, so that nobody's own of the same names are taken for them.
 */
export async function holdsDemoOnly({ catalogue }: Pick<ServiceContext, 'catalogue'>): Promise<boolean> {
  const { rows } = await sql<{ mark: string | null; others: boolean }>`
    SELECT pg_catalog.obj_description(pg_catalog.to_regclass('public.products'), 'pg_class') AS mark,
      EXISTS (SELECT FROM cofre.v_module_implementations WHERE id <> ALL (${idsOf(DEMO_IMPLEMENTATIONS)}::uuid[]))
        OR EXISTS (SELECT FROM cofre.v_base_modules WHERE id <> ALL (${idsOf(DEMO_MODULES)}::uuid[]))
        OR EXISTS (SELECT FROM cofre.v_tenants WHERE id <> ALL (${idsOf(DEMO_TENANTS)}::uuid[])) AS others`.execute(
    catalogue,
  );
  const [row] = rows;
  return row !== undefined && row.mark === DEMO_MARK && !row.others;
}
