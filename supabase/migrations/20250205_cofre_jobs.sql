-- Cofre, jobs: what the database itself holds against two workers that do one thing twice.
--
-- Applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18; may run again at any time.
-- The way back is down/20250205_cofre_jobs.sql.

-- One job of an implementation at a time, whoever runs it.
CREATE UNIQUE INDEX IF NOT EXISTS jobs_running_key ON cofre.jobs (implementation_id) WHERE state = 'running';

-- What was too large for an edge function waits, too: the same key is one job, and a worker looks for it.
DROP INDEX IF EXISTS cofre.jobs_singleton_key;
CREATE UNIQUE INDEX jobs_singleton_key ON cofre.jobs (singleton_key)
  WHERE singleton_key IS NOT NULL AND state IN ('waiting', 'running', 'deferred');
DROP INDEX IF EXISTS cofre.jobs_open_idx;
CREATE INDEX jobs_open_idx ON cofre.jobs (run_after, created_at, id) WHERE state IN ('waiting', 'running', 'deferred');
CREATE INDEX IF NOT EXISTS jobs_key_idx ON cofre.jobs (module_slug, implementation_key, created_at DESC, id DESC);

-- A job is carried out with the rights of who asked, as its row says: only the service writes rows.
REVOKE INSERT, UPDATE, DELETE ON TABLE cofre.jobs FROM authenticated;

-- A restore that a job asked for is made once: the second one's transaction is rolled back by this.
CREATE UNIQUE INDEX IF NOT EXISTS restores_job_key ON cofre.restores (job_id)
  WHERE job_id IS NOT NULL AND status = 'completed';

-- When a worker was last seen, for who may see jobs and not workers. NULL: there is none.
CREATE OR REPLACE FUNCTION cofre.worker_seen_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT pg_catalog.max(seen_at) FROM cofre.workers
$$;
REVOKE ALL ON FUNCTION cofre.worker_seen_at() FROM PUBLIC, anon;
GRANT EXECUTE ON FUNCTION cofre.worker_seen_at() TO authenticated, service_role;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250205_cofre_jobs') ON CONFLICT DO NOTHING;
