import { type RawBuilder, sql } from 'kysely';
import { ofImplementation } from '../backups/list-backups.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import type { DurationFigures } from './backup-figures.ts';
import type { FiguresWhich } from './which-backups.ts';

/** Restores that people asked for; taking one back is counted with it, as undone. */
export interface RestoreFigures extends DurationFigures {
  readonly done: number;
  readonly failed: number;
  readonly undone: number;
}

/** `since` null: all there ever were. */
export async function readRestoreFigures(
  catalogue: Catalogue,
  options: FiguresWhich & { readonly since: Date | null },
): Promise<RestoreFigures> {
  const { rows } = await sql<RestoreFigures>`
    SELECT pg_catalog.count(*) FILTER (WHERE r.status = 'completed') AS done,
      pg_catalog.count(*) FILTER (WHERE r.status = 'failed') AS failed,
      pg_catalog.count(r.undone_by) AS undone,
      pg_catalog.round(pg_catalog.avg(r.duration_ms) FILTER (WHERE r.status = 'completed'))::bigint AS "averageMs",
      pg_catalog.round(
        pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status = 'completed')
      )::bigint AS "p95Ms"
    FROM cofre.v_restore_list AS r WHERE ${theseRestores(options)}`.execute(catalogue);
  return rows[0] ?? { done: 0, failed: 0, undone: 0, averageMs: null, p95Ms: null };
}

const OF_RESTORES = { id: 'r.implementation_id', module: 'r.module_slug', key: 'r.implementation_key' };

function theseRestores(options: FiguresWhich & { readonly since: Date | null }): RawBuilder<boolean> {
  const { implementation, module, since } = options;
  const all = [sql`r.purpose = 'restore'`];
  if (since !== null) all.push(sql`r.created_at >= ${since}`);
  if (module !== undefined) all.push(sql`r.module_slug = ${module}`);
  if (implementation !== undefined) all.push(ofImplementation(implementation, OF_RESTORES));
  return sql<boolean>`${sql.join(all, sql` AND `)}`;
}
