import type { BackupSettings } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Catalogue } from '../catalogue/open-catalogue.ts';

/**
 * Gives the backups of an implementation that end by policy the end that these settings have. What is on hold, by itself
 * or with its implementation, is never given an earlier one. Gives how many were changed.
 */
export async function recomputeExpiry(
  catalogue: Catalogue,
  { implementationId, settings }: { readonly implementationId: string; readonly settings: BackupSettings },
): Promise<number> {
  const { retentionDays, safetyDays } = settings;
  const ends = sql<Date | null>`b.created_at + CASE WHEN b.safety THEN ${safetyDays}::int ELSE ${retentionDays}::int END
    * interval '24 hours'`;
  const result = await catalogue
    .updateTable('public.module_backups as b')
    .set({ expires_at: ends })
    .where('b.source_implementation_id', '=', implementationId)
    .where('b.expiry_source', '=', 'policy')
    .where('b.deleted_at', 'is', null)
    .where(sql<boolean>`b.expires_at IS DISTINCT FROM ${ends}`)
    .where(sql<boolean>`(
      NOT (b.held OR EXISTS (
        SELECT FROM cofre.implementation_settings s WHERE s.implementation_id = b.source_implementation_id AND s.held
      ))
      OR ${ends} IS NULL OR b.expires_at IS NOT NULL AND ${ends} > b.expires_at
    )`)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
