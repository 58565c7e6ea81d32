-- Cofre, the clock of the edge functions: every five minutes by pg_cron and pg_net, where a project has them. Does nothing
-- where it has not; then a worker, or any other cron, calls.
--
-- Two secrets in the Vault say where to and prove who calls:
--   SELECT vault.create_secret('https://<project>.supabase.co/functions/v1', 'cofre_functions_url');
--   SELECT vault.create_secret('<the value of COFRE_CRON_SECRET>', 'cofre_cron_secret');
-- Extensions that are enabled later: SELECT cofre.schedule_edge_functions();
--
-- Applied unchanged by Supabase or by `cofre db migrate`; may run again at any time.

-- The answer is not waited for; pg_net keeps it in net._http_response. NULL: the secrets are not there yet.
CREATE OR REPLACE FUNCTION cofre.call_edge_function(name text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  base_url text;
  secret text;
  request bigint;
BEGIN
  IF pg_catalog.to_regclass('vault.decrypted_secrets') IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE 'SELECT decrypted_secret FROM vault.decrypted_secrets WHERE name = ''cofre_functions_url''' INTO base_url;
  EXECUTE 'SELECT decrypted_secret FROM vault.decrypted_secrets WHERE name = ''cofre_cron_secret''' INTO secret;
  IF base_url IS NULL OR secret IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE 'SELECT net.http_post(url := $1, body := ''{}''::jsonb, headers := $2, timeout_milliseconds := 150000)'
    INTO request
    USING pg_catalog.rtrim(base_url, '/') || '/' || name,
      pg_catalog.jsonb_build_object('Content-Type', 'application/json', 'Authorization', 'Bearer ' || secret);
  RETURN request;
END
$$;
REVOKE ALL ON FUNCTION cofre.call_edge_function(text) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION cofre.call_edge_function(text) TO service_role;

-- True where the calls are scheduled now. A schedule of the same name is replaced.
CREATE OR REPLACE FUNCTION cofre.schedule_edge_functions() RETURNS boolean
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF pg_catalog.to_regprocedure('cron.schedule(text, text, text)') IS NULL
    OR NOT EXISTS (
      SELECT FROM pg_catalog.pg_proc p
      WHERE p.pronamespace = pg_catalog.to_regnamespace('net') AND p.proname = 'http_post'
    ) THEN
    RETURN false;
  END IF;
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING
    'cofre-execute-scheduled-backups', '*/5 * * * *', 'SELECT cofre.call_edge_function(''execute-scheduled-backups'')';
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING
    'cofre-cleanup-expired-backups', '*/5 * * * *', 'SELECT cofre.call_edge_function(''cleanup-expired-backups'')';
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION cofre.schedule_edge_functions() FROM PUBLIC, anon, authenticated;

DO $$
BEGIN
  PERFORM cofre.schedule_edge_functions();
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'cofre: this role may not use pg_cron, so nothing was scheduled';
END
$$;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250202_cofre_edge_schedule') ON CONFLICT DO NOTHING;
