-- The way back from 20250205_cofre_jobs: the indexes and grants are as they were; no row is lost.
DROP FUNCTION IF EXISTS cofre.worker_seen_at();
DROP INDEX IF EXISTS cofre.restores_job_key, cofre.jobs_key_idx, cofre.jobs_running_key;
GRANT INSERT, UPDATE, DELETE ON TABLE cofre.jobs TO authenticated;
DROP INDEX IF EXISTS cofre.jobs_open_idx;
CREATE INDEX jobs_open_idx ON cofre.jobs (run_after, created_at, id) WHERE state IN ('waiting', 'running');
DROP INDEX IF EXISTS cofre.jobs_singleton_key;
CREATE UNIQUE INDEX jobs_singleton_key ON cofre.jobs (singleton_key)
  WHERE singleton_key IS NOT NULL AND state IN ('waiting', 'running');
DELETE FROM cofre.schema_migrations WHERE name = '20250205_cofre_jobs';
