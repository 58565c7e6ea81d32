-- Cofre, the platform: who may do what, what was done, what waits to be done. Administrators, settings, jobs, plans, the
-- audit log, notifications; what the list of backups needs besides, and an index for every list.
--
-- Applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18; may run again at any time.
-- The way back is down/20250201_cofre_platform.sql.

-- Requests of people run as `authenticated`, workers as `service_role`: whoever migrates may take these roles, as far as
-- it can give them to itself.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    CONTINUE WHEN pg_catalog.pg_has_role(CURRENT_USER, wanted, 'MEMBER');
    BEGIN
      EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', wanted);
    EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- Who may change things --------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS cofre.admin_users (
  user_id uuid PRIMARY KEY,
  email text,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  created_by_name text
);
COMMENT ON TABLE cofre.admin_users IS
  'Administrators besides those whose token says so (app_metadata.role). Written by administrators and the operator only.';

-- The part of a person: from the claim that only the server can set, never from user_metadata, which people write
-- themselves. Compared as text: an application's own auth.uid() may give another type.
CREATE OR REPLACE FUNCTION cofre.access_role() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT CASE
    WHEN (auth.jwt())::jsonb -> 'app_metadata' ->> 'role' = 'admin' THEN 'administrator'
    WHEN EXISTS (SELECT FROM cofre.admin_users WHERE user_id::text = (SELECT auth.uid())::text) THEN 'administrator'
    WHEN (auth.jwt())::jsonb -> 'app_metadata' ->> 'role' = 'viewer' THEN 'viewer'
    WHEN auth.uid() IS NOT NULL THEN 'customer'
    ELSE 'nobody'
  END
$$;

CREATE OR REPLACE FUNCTION cofre.is_admin() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT cofre.access_role() = 'administrator'
$$;

-- A viewer sees lists and counts; an administrator sees them too.
CREATE OR REPLACE FUNCTION cofre.may_view() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT cofre.access_role() IN ('administrator', 'viewer')
$$;

-- The service itself, or whoever owns the catalogue. With the rights of the caller: in a view that is who reads it.
CREATE OR REPLACE FUNCTION cofre.is_service() RETURNS boolean
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT pg_catalog.pg_has_role(CURRENT_USER, 'service_role', 'USAGE')
    OR pg_catalog.pg_has_role(CURRENT_USER, c.relowner, 'USAGE')
  FROM pg_catalog.pg_class c WHERE c.oid = 'cofre.schema_migrations'::regclass
$$;

REVOKE ALL ON FUNCTION cofre.access_role(), cofre.is_admin(), cofre.may_view(), cofre.is_service() FROM PUBLIC, anon;
GRANT EXECUTE ON FUNCTION cofre.access_role(), cofre.is_admin(), cofre.may_view(), cofre.is_service()
  TO authenticated, service_role;

-- Earlier versions had their administrators in cofre.administrators.
DO $$
BEGIN
  IF pg_catalog.to_regclass('cofre.administrators') IS NOT NULL THEN
    INSERT INTO cofre.admin_users (user_id, created_at)
      SELECT user_id, created_at FROM cofre.administrators ON CONFLICT DO NOTHING;
  END IF;
END
$$;

-- Settings ---------------------------------------------------------------------------------------------------------

-- Resolved implementation -> module -> global. `subject_id` is the implementation or the module; for the global row it is
-- the nil UUID. A key that is absent is inherited; a key that is null is set to nothing (no schedule, kept for ever).
CREATE TABLE IF NOT EXISTS cofre.backup_settings (
  scope text NOT NULL CHECK (scope IN ('global', 'module', 'implementation')),
  subject_id uuid NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(settings) = 'object'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_by uuid,
  updated_by_name text,
  PRIMARY KEY (scope, subject_id),
  CONSTRAINT backup_settings_global_check
    CHECK ((scope = 'global') = (subject_id = '00000000-0000-0000-0000-000000000000'))
);

ALTER TABLE cofre.implementation_settings
  -- Failures in a row of scheduled backups; `retry_at` is when the next attempt may be made.
  ADD COLUMN IF NOT EXISTS failures int NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS retry_at timestamptz,
  ADD COLUMN IF NOT EXISTS last_scheduled_at timestamptz,
  ADD COLUMN IF NOT EXISTS last_error jsonb,
  -- Who is backing it up by schedule, and until when nobody else takes it: a runner that died lets go by itself.
  ADD COLUMN IF NOT EXISTS claimed_by text,
  ADD COLUMN IF NOT EXISTS claimed_until timestamptz,
  -- A slice too large for an edge function waits for a worker.
  ADD COLUMN IF NOT EXISTS needs_worker boolean NOT NULL DEFAULT false,
  -- A hold on all backups of the implementation, present and future.
  ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS held_at timestamptz,
  ADD COLUMN IF NOT EXISTS held_by uuid,
  ADD COLUMN IF NOT EXISTS held_by_name text,
  -- What it was when it was deleted, so that a restore can bring back its row (same id) and assignments.
  ADD COLUMN IF NOT EXISTS deleted_at timestamptz;

CREATE INDEX IF NOT EXISTS implementation_settings_due_idx
  ON cofre.implementation_settings (next_backup_at, implementation_id) WHERE next_backup_at IS NOT NULL;

-- Backups ----------------------------------------------------------------------------------------------------------

ALTER TABLE public.module_backups
  -- 'explicit': somebody said when; 'policy': computed from the settings, and again when they change.
  ADD COLUMN IF NOT EXISTS expiry_source text NOT NULL DEFAULT 'explicit',
  -- What made it.
  ADD COLUMN IF NOT EXISTS origin text NOT NULL DEFAULT 'manual',
  ADD COLUMN IF NOT EXISTS job_id uuid,
  ADD COLUMN IF NOT EXISTS held_at timestamptz,
  ADD COLUMN IF NOT EXISTS held_by uuid,
  ADD COLUMN IF NOT EXISTS held_by_name text,
  ADD COLUMN IF NOT EXISTS held_reason text,
  -- The newest proof by restoring into a scratch schema, and what it found.
  ADD COLUMN IF NOT EXISTS proven_at timestamptz,
  ADD COLUMN IF NOT EXISTS proof jsonb,
  -- Why clean-up left it although it has expired: 'held', 'implementation-held', 'minimum', 'keep-last', 'last-proven', ...
  ADD COLUMN IF NOT EXISTS kept_because text,
  -- Since when its manifest is not in the repository.
  ADD COLUMN IF NOT EXISTS missing_at timestamptz,
  DROP CONSTRAINT IF EXISTS module_backups_expiry_source_check,
  ADD CONSTRAINT module_backups_expiry_source_check CHECK (expiry_source IN ('explicit', 'policy')),
  DROP CONSTRAINT IF EXISTS module_backups_origin_check,
  ADD CONSTRAINT module_backups_origin_check CHECK (origin IN ('manual', 'scheduled', 'safety', 'imported'));
UPDATE public.module_backups SET origin = 'safety' WHERE safety AND origin = 'manual';

GRANT SELECT (expiry_source, origin, job_id, held_at, held_by_name, proven_at, kept_because, missing_at)
  ON TABLE public.module_backups TO authenticated;

-- Lists go by (created_at, id) downwards, so that a page costs the same wherever it lies.
CREATE INDEX IF NOT EXISTS module_backups_module_idx
  ON public.module_backups (module_slug, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_key_idx
  ON public.module_backups (module_slug, implementation_key, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_type_idx
  ON public.module_backups (backup_type, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_status_idx
  ON public.module_backups (status, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_held_idx
  ON public.module_backups (created_at DESC, id DESC) WHERE held AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_size_idx
  ON public.module_backups (COALESCE(size_bytes, 0) DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_expiring_idx
  ON public.module_backups (COALESCE(expires_at, 'infinity'), id) WHERE deleted_at IS NULL;
-- Completed ones per implementation: what retention counts, and the age of the newest.
CREATE INDEX IF NOT EXISTS module_backups_completed_idx
  ON public.module_backups (source_implementation_id, created_at DESC, id DESC)
  WHERE status = 'completed' AND NOT safety AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_orphans_idx
  ON public.module_backups (source_implementation_id)
  WHERE implementation_id IS NULL AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS module_backups_description_idx
  ON public.module_backups USING gin (pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, COALESCE(description, '')));
CREATE INDEX IF NOT EXISTS module_backups_job_idx ON public.module_backups (job_id) WHERE job_id IS NOT NULL;

-- What only administrators may read of a backup: the columns are granted to nobody, and read through this.
CREATE OR REPLACE VIEW cofre.v_backup_private WITH (security_barrier = true) AS
  SELECT id, error, backup_data, held_reason, proof FROM public.module_backups
  WHERE (SELECT cofre.is_service()) OR (SELECT cofre.is_admin());
REVOKE ALL ON TABLE cofre.v_backup_private FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON TABLE cofre.v_backup_private TO authenticated, service_role;

-- Plans and restores -----------------------------------------------------------------------------------------------

-- What was planned, for lists. The plan itself, with its rows, lies in the repository.
CREATE TABLE IF NOT EXISTS cofre.plans (
  id uuid PRIMARY KEY,
  backup_id uuid NOT NULL,
  implementation_id uuid NOT NULL,
  module_slug text NOT NULL,
  implementation_key text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('merge', 'exact', 'missing')),
  fingerprint text NOT NULL,
  applicable boolean NOT NULL,
  -- Counts per table, as the plan's document has them without rows.
  summary jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  created_by_name text,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS plans_newest_idx ON cofre.plans (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS plans_implementation_idx ON cofre.plans (implementation_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS plans_expires_idx ON cofre.plans (expires_at);

ALTER TABLE cofre.restores ADD COLUMN IF NOT EXISTS job_id uuid;
CREATE INDEX IF NOT EXISTS restores_backup_idx ON cofre.restores (backup_id);
CREATE INDEX IF NOT EXISTS restores_key_idx
  ON cofre.restores (module_slug, implementation_key, created_at DESC, id DESC);

-- Jobs -------------------------------------------------------------------------------------------------------------

-- Everything that was asked for and is not done within the request. The queue hands them out; what people see is here.
CREATE TABLE IF NOT EXISTS cofre.jobs (
  id uuid PRIMARY KEY,
  -- 'create-backup', 'apply-restore', 'undo-restore', 'verify-backup', 'delete-backup', 'scheduled-backup', ...
  kind text NOT NULL,
  state text NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'running', 'completed', 'failed', 'canceled', 'deferred')),
  implementation_id uuid,
  module_slug text,
  implementation_key text,
  backup_id uuid,
  input jsonb NOT NULL DEFAULT '{}',
  result jsonb,
  error jsonb,
  attempts int NOT NULL DEFAULT 0,
  -- The same key twice while one waits or runs is one job.
  singleton_key text,
  needs_worker boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  created_by_name text,
  -- Who asked, with the claims that were valid then: {"kind", "name", "userId"?}.
  actor jsonb NOT NULL DEFAULT '{}',
  run_after timestamptz NOT NULL DEFAULT pg_catalog.now(),
  started_at timestamptz,
  ended_at timestamptz,
  cancel_requested_at timestamptz,
  worker_id uuid,
  heartbeat_at timestamptz
);
CREATE INDEX IF NOT EXISTS jobs_newest_idx ON cofre.jobs (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS jobs_implementation_idx ON cofre.jobs (implementation_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS jobs_state_idx ON cofre.jobs (state, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS jobs_open_idx ON cofre.jobs (run_after, created_at, id) WHERE state IN ('waiting', 'running');
CREATE UNIQUE INDEX IF NOT EXISTS jobs_singleton_key ON cofre.jobs (singleton_key)
  WHERE singleton_key IS NOT NULL AND state IN ('waiting', 'running');

-- Apart from the job, because it is rewritten twice a second: no index has to follow.
CREATE TABLE IF NOT EXISTS cofre.job_progress (
  job_id uuid PRIMARY KEY REFERENCES cofre.jobs (id) ON DELETE CASCADE,
  phase text NOT NULL,
  table_name text,
  rows bigint NOT NULL DEFAULT 0,
  rows_total bigint,
  bytes bigint NOT NULL DEFAULT 0,
  elapsed_ms bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 50);

-- Listeners of the channel `cofre_jobs` are given the job's id and look at the rows themselves.
CREATE OR REPLACE FUNCTION cofre.tell_of_job() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF TG_TABLE_NAME = 'jobs' THEN
    PERFORM pg_catalog.pg_notify('cofre_jobs', NEW.id::text);
  ELSE
    PERFORM pg_catalog.pg_notify('cofre_jobs', NEW.job_id::text);
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION cofre.tell_of_job() FROM PUBLIC, anon;
DROP TRIGGER IF EXISTS tell ON cofre.jobs;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF state, cancel_requested_at ON cofre.jobs
  FOR EACH ROW EXECUTE FUNCTION cofre.tell_of_job();
DROP TRIGGER IF EXISTS tell ON cofre.job_progress;
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON cofre.job_progress
  FOR EACH ROW EXECUTE FUNCTION cofre.tell_of_job();

-- Who takes jobs: none seen for 30 s means that jobs wait for one.
CREATE TABLE IF NOT EXISTS cofre.workers (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  seen_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- Audit and notifications: in public where the name is free, else in cofre; read and written through a view. ----------

DO $do$
DECLARE
  view_options text := '';
  wanted record;
  settled regclass;
BEGIN
  IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN
    view_options := 'WITH (security_invoker = true)';
  END IF;
  FOR wanted IN
    SELECT * FROM (VALUES
      ('audit_logs', 'actor_kind', $sql$
        id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
        created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
        -- CREATE_MODULE_BACKUP, ...
        action text NOT NULL,
        outcome text NOT NULL DEFAULT 'done' CHECK (outcome IN ('done', 'refused', 'failed')),
        -- The person; NULL for the operator, who is known by name alone, and for services.
        user_id uuid,
        actor_kind text NOT NULL CHECK (actor_kind IN ('nobody', 'person', 'operator', 'service')),
        actor_name text NOT NULL,
        implementation_id uuid,
        module_slug text,
        implementation_key text,
        backup_id uuid,
        resource_type text,
        resource_id text,
        -- Never values of rows, never secrets.
        details jsonb NOT NULL DEFAULT '{}'
      $sql$),
      ('admin_notifications', 'dedupe_key', $sql$
        id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
        created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
        updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
        -- What happened, as a code that edges put into words: 'backup-failed', 'space-freed', 'settings-weakened', ...
        kind text NOT NULL,
        severity text NOT NULL DEFAULT 'warning' CHECK (severity IN ('info', 'warning', 'error')),
        -- While unread, what has the same key is one notification that counts.
        dedupe_key text NOT NULL,
        params jsonb NOT NULL DEFAULT '{}',
        occurrences int NOT NULL DEFAULT 1,
        implementation_id uuid,
        read_at timestamptz,
        read_by uuid,
        read_by_name text
      $sql$)
    ) AS t (name, mark, body)
  LOOP
    settled := pg_catalog.to_regclass('cofre.' || wanted.name);
    IF settled IS NULL AND EXISTS (
      SELECT FROM pg_catalog.pg_attribute
      WHERE attrelid = pg_catalog.to_regclass('public.' || wanted.name) AND attname = wanted.mark AND NOT attisdropped
    ) THEN
      settled := pg_catalog.to_regclass('public.' || wanted.name);
    END IF;
    IF settled IS NULL THEN
      EXECUTE pg_catalog.format(
        'CREATE TABLE %I.%I (%s)',
        CASE WHEN pg_catalog.to_regclass('public.' || wanted.name) IS NULL THEN 'public' ELSE 'cofre' END,
        wanted.name, wanted.body);
      settled := cofre.platform_table(wanted.name);
    END IF;
    EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW cofre.v_%s %s AS SELECT * FROM %s', wanted.name, view_options, settled);
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', settled);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s, cofre.v_%s FROM PUBLIC, anon, authenticated, service_role', settled, wanted.name);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS service ON %s', settled);
    EXECUTE pg_catalog.format('CREATE POLICY service ON %s TO service_role USING (true) WITH CHECK (true)', settled);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators_read ON %s', settled);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators_read ON %s FOR SELECT TO authenticated USING ((SELECT cofre.is_admin()))', settled);
    IF wanted.name = 'audit_logs' THEN
      -- Nobody changes or deletes what was logged, the service neither. People log under their own name only.
      EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON TABLE %s, cofre.v_audit_logs TO service_role', settled);
      EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON TABLE %s TO authenticated', settled);
      EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators_insert ON %s', settled);
      EXECUTE pg_catalog.format(
        'CREATE POLICY administrators_insert ON %s FOR INSERT TO authenticated WITH CHECK ('
        '(SELECT cofre.is_admin()) AND actor_kind = ''person'' AND user_id::text = (SELECT auth.uid())::text)', settled);
      EXECUTE pg_catalog.format('CREATE INDEX IF NOT EXISTS audit_logs_newest_idx ON %s (created_at DESC, id DESC)', settled);
      EXECUTE pg_catalog.format('CREATE INDEX IF NOT EXISTS audit_logs_action_idx ON %s (action, created_at DESC, id DESC)', settled);
      EXECUTE pg_catalog.format('CREATE INDEX IF NOT EXISTS audit_logs_user_idx ON %s (user_id, created_at DESC, id DESC)', settled);
      EXECUTE pg_catalog.format(
        'CREATE INDEX IF NOT EXISTS audit_logs_implementation_idx ON %s (implementation_id, created_at DESC, id DESC)', settled);
      EXECUTE pg_catalog.format('CREATE INDEX IF NOT EXISTS audit_logs_backup_idx ON %s (backup_id) WHERE backup_id IS NOT NULL', settled);
      IF view_options <> '' THEN
        GRANT SELECT, INSERT ON TABLE cofre.v_audit_logs TO authenticated;
      END IF;
    ELSE
      EXECUTE pg_catalog.format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s, cofre.v_admin_notifications TO service_role', settled);
      EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON TABLE %s TO authenticated', settled);
      EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators_insert ON %s', settled);
      EXECUTE pg_catalog.format(
        'CREATE POLICY administrators_insert ON %s FOR INSERT TO authenticated WITH CHECK ((SELECT cofre.is_admin()))', settled);
      EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators_update ON %s', settled);
      EXECUTE pg_catalog.format(
        'CREATE POLICY administrators_update ON %s FOR UPDATE TO authenticated '
        'USING ((SELECT cofre.is_admin())) WITH CHECK ((SELECT cofre.is_admin()))', settled);
      EXECUTE pg_catalog.format(
        'CREATE UNIQUE INDEX IF NOT EXISTS admin_notifications_unread_key ON %s (dedupe_key) WHERE read_at IS NULL', settled);
      EXECUTE pg_catalog.format(
        'CREATE INDEX IF NOT EXISTS admin_notifications_newest_idx ON %s (created_at DESC, id DESC)', settled);
      EXECUTE pg_catalog.format(
        'CREATE INDEX IF NOT EXISTS admin_notifications_unread_idx ON %s (created_at DESC, id DESC) WHERE read_at IS NULL', settled);
      IF view_options <> '' THEN
        GRANT SELECT, INSERT, UPDATE ON TABLE cofre.v_admin_notifications TO authenticated;
      END IF;
    END IF;
  END LOOP;
END
$do$;

-- Grants and row-level security ------------------------------------------------------------------------------------

DO $do$
DECLARE
  kept text;
  platform regclass;
BEGIN
  FOREACH kept IN ARRAY ARRAY[
    'admin_users', 'backup_settings', 'plans', 'jobs', 'job_progress', 'workers'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cofre.%I ENABLE ROW LEVEL SECURITY', kept);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE cofre.%I FROM PUBLIC, anon, authenticated', kept);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.%I TO service_role', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS service ON cofre.%I', kept);
    EXECUTE pg_catalog.format('CREATE POLICY service ON cofre.%I TO service_role USING (true) WITH CHECK (true)', kept);
  END LOOP;

  -- What administrators keep.
  FOREACH kept IN ARRAY ARRAY[
    'admin_users', 'backup_settings', 'module_definitions', 'implementation_settings', 'jobs'
  ] LOOP
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.%I TO authenticated', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON cofre.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators ON cofre.%I TO authenticated '
      'USING ((SELECT cofre.is_admin())) WITH CHECK ((SELECT cofre.is_admin()))', kept);
  END LOOP;

  -- What they only see.
  FOREACH kept IN ARRAY ARRAY['plans', 'job_progress', 'workers', 'restores'] LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE cofre.%I TO authenticated', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON cofre.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators ON cofre.%I FOR SELECT TO authenticated USING ((SELECT cofre.is_admin()))', kept);
  END LOOP;

  -- The platform's tables that are ours: an earlier version's policies named another function.
  FOREACH kept IN ARRAY ARRAY['base_modules', 'module_implementations', 'tenants', 'tenant_module_assignments'] LOOP
    platform := cofre.platform_table(kept);
    IF EXISTS (
      SELECT FROM pg_catalog.pg_policy p
      WHERE p.polrelid = platform AND p.polname = 'service'
    ) THEN
      EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON %s', platform);
      EXECUTE pg_catalog.format(
        'CREATE POLICY administrators ON %s TO authenticated '
        'USING ((SELECT cofre.is_admin())) WITH CHECK ((SELECT cofre.is_admin()))', platform);
    ELSE
      -- The application's own: nothing is granted by itself on a new project.
      BEGIN
        EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO service_role', platform);
      EXCEPTION WHEN insufficient_privilege THEN
        NULL;
      END;
    END IF;
  END LOOP;
END
$do$;

DROP POLICY IF EXISTS administrators_insert ON public.module_backups;
CREATE POLICY administrators_insert ON public.module_backups FOR INSERT TO authenticated
  WITH CHECK ((SELECT cofre.is_admin()));
DROP POLICY IF EXISTS administrators_update ON public.module_backups;
CREATE POLICY administrators_update ON public.module_backups FOR UPDATE TO authenticated
  USING ((SELECT cofre.is_admin())) WITH CHECK ((SELECT cofre.is_admin()));
DROP POLICY IF EXISTS administrators_delete ON public.module_backups;
CREATE POLICY administrators_delete ON public.module_backups FOR DELETE TO authenticated
  USING ((SELECT cofre.is_admin()));

DROP FUNCTION IF EXISTS cofre.is_administrator();
DROP TABLE IF EXISTS cofre.administrators;

-- Lists and counts for viewers: a view of its own for each, because columns are granted to a role and not to a part. ---

CREATE OR REPLACE VIEW cofre.v_restore_list WITH (security_barrier = true) AS
  SELECT id, purpose, plan_id, backup_id, implementation_id, module_slug, implementation_key, safety_backup_id, mode,
         status, tables, verified, duration_ms, created_at, created_by, created_by_name, undo_of, undone_by, job_id,
         CASE WHEN (SELECT cofre.is_service()) OR (SELECT cofre.is_admin())
           THEN error END AS error
  FROM cofre.restores
  WHERE (SELECT cofre.is_service()) OR (SELECT cofre.may_view());

CREATE OR REPLACE VIEW cofre.v_job_list WITH (security_barrier = true) AS
  SELECT j.id, j.kind, j.state, j.implementation_id, j.module_slug, j.implementation_key, j.backup_id, j.attempts,
         j.needs_worker, j.created_at, j.created_by, j.created_by_name, j.started_at, j.ended_at, j.cancel_requested_at,
         p.phase, p.table_name, p.rows, p.rows_total, p.bytes, p.elapsed_ms, p.updated_at AS progress_at,
         CASE WHEN (SELECT cofre.is_service()) OR (SELECT cofre.is_admin())
           THEN j.error END AS error
  FROM cofre.jobs j
  LEFT JOIN cofre.job_progress p ON p.job_id = j.id
  WHERE (SELECT cofre.is_service()) OR (SELECT cofre.may_view());

REVOKE ALL ON TABLE cofre.v_restore_list, cofre.v_job_list FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON TABLE cofre.v_restore_list, cofre.v_job_list TO authenticated, service_role;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250201_cofre_platform') ON CONFLICT DO NOTHING;
