import { type RawBuilder, sql } from 'kysely';
import { ofImplementation } from '../backups/list-backups.ts';

/** Which backups figures are of; none named: all. By what stays in the row, so that those of deleted implementations count. */
export interface FiguresWhich {
  /** An id, or `module/key`. */
  readonly implementation?: string | undefined;
  readonly module?: string | undefined;
}

export interface FiguresOptions extends FiguresWhich {
  readonly now: Date;
  /** The period begins here. */
  readonly since: Date;
}

/** For `public.module_backups AS b`: rows of ours that are not being deleted. */
export function theseBackups({ implementation, module }: FiguresWhich): RawBuilder<boolean> {
  const all = [sql`b.deleted_at IS NULL AND b.module_slug IS NOT NULL AND b.source_implementation_id IS NOT NULL`];
  if (implementation !== undefined) all.push(ofImplementation(implementation));
  if (module !== undefined) all.push(sql`b.module_slug = ${module}`);
  return sql<boolean>`${sql.join(all, sql` AND `)}`;
}

/** A figure of what a completed backup says of itself. */
export function statistic(name: 'rows' | 'bytesRaw' | 'durationMs'): RawBuilder<number> {
  return sql<number>`(b.stats ->> ${sql.lit(name)})::bigint`;
}
