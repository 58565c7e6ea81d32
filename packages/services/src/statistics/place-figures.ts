import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { type FiguresOptions, statistic, theseBackups } from './which-backups.ts';

/** What the list of backups has of one module or one implementation. Counts and sums are of completed backups. */
export interface PlaceFigures {
  readonly backups: number;
  readonly rows: number;
  readonly bytesRaw: number;
  readonly bytesStored: number;
  readonly newestAt: Date | null;
  readonly lastVerifiedAt: Date | null;
  readonly lastProvenAt: Date | null;
  /** Made since the period began, and what became of them. */
  readonly completed: number;
  readonly failed: number;
}

export interface ImplementationPlace extends PlaceFigures {
  readonly id: string;
  readonly module: string;
  readonly key: string;
  readonly gone: boolean;
}

export interface ModulePlace extends PlaceFigures {
  readonly module: string;
  readonly implementations: number;
}

/** By module, those that store most first; one pass over the rows. */
export async function readModuleFigures(
  catalogue: Catalogue,
  options: FiguresOptions,
): Promise<readonly ModulePlace[]> {
  const { rows } = await sql<ModulePlace>`
    WITH place AS (${byImplementation(options)})
    SELECT module, pg_catalog.count(DISTINCT id) AS implementations, ${summed('backups')}, ${summed('rows')},
      ${summed('bytesRaw')}, ${summed('bytesStored')}, ${latest('newestAt')}, ${latest('lastVerifiedAt')},
      ${latest('lastProvenAt')}, ${summed('completed')}, ${summed('failed')}
    FROM place GROUP BY module ORDER BY "bytesStored" DESC, module`.execute(catalogue);
  return rows;
}

/** By implementation, those that store most first: all that have backups, or the first `top`. */
export async function readImplementationFigures(
  catalogue: Catalogue,
  options: FiguresOptions & { readonly top?: number },
): Promise<readonly ImplementationPlace[]> {
  // The names are those of the newest backup: an implementation may have been renamed.
  const { rows } = await sql<ImplementationPlace>`
    WITH place AS MATERIALIZED (${byImplementation(options)}),
    implementation AS MATERIALIZED (
      SELECT id, ${summed('backups')}, ${summed('rows')}, ${summed('bytesRaw')}, ${summed('bytesStored')},
        ${latest('newestAt')}, ${latest('lastVerifiedAt')}, ${latest('lastProvenAt')}, ${summed('completed')},
        ${summed('failed')}, pg_catalog.bool_and(gone) AS gone
      FROM place GROUP BY id ORDER BY "bytesStored" DESC, id
      LIMIT ${options.top ?? null}::bigint
    )
    SELECT i.*, newest.module_slug AS module, newest.implementation_key AS key
    FROM implementation AS i CROSS JOIN LATERAL (
      SELECT b.module_slug, b.implementation_key FROM public.module_backups AS b
      WHERE b.source_implementation_id = i.id AND ${theseBackups(options)}
      ORDER BY b.created_at DESC, b.id DESC LIMIT 1
    ) AS newest
    ORDER BY i."bytesStored" DESC, i.id`.execute(catalogue);
  return rows;
}

function byImplementation(options: FiguresOptions) {
  return sql`
    SELECT b.source_implementation_id AS id, b.module_slug AS module,
      pg_catalog.count(*) FILTER (WHERE b.status = 'completed') AS backups,
      COALESCE(pg_catalog.sum(${statistic('rows')}), 0) AS rows,
      COALESCE(pg_catalog.sum(${statistic('bytesRaw')}), 0) AS "bytesRaw",
      COALESCE(pg_catalog.sum(b.size_bytes), 0) AS "bytesStored",
      pg_catalog.max(b.completed_at) FILTER (WHERE b.status = 'completed') AS "newestAt",
      pg_catalog.max(b.verified_at) AS "lastVerifiedAt",
      pg_catalog.max(b.proven_at) AS "lastProvenAt",
      pg_catalog.count(*) FILTER (WHERE b.created_at >= ${options.since} AND b.status = 'completed') AS completed,
      pg_catalog.count(*) FILTER (WHERE b.created_at >= ${options.since} AND b.status = 'failed') AS failed,
      pg_catalog.bool_and(b.implementation_id IS NULL) AS gone
    FROM public.module_backups AS b WHERE ${theseBackups(options)}
    GROUP BY b.source_implementation_id, b.module_slug`;
}

function summed(name: keyof PlaceFigures) {
  return sql`COALESCE(pg_catalog.sum(${sql.id(name)}), 0)::bigint AS ${sql.id(name)}`;
}

function latest(name: keyof PlaceFigures) {
  return sql`pg_catalog.max(${sql.id(name)}) AS ${sql.id(name)}`;
}
