-- Cofre, what the service may do with its tables in public: read and write rows, no more. Supabase projects made until 2025
-- grant `service_role` everything on whatever is new there, so that it could also empty a table past the audit log.
--
-- Applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18; may run again at any time.

DO $do$
DECLARE
  kept text;
  ours regclass;
BEGIN
  FOREACH kept IN ARRAY ARRAY[
    'module_backups', 'base_modules', 'module_implementations', 'tenants', 'tenant_module_assignments'
  ] LOOP
    ours := cofre.platform_table(kept);
    -- The policy tells the tables that are ours; an application's own keep what they were given.
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = ours AND polname = 'service');
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM service_role', ours);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO service_role', ours);
  END LOOP;
END
$do$;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250203_cofre_service_grants') ON CONFLICT DO NOTHING;
