import type { Catalogue } from '../catalogue/open-catalogue.ts';

/** Whether a backup is there, is no restore's safety backup, and is kept until then by the settings as they are now. */
export async function staysUntil(catalogue: Catalogue, id: string, until: Date): Promise<boolean> {
  const row = await catalogue
    .selectFrom('public.module_backups')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'completed')
    .where('deleted_at', 'is', null)
    .where('missing_at', 'is', null)
    .where('safety', '=', false)
    .where(({ eb, or }) => or([eb('held', '=', true), eb('expires_at', 'is', null), eb('expires_at', '>', until)]))
    .executeTakeFirst();
  return row !== undefined;
}
