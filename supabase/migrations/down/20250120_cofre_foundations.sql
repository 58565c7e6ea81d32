-- The way back from 20250120_cofre_foundations. The platform's tables hold modules and tenants, `auth` holds people, and
-- roles belong to the whole server: all these stay; of the platform's tables only those that are ours and empty go.
DO $do$
DECLARE
  wanted text;
  platform regclass;
  is_empty boolean;
BEGIN
  DROP VIEW IF EXISTS cofre.v_base_modules, cofre.v_tenants, cofre.v_module_implementations,
    cofre.v_tenant_module_assignments;
  FOREACH wanted IN ARRAY ARRAY['tenant_module_assignments', 'module_implementations', 'tenants', 'base_modules'] LOOP
    platform := cofre.platform_table(wanted);
    -- The policy tells the tables that are ours.
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM pg_catalog.pg_policy WHERE polrelid = platform AND polname = 'administrators'
    );
    EXECUTE pg_catalog.format('DROP POLICY administrators ON %s', platform);
    EXECUTE pg_catalog.format('SELECT NOT EXISTS (SELECT FROM %s)', platform) INTO is_empty;
    IF is_empty AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE confrelid = platform AND conrelid <> platform) THEN
      EXECUTE pg_catalog.format('DROP TABLE %s', platform);
    ELSIF platform::text LIKE 'cofre.%' THEN
      RAISE EXCEPTION 'the table % holds rows and would be lost with schema cofre', platform
        USING HINT = 'Move them first. Nothing was changed.';
    END IF;
  END LOOP;
END
$do$;

DROP FUNCTION IF EXISTS cofre.platform_table(text), cofre.is_administrator();
DROP TABLE IF EXISTS cofre.administrators, cofre.schema_migrations;
-- Without CASCADE: whatever else somebody put there keeps it from going.
DROP SCHEMA cofre;
