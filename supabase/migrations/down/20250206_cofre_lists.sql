-- The way back from 20250206_cofre_lists: the lists of restores and jobs are read through barriers again. Nothing is lost.
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

DROP VIEW IF EXISTS cofre.v_restore_private, cofre.v_job_private;

DROP POLICY IF EXISTS viewers ON cofre.restores;
CREATE POLICY administrators ON cofre.restores FOR SELECT TO authenticated USING ((SELECT cofre.is_admin()));
DROP POLICY IF EXISTS viewers ON cofre.job_progress;
CREATE POLICY administrators ON cofre.job_progress FOR SELECT TO authenticated USING ((SELECT cofre.is_admin()));
DROP POLICY IF EXISTS viewers ON cofre.jobs;
CREATE POLICY administrators ON cofre.jobs TO authenticated
  USING ((SELECT cofre.is_admin())) WITH CHECK ((SELECT cofre.is_admin()));
-- Taking back a right on the table takes back those on its columns.
REVOKE SELECT ON TABLE cofre.restores, cofre.jobs FROM authenticated;
GRANT SELECT ON TABLE cofre.restores, cofre.jobs TO authenticated;

DROP INDEX IF EXISTS public.module_backups_deleting_idx, public.audit_logs_outcome_idx, cofre.audit_logs_outcome_idx;

DELETE FROM cofre.schema_migrations WHERE name = '20250206_cofre_lists';
