-- Cofre, what it runs on: definitions, settings, lineage, restores, the pinned repository. All in schema cofre, never
-- in a slice, so that no restore can rewind it.
--
-- Applied unchanged by Supabase or by `cofre db migrate`; may run again at any time.

-- Which tables and rows belong to a module. One definition a module.
CREATE TABLE IF NOT EXISTS cofre.module_definitions (
  module_id uuid PRIMARY KEY,
  definition jsonb NOT NULL,
  -- The document as it was applied, comments and all.
  source text NOT NULL,
  -- Rises by one with each change.
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_by_name text
);

DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint
    WHERE conrelid = 'cofre.module_definitions'::regclass AND conname = 'module_definitions_module_id_fkey'
  ) THEN
    EXECUTE pg_catalog.format(
      'ALTER TABLE cofre.module_definitions ADD CONSTRAINT module_definitions_module_id_fkey '
      'FOREIGN KEY (module_id) REFERENCES %s (id) ON DELETE CASCADE', cofre.platform_table('base_modules'));
  END IF;
END
$$;

-- No foreign key: the settings of a deleted implementation wait for it, as its backups do.
CREATE TABLE IF NOT EXISTS cofre.implementation_settings (
  implementation_id uuid PRIMARY KEY,
  -- The root key: which rows the implementation stands for. NULL: its own id.
  backup_scope jsonb CHECK (pg_catalog.jsonb_typeof(backup_scope) = 'object'),
  next_backup_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- A backup's marker in the source database: there, and written by the transaction that it names, only if this database
-- has gone through the moment of the backup (design section 4).
CREATE TABLE IF NOT EXISTS cofre.lineage (
  backup_id uuid PRIMARY KEY,
  xact_id xid8 NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE IF NOT EXISTS cofre.restores (
  id uuid PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('restore', 'undo')),
  plan_id uuid NOT NULL,
  backup_id uuid NOT NULL,
  implementation_id uuid NOT NULL,
  module_slug text NOT NULL,
  implementation_key text NOT NULL,
  safety_backup_id uuid,
  mode text NOT NULL CHECK (mode IN ('merge', 'exact', 'missing')),
  status text NOT NULL CHECK (status IN ('completed', 'failed')),
  -- [{"table", "inserted", "updated", "deleted"}]
  tables jsonb NOT NULL DEFAULT '[]',
  -- What was read again before commit: rows and checksums per table. Written by the transaction it speaks of.
  evidence jsonb,
  verified boolean NOT NULL DEFAULT false,
  error jsonb,
  duration_ms bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  created_by_name text,
  -- The restore that this one undoes, and the one that undid this.
  undo_of uuid,
  undone_by uuid
);
CREATE INDEX IF NOT EXISTS restores_newest_idx ON cofre.restores (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS restores_implementation_idx ON cofre.restores (implementation_id, created_at DESC);

-- The repository that was used first. One that differs is refused, so that a cofre.json stripped of its keys cannot
-- make a client write plain text.
CREATE TABLE IF NOT EXISTS cofre.repository_pin (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  repository_id uuid NOT NULL,
  encryption text NOT NULL CHECK (encryption IN ('aes-256-gcm', 'none')),
  root_key_ids text[] NOT NULL,
  url text NOT NULL,
  pinned_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- Administrators see and keep definitions and settings; the rest is written by the service alone.
DO $$
DECLARE
  kept text;
BEGIN
  FOREACH kept IN ARRAY ARRAY[
    'module_definitions', 'implementation_settings', 'lineage', 'restores', 'repository_pin'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cofre.%I ENABLE ROW LEVEL SECURITY', kept);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE cofre.%I FROM PUBLIC, anon, authenticated', kept);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.%I TO service_role', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS service ON cofre.%I', kept);
    EXECUTE pg_catalog.format('CREATE POLICY service ON cofre.%I TO service_role USING (true) WITH CHECK (true)', kept);
  END LOOP;

  FOREACH kept IN ARRAY ARRAY['module_definitions', 'implementation_settings', 'restores'] LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE cofre.%I TO authenticated', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON cofre.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators ON cofre.%I TO authenticated '
      'USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()))', kept);
  END LOOP;
END
$$;
GRANT INSERT, UPDATE, DELETE ON TABLE cofre.module_definitions, cofre.implementation_settings TO authenticated;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250122_cofre_definitions_and_restores') ON CONFLICT DO NOTHING;
