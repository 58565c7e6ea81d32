-- Cofre, lists that cost the same wherever a page lies. A view with a barrier is read whole before it is sorted, so that the
-- list of restores and that of jobs read their whole table for each page. Now the tables let viewers see the columns that
-- they may see, as the table of backups does, and the views are read with the rights of who asks; what is for
-- administrators alone stands in views of its own, which are looked into by id.
--
-- Applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18; may run again at any time.
-- The way back is down/20250206_cofre_lists.sql.

-- What only administrators may read: granted to nobody as columns ----------------------------------------------------

CREATE OR REPLACE VIEW cofre.v_restore_private WITH (security_barrier = true) AS
  SELECT id, error, evidence FROM cofre.restores
  WHERE (SELECT cofre.is_service()) OR (SELECT cofre.is_admin());

CREATE OR REPLACE VIEW cofre.v_job_private WITH (security_barrier = true) AS
  SELECT id, input, result, error, actor FROM cofre.jobs
  WHERE (SELECT cofre.is_service()) OR (SELECT cofre.is_admin());

REVOKE ALL ON TABLE cofre.v_restore_private, cofre.v_job_private FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON TABLE cofre.v_restore_private, cofre.v_job_private TO authenticated, service_role;

-- What viewers may read ----------------------------------------------------------------------------------------------

REVOKE SELECT ON TABLE cofre.restores, cofre.jobs FROM authenticated;
GRANT SELECT (
  id, purpose, plan_id, backup_id, implementation_id, module_slug, implementation_key, safety_backup_id, mode, status,
  tables, verified, duration_ms, created_at, created_by, created_by_name, undo_of, undone_by, job_id
) ON TABLE cofre.restores TO authenticated;
GRANT SELECT (
  id, kind, state, implementation_id, module_slug, implementation_key, backup_id, attempts, needs_worker, created_at,
  created_by, created_by_name, started_at, ended_at, cancel_requested_at
) ON TABLE cofre.jobs TO authenticated;

DO $do$
DECLARE
  kept text;
BEGIN
  FOREACH kept IN ARRAY ARRAY['restores', 'jobs', 'job_progress'] LOOP
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS administrators ON cofre.%I', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS viewers ON cofre.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY viewers ON cofre.%I FOR SELECT TO authenticated USING ((SELECT cofre.may_view()))', kept);
  END LOOP;

  -- Before 15 a view reads with its owner's rights: there the barrier stays.
  IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN
    EXECUTE $sql$
      CREATE OR REPLACE VIEW cofre.v_restore_list WITH (security_invoker = true) AS
        SELECT r.id, r.purpose, r.plan_id, r.backup_id, r.implementation_id, r.module_slug, r.implementation_key,
               r.safety_backup_id, r.mode, r.status, r.tables, r.verified, r.duration_ms, r.created_at, r.created_by,
               r.created_by_name, r.undo_of, r.undone_by, r.job_id,
               (SELECT p.error FROM cofre.v_restore_private p WHERE p.id = r.id) AS error
        FROM cofre.restores r
    $sql$;
    EXECUTE $sql$
      CREATE OR REPLACE VIEW cofre.v_job_list WITH (security_invoker = true) AS
        SELECT j.id, j.kind, j.state, j.implementation_id, j.module_slug, j.implementation_key, j.backup_id, j.attempts,
               j.needs_worker, j.created_at, j.created_by, j.created_by_name, j.started_at, j.ended_at,
               j.cancel_requested_at,
               p.phase, p.table_name, p.rows, p.rows_total, p.bytes, p.elapsed_ms, p.updated_at AS progress_at,
               (SELECT x.error FROM cofre.v_job_private x WHERE x.id = j.id) AS error
        FROM cofre.jobs j
        LEFT JOIN cofre.job_progress p ON p.job_id = j.id
    $sql$;
  END IF;

  -- What went wrong or was refused is looked for more often than it happens.
  EXECUTE pg_catalog.format(
    'CREATE INDEX IF NOT EXISTS audit_logs_outcome_idx ON %s (outcome, created_at DESC, id DESC) WHERE outcome <> ''done''',
    cofre.platform_table('audit_logs'));
END
$do$;

-- Every list first looks for deletions that were begun and not finished.
CREATE INDEX IF NOT EXISTS module_backups_deleting_idx
  ON public.module_backups (source_implementation_id) WHERE deleted_at IS NOT NULL;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250206_cofre_lists') ON CONFLICT DO NOTHING;
