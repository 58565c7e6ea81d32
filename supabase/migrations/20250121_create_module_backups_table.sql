-- Cofre, the list of backups. What a backup holds lies in the repository; a row here names it.
--
-- Applied unchanged by Supabase or by `cofre db migrate`; may run again at any time.

CREATE TABLE IF NOT EXISTS public.module_backups (
  id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  -- NULL once the implementation is deleted; who it was stays in source_implementation_id, module_slug, implementation_key.
  implementation_id uuid,
  backup_type text NOT NULL,
  -- A summary and, up to 1 MiB and without secret columns, the config rows.
  backup_data jsonb,
  -- Path of the manifest in the repository.
  file_path text,
  size_bytes bigint,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  expires_at timestamptz,
  metadata jsonb DEFAULT '{}'
);

-- Added one by one: an application may have had the table, with the ten columns above, before it had Cofre. Rows of
-- that time have no manifest; they stay as they are and are not listed (module_slug is NULL).
ALTER TABLE public.module_backups
  ADD COLUMN IF NOT EXISTS source_implementation_id uuid,
  ADD COLUMN IF NOT EXISTS module_slug text,
  ADD COLUMN IF NOT EXISTS implementation_key text,
  ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending',
  ADD COLUMN IF NOT EXISTS parent_id uuid,
  ADD COLUMN IF NOT EXISTS description text,
  ADD COLUMN IF NOT EXISTS created_by_name text,
  ADD COLUMN IF NOT EXISTS completed_at timestamptz,
  ADD COLUMN IF NOT EXISTS verified_at timestamptz,
  ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS safety boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS checksum text,
  ADD COLUMN IF NOT EXISTS compression text,
  ADD COLUMN IF NOT EXISTS encrypted boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS repository_id uuid,
  ADD COLUMN IF NOT EXISTS stats jsonb,
  ADD COLUMN IF NOT EXISTS probe jsonb,
  ADD COLUMN IF NOT EXISTS error jsonb,
  -- Set before the manifest is deleted, so that a row whose manifest is gone is never listed.
  ADD COLUMN IF NOT EXISTS deleted_at timestamptz;

ALTER TABLE public.module_backups
  ALTER COLUMN implementation_id DROP NOT NULL,
  ALTER COLUMN backup_data DROP NOT NULL,
  ALTER COLUMN size_bytes DROP NOT NULL,
  ALTER COLUMN expires_at DROP NOT NULL,
  ALTER COLUMN created_by DROP NOT NULL,
  DROP CONSTRAINT IF EXISTS module_backups_backup_type_check,
  ADD CONSTRAINT module_backups_backup_type_check
    CHECK (backup_type IN ('full', 'incremental', 'differential', 'config_only')),
  DROP CONSTRAINT IF EXISTS module_backups_status_check,
  ADD CONSTRAINT module_backups_status_check
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'canceled')),
  DROP CONSTRAINT IF EXISTS module_backups_completed_check,
  ADD CONSTRAINT module_backups_completed_check CHECK (
    status <> 'completed'
    OR completed_at IS NOT NULL AND file_path IS NOT NULL AND checksum IS NOT NULL
      AND stats IS NOT NULL AND repository_id IS NOT NULL AND source_implementation_id IS NOT NULL
      AND module_slug IS NOT NULL AND implementation_key IS NOT NULL
  );

-- The foreign keys, where there are none yet: towards the platform's table, wherever it lives, and towards auth.users,
-- where that has Supabase's key and this role may point at it.
DO $$
DECLARE
  implementations regclass := cofre.platform_table('module_implementations');
  users regclass := pg_catalog.to_regclass('auth.users');
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c
    WHERE c.conrelid = 'public.module_backups'::regclass AND c.contype = 'f' AND c.confrelid = implementations
      AND c.confdeltype = 'n'
  ) THEN
    -- The table of former times may have been made to delete its rows with the implementation.
    EXECUTE pg_catalog.format(
      'ALTER TABLE public.module_backups '
      'DROP CONSTRAINT IF EXISTS module_backups_implementation_id_fkey, '
      'ADD CONSTRAINT module_backups_implementation_id_fkey '
      'FOREIGN KEY (implementation_id) REFERENCES %s (id) ON DELETE SET NULL', implementations);
  END IF;

  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c
    WHERE c.conrelid = 'public.module_backups'::regclass AND c.contype = 'f' AND c.confrelid = users
  ) AND pg_catalog.has_table_privilege(users, 'REFERENCES') AND EXISTS (
    SELECT FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = users AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
      AND i.indnkeyatts = 1 AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype
  ) THEN
    ALTER TABLE public.module_backups
      ADD CONSTRAINT module_backups_created_by_fkey
      FOREIGN KEY (created_by) REFERENCES auth.users (id) ON DELETE SET NULL;
  END IF;
END
$$;

CREATE INDEX IF NOT EXISTS module_backups_implementation_id_idx ON public.module_backups (implementation_id);
CREATE INDEX IF NOT EXISTS module_backups_newest_idx ON public.module_backups (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS module_backups_source_idx
  ON public.module_backups (source_implementation_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS module_backups_expires_idx
  ON public.module_backups (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS module_backups_running_idx
  ON public.module_backups (id) WHERE status IN ('pending', 'running');

-- `authenticated` is every customer of every tenant: they may see that a backup exists, never what it holds.
ALTER TABLE public.module_backups ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE public.module_backups FROM PUBLIC, anon, authenticated;
GRANT SELECT (
  id, implementation_id, backup_type, file_path, size_bytes, created_at, created_by, expires_at, metadata,
  source_implementation_id, module_slug, implementation_key, status, parent_id, description, created_by_name,
  completed_at, verified_at, held, safety, checksum, compression, encrypted, repository_id, stats, probe, deleted_at
) ON TABLE public.module_backups TO authenticated;
GRANT INSERT, UPDATE, DELETE ON TABLE public.module_backups TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.module_backups TO service_role;

DROP POLICY IF EXISTS service ON public.module_backups;
CREATE POLICY service ON public.module_backups TO service_role USING (true) WITH CHECK (true);
DROP POLICY IF EXISTS authenticated_read ON public.module_backups;
CREATE POLICY authenticated_read ON public.module_backups FOR SELECT TO authenticated USING (true);
DROP POLICY IF EXISTS administrators_insert ON public.module_backups;
CREATE POLICY administrators_insert ON public.module_backups FOR INSERT TO authenticated
  WITH CHECK ((SELECT cofre.is_administrator()));
DROP POLICY IF EXISTS administrators_update ON public.module_backups;
CREATE POLICY administrators_update ON public.module_backups FOR UPDATE TO authenticated
  USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()));
DROP POLICY IF EXISTS administrators_delete ON public.module_backups;
CREATE POLICY administrators_delete ON public.module_backups FOR DELETE TO authenticated
  USING ((SELECT cofre.is_administrator()));

INSERT INTO cofre.schema_migrations (name) VALUES ('20250121_create_module_backups_table') ON CONFLICT DO NOTHING;
