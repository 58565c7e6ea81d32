-- The way back from 20250201_cofre_platform. Lost with it: settings, jobs, plans, the audit log and notifications where
-- they are ours, holds on implementations. Backups, their holds and the administrators stay.

CREATE TABLE IF NOT EXISTS cofre.administrators (
  user_id uuid PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
INSERT INTO cofre.administrators (user_id, created_at)
  SELECT user_id, created_at FROM cofre.admin_users ON CONFLICT DO NOTHING;
ALTER TABLE cofre.administrators ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE cofre.administrators FROM PUBLIC, anon, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.administrators TO service_role;
DROP POLICY IF EXISTS service ON cofre.administrators;
CREATE POLICY service ON cofre.administrators TO service_role USING (true) WITH CHECK (true);

CREATE OR REPLACE FUNCTION cofre.is_administrator() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM cofre.administrators WHERE user_id::text = (SELECT auth.uid())::text)
$$;
REVOKE ALL ON FUNCTION cofre.is_administrator() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cofre.is_administrator() TO authenticated, service_role;

DROP VIEW IF EXISTS cofre.v_restore_list, cofre.v_job_list, cofre.v_backup_private, cofre.v_audit_logs,
  cofre.v_admin_notifications;

-- Those in public only where they are ours; an application's own never were touched.
DO $do$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES ('audit_logs', 'actor_kind'), ('admin_notifications', 'dedupe_key')) AS t (name, mark)
  LOOP
    EXECUTE pg_catalog.format('DROP TABLE IF EXISTS cofre.%I', wanted.name);
    IF EXISTS (
      SELECT FROM pg_catalog.pg_attribute
      WHERE attrelid = pg_catalog.to_regclass('public.' || wanted.name) AND attname = wanted.mark AND NOT attisdropped
    ) THEN
      EXECUTE pg_catalog.format('DROP TABLE public.%I', wanted.name);
    END IF;
  END LOOP;
END
$do$;

DROP TABLE IF EXISTS cofre.job_progress, cofre.jobs, cofre.workers, cofre.plans, cofre.backup_settings;
DROP FUNCTION IF EXISTS cofre.tell_of_job();

DO $do$
DECLARE
  kept text;
  platform regclass;
BEGIN
  FOREACH kept IN ARRAY ARRAY['module_definitions', 'implementation_settings', 'restores'] LOOP
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON cofre.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators ON cofre.%I TO authenticated '
      'USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()))', kept);
  END LOOP;
  FOREACH kept IN ARRAY ARRAY['base_modules', 'module_implementations', 'tenants', 'tenant_module_assignments'] LOOP
    platform := cofre.platform_table(kept);
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM pg_catalog.pg_policy WHERE polrelid = platform AND polname = 'administrators'
    );
    EXECUTE pg_catalog.format('DROP POLICY administrators ON %s', platform);
    EXECUTE pg_catalog.format(
      'CREATE POLICY administrators ON %s TO authenticated '
      'USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()))', platform);
  END LOOP;
END
$do$;

DROP POLICY IF EXISTS administrators_insert ON public.module_backups;
CREATE POLICY administrators_insert ON public.module_backups FOR INSERT TO authenticated
  WITH CHECK ((SELECT cofre.is_administrator()));
DROP POLICY IF EXISTS administrators_update ON public.module_backups;
CREATE POLICY administrators_update ON public.module_backups FOR UPDATE TO authenticated
  USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()));
DROP POLICY IF EXISTS administrators_delete ON public.module_backups;
CREATE POLICY administrators_delete ON public.module_backups FOR DELETE TO authenticated
  USING ((SELECT cofre.is_administrator()));

DROP TABLE IF EXISTS cofre.admin_users;
DROP FUNCTION IF EXISTS cofre.may_view(), cofre.is_admin(), cofre.access_role(), cofre.is_service();

DROP INDEX IF EXISTS
  public.module_backups_module_idx, public.module_backups_key_idx, public.module_backups_type_idx,
  public.module_backups_status_idx, public.module_backups_held_idx, public.module_backups_size_idx,
  public.module_backups_expiring_idx, public.module_backups_completed_idx, public.module_backups_orphans_idx,
  public.module_backups_description_idx, public.module_backups_job_idx,
  cofre.implementation_settings_due_idx, cofre.restores_backup_idx, cofre.restores_key_idx;

ALTER TABLE public.module_backups
  DROP COLUMN IF EXISTS expiry_source, DROP COLUMN IF EXISTS origin, DROP COLUMN IF EXISTS job_id,
  DROP COLUMN IF EXISTS held_at, DROP COLUMN IF EXISTS held_by, DROP COLUMN IF EXISTS held_by_name,
  DROP COLUMN IF EXISTS held_reason, DROP COLUMN IF EXISTS proven_at, DROP COLUMN IF EXISTS proof,
  DROP COLUMN IF EXISTS kept_because, DROP COLUMN IF EXISTS missing_at;
ALTER TABLE cofre.restores DROP COLUMN IF EXISTS job_id;
ALTER TABLE cofre.implementation_settings
  DROP COLUMN IF EXISTS failures, DROP COLUMN IF EXISTS retry_at, DROP COLUMN IF EXISTS last_scheduled_at,
  DROP COLUMN IF EXISTS last_error, DROP COLUMN IF EXISTS claimed_by, DROP COLUMN IF EXISTS claimed_until,
  DROP COLUMN IF EXISTS needs_worker, DROP COLUMN IF EXISTS held, DROP COLUMN IF EXISTS held_at,
  DROP COLUMN IF EXISTS held_by, DROP COLUMN IF EXISTS held_by_name, DROP COLUMN IF EXISTS deleted_at;

DELETE FROM cofre.schema_migrations WHERE name = '20250201_cofre_platform';
