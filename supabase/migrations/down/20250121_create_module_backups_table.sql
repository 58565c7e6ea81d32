-- The way back from 20250121_create_module_backups_table. The list is lost; what backups hold lies in the repository, and
-- `cofre repo import` makes the list anew. A table that an application had before keeps its rows of that time: ours are
-- deleted, and the ten columns it came with stay.
DO $$
BEGIN
  IF EXISTS (SELECT FROM public.module_backups WHERE module_slug IS NULL) THEN
    DELETE FROM public.module_backups WHERE module_slug IS NOT NULL;
    DROP POLICY IF EXISTS service ON public.module_backups;
    DROP POLICY IF EXISTS authenticated_read ON public.module_backups;
    DROP POLICY IF EXISTS administrators_insert ON public.module_backups;
    DROP POLICY IF EXISTS administrators_update ON public.module_backups;
    DROP POLICY IF EXISTS administrators_delete ON public.module_backups;
    ALTER TABLE public.module_backups
      DROP CONSTRAINT IF EXISTS module_backups_completed_check, DROP CONSTRAINT IF EXISTS module_backups_status_check,
      DROP COLUMN source_implementation_id, DROP COLUMN module_slug, DROP COLUMN implementation_key,
      DROP COLUMN status, DROP COLUMN parent_id, DROP COLUMN description, DROP COLUMN created_by_name,
      DROP COLUMN completed_at, DROP COLUMN verified_at, DROP COLUMN held, DROP COLUMN safety, DROP COLUMN checksum,
      DROP COLUMN compression, DROP COLUMN encrypted, DROP COLUMN repository_id, DROP COLUMN stats, DROP COLUMN probe,
      DROP COLUMN error, DROP COLUMN deleted_at;
    DROP INDEX IF EXISTS public.module_backups_implementation_id_idx, public.module_backups_newest_idx,
      public.module_backups_expires_idx;
  ELSE
    DROP TABLE public.module_backups;
  END IF;
END
$$;
DELETE FROM cofre.schema_migrations WHERE name = '20250121_create_module_backups_table';
