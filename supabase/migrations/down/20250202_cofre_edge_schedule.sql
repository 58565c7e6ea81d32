-- The way back from 20250202_cofre_edge_schedule: nothing calls the edge functions any more.
DO $$
DECLARE
  job text;
BEGIN
  IF pg_catalog.to_regprocedure('cron.unschedule(text)') IS NOT NULL AND pg_catalog.to_regclass('cron.job') IS NOT NULL THEN
    FOR job IN EXECUTE
      'SELECT jobname FROM cron.job WHERE jobname IN (''cofre-execute-scheduled-backups'', ''cofre-cleanup-expired-backups'')'
    LOOP
      EXECUTE 'SELECT cron.unschedule($1)' USING job;
    END LOOP;
  END IF;
END
$$;
DROP FUNCTION IF EXISTS cofre.schedule_edge_functions();
DROP FUNCTION IF EXISTS cofre.call_edge_function(text);
DELETE FROM cofre.schema_migrations WHERE name = '20250202_cofre_edge_schedule';
