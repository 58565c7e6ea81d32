-- Cofre, foundations: what Supabase has, where it is missing; the platform's tables, where the application has none.
--
-- This file is applied unchanged by Supabase or by `cofre db migrate`, on PostgreSQL 14 to 18. It may run again at any
-- time: whatever exists is left as it is. It holds no BEGIN or COMMIT; whoever applies it opens the transaction.

-- Schemas ----------------------------------------------------------------------------------------------------------

-- `CREATE SCHEMA IF NOT EXISTS` asks for the privilege even where the schema exists, so look first.
DO $$
BEGIN
  IF pg_catalog.to_regnamespace('cofre') IS NULL THEN
    CREATE SCHEMA cofre;
  END IF;
  IF pg_catalog.to_regnamespace('auth') IS NULL THEN
    CREATE SCHEMA auth;
  END IF;
END
$$;

COMMENT ON SCHEMA cofre IS 'What Cofre runs on. Never part of a slice, so that no restore can rewind it.';

-- Roles ------------------------------------------------------------------------------------------------------------

-- Roles belong to the whole server: another database may be migrated at this very moment.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted);
    BEGIN
      IF wanted = 'service_role' THEN
        BEGIN
          EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT BYPASSRLS', wanted);
        EXCEPTION WHEN insufficient_privilege THEN
          -- Only a superuser may hand out BYPASSRLS; the policies below let the role see the catalogue without it.
          EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
        END;
      ELSE
        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA cofre TO authenticated, service_role;

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    IF NOT pg_catalog.has_schema_privilege(wanted, 'public', 'USAGE') THEN
      EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    END IF;
  END LOOP;
END
$$;

-- Which migrations this database has had ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS cofre.schema_migrations (
  name text PRIMARY KEY,
  -- 'sha256:<hex>' of the file; NULL where another tool applied it and `cofre db migrate` has not looked yet.
  checksum text,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

ALTER TABLE cofre.schema_migrations ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE cofre.schema_migrations FROM PUBLIC, anon, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.schema_migrations TO service_role;
DROP POLICY IF EXISTS service ON cofre.schema_migrations;
CREATE POLICY service ON cofre.schema_migrations TO service_role USING (true) WITH CHECK (true);

-- auth: Supabase's own objects, where they are missing -------------------------------------------------------------

DO $$
DECLARE
  -- Whoever did not make the schema may lack the right to look into its grants, and must not change them.
  ours boolean := EXISTS (
    SELECT FROM pg_catalog.pg_namespace
    WHERE nspname = 'auth' AND pg_catalog.pg_get_userbyid(nspowner) = CURRENT_USER
  );
BEGIN
  IF pg_catalog.to_regclass('auth.users') IS NULL THEN
    CREATE TABLE auth.users (
      instance_id uuid,
      id uuid PRIMARY KEY,
      aud varchar(255),
      role varchar(255),
      email varchar(255),
      encrypted_password varchar(255),
      email_confirmed_at timestamptz,
      invited_at timestamptz,
      confirmation_token varchar(255),
      confirmation_sent_at timestamptz,
      recovery_token varchar(255),
      recovery_sent_at timestamptz,
      email_change_token_new varchar(255),
      email_change varchar(255),
      email_change_sent_at timestamptz,
      last_sign_in_at timestamptz,
      raw_app_meta_data jsonb,
      raw_user_meta_data jsonb,
      is_super_admin boolean,
      created_at timestamptz,
      updated_at timestamptz,
      phone text UNIQUE DEFAULT NULL,
      phone_confirmed_at timestamptz,
      phone_change text DEFAULT '',
      phone_change_token varchar(255) DEFAULT '',
      phone_change_sent_at timestamptz,
      confirmed_at timestamptz GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
      email_change_token_current varchar(255) DEFAULT '',
      email_change_confirm_status smallint DEFAULT 0
        CONSTRAINT users_email_change_confirm_status_check CHECK (email_change_confirm_status BETWEEN 0 AND 2),
      banned_until timestamptz,
      reauthentication_token varchar(255) DEFAULT '',
      reauthentication_sent_at timestamptz,
      is_sso_user boolean NOT NULL DEFAULT false,
      deleted_at timestamptz,
      is_anonymous boolean NOT NULL DEFAULT false
    );
    CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE is_sso_user = false;
    CREATE INDEX users_instance_id_idx ON auth.users (instance_id);
    ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
    REVOKE ALL ON TABLE auth.users FROM PUBLIC, anon, authenticated;
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE auth.users TO service_role;
    CREATE POLICY service ON auth.users TO service_role USING (true) WITH CHECK (true);
  END IF;

  IF pg_catalog.to_regprocedure('auth.uid()') IS NULL THEN
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS $function$
      SELECT COALESCE(
        NULLIF(pg_catalog.current_setting('request.jwt.claim.sub', true), ''),
        NULLIF(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
      )::uuid
    $function$;
  END IF;

  IF pg_catalog.to_regprocedure('auth.jwt()') IS NULL THEN
    CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE SET search_path = '' AS $function$
      SELECT COALESCE(
        NULLIF(pg_catalog.current_setting('request.jwt.claim', true), ''),
        NULLIF(pg_catalog.current_setting('request.jwt.claims', true), '')
      )::jsonb
    $function$;
  END IF;

  IF ours THEN
    GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
  END IF;
END
$$;

-- Who may change things --------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS cofre.administrators (
  user_id uuid PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

ALTER TABLE cofre.administrators ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE cofre.administrators FROM PUBLIC, anon, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.administrators TO service_role;
DROP POLICY IF EXISTS service ON cofre.administrators;
CREATE POLICY service ON cofre.administrators TO service_role USING (true) WITH CHECK (true);

-- Compared as text: an application's own auth.uid() may give another type.
CREATE OR REPLACE FUNCTION cofre.is_administrator() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM cofre.administrators WHERE user_id::text = (SELECT auth.uid())::text)
$$;
REVOKE ALL ON FUNCTION cofre.is_administrator() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cofre.is_administrator() TO authenticated, service_role;

-- The platform's tables --------------------------------------------------------------------------------------------

-- True where the relation is a table with a key on `id` and the named columns, each of the named kind.
CREATE OR REPLACE FUNCTION cofre.table_fits(relation regclass, required jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT relation IS NOT NULL
    AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = relation AND relkind IN ('r', 'p'))
    AND EXISTS (
      SELECT FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indnkeyatts = 1 AND a.attname = 'id'
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.jsonb_each_text(required) AS r (name, kind)
      WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = r.name
          AND (t.typname = r.kind OR r.kind = 'text' AND t.typcategory = 'S')
      )
    )
$$;

-- The column where the table has it, else NULL of the type: applications may lack what we do not need.
CREATE OR REPLACE FUNCTION cofre.column_or_null(relation regclass, wanted text, type text) RETURNS text
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT CASE
    WHEN EXISTS (
      SELECT FROM pg_catalog.pg_attribute
      WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname = wanted
    ) THEN pg_catalog.quote_ident(wanted)
    ELSE 'NULL::' || type || ' AS ' || pg_catalog.quote_ident(wanted)
  END
$$;

-- An application's table is used where it fits, and so do those it points at (`usable`). Where it does not fit it stays
-- the application's, and ours is made in schema cofre. Everything reads and writes through the views below. `%1$s` and
-- `%2$s` in the body stand for the parents.
CREATE OR REPLACE FUNCTION cofre.settle_table(
  wanted text, required jsonb, usable boolean, body text, parents regclass[]
) RETURNS regclass LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
  ours regclass := pg_catalog.to_regclass('cofre.' || wanted);
  theirs regclass := pg_catalog.to_regclass('public.' || wanted);
  made text;
BEGIN
  IF ours IS NOT NULL THEN
    RETURN ours;
  END IF;
  IF theirs IS NOT NULL AND usable AND cofre.table_fits(theirs, required) THEN
    RETURN theirs;
  END IF;
  made := pg_catalog.format('%I.%I', CASE WHEN theirs IS NULL THEN 'public' ELSE 'cofre' END, wanted);
  EXECUTE pg_catalog.format('CREATE TABLE %s (%s)', made, pg_catalog.format(body, VARIADIC parents));
  EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', made);
  EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM PUBLIC, anon, authenticated', made);
  EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO authenticated, service_role', made);
  EXECUTE pg_catalog.format('CREATE POLICY service ON %s TO service_role USING (true) WITH CHECK (true)', made);
  EXECUTE pg_catalog.format(
    'CREATE POLICY administrators ON %s TO authenticated '
    'USING ((SELECT cofre.is_administrator())) WITH CHECK ((SELECT cofre.is_administrator()))', made);
  RETURN made::regclass;
END
$$;

DO $do$
DECLARE
  modules regclass;
  implementations regclass;
  tenants regclass;
  assignments regclass;
  view_options text := '';
  view_name text;
BEGIN
  modules := cofre.settle_table('base_modules', '{"id": "uuid", "slug": "text", "name": "text"}', true, $sql$
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    description text,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
  $sql$, ARRAY[]::regclass[]);

  tenants := cofre.settle_table('tenants', '{"id": "uuid", "slug": "text", "name": "text"}', true, $sql$
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
  $sql$, ARRAY[]::regclass[]);

  implementations := cofre.settle_table(
    'module_implementations',
    '{"id": "uuid", "module_id": "uuid", "key": "text", "name": "text"}',
    modules = pg_catalog.to_regclass('public.base_modules'),
    $sql$
      id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
      module_id uuid NOT NULL REFERENCES %1$s (id),
      key text NOT NULL,
      name text NOT NULL,
      version text,
      config jsonb NOT NULL DEFAULT '{}',
      is_active boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
      updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
      UNIQUE (module_id, key)
    $sql$, ARRAY[modules]);

  assignments := cofre.settle_table(
    'tenant_module_assignments',
    '{"id": "uuid", "tenant_id": "uuid", "implementation_id": "uuid", "custom_config": "jsonb"}',
    tenants = pg_catalog.to_regclass('public.tenants')
      AND implementations = pg_catalog.to_regclass('public.module_implementations'),
    $sql$
      id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
      tenant_id uuid NOT NULL REFERENCES %1$s (id) ON DELETE CASCADE,
      implementation_id uuid NOT NULL REFERENCES %2$s (id) ON DELETE CASCADE,
      custom_config jsonb NOT NULL DEFAULT '{}',
      is_active boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
      updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
      UNIQUE (tenant_id, implementation_id)
    $sql$, ARRAY[tenants, implementations]);

  -- Before 15 a view reads with its owner's rights, so people may not read through it there.
  IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN
    view_options := 'WITH (security_invoker = true)';
  END IF;
  EXECUTE pg_catalog.format(
    'CREATE OR REPLACE VIEW cofre.v_base_modules %s AS SELECT id, slug, name, %s FROM %s',
    view_options, cofre.column_or_null(modules, 'description', 'text'), modules);
  EXECUTE pg_catalog.format(
    'CREATE OR REPLACE VIEW cofre.v_tenants %s AS SELECT id, slug, name FROM %s', view_options, tenants);
  EXECUTE pg_catalog.format(
    'CREATE OR REPLACE VIEW cofre.v_module_implementations %s AS SELECT id, module_id, key, name, %s, %s, %s FROM %s',
    view_options,
    cofre.column_or_null(implementations, 'version', 'text'),
    cofre.column_or_null(implementations, 'config', 'jsonb'),
    cofre.column_or_null(implementations, 'is_active', 'boolean'),
    implementations);
  EXECUTE pg_catalog.format(
    'CREATE OR REPLACE VIEW cofre.v_tenant_module_assignments %s AS '
    'SELECT id, tenant_id, implementation_id, custom_config, %s FROM %s',
    view_options, cofre.column_or_null(assignments, 'is_active', 'boolean'), assignments);

  FOREACH view_name IN ARRAY ARRAY[
    'v_base_modules', 'v_tenants', 'v_module_implementations', 'v_tenant_module_assignments'
  ] LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE cofre.%I FROM PUBLIC, anon, authenticated', view_name);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre.%I TO service_role', view_name);
    IF view_options <> '' THEN
      EXECUTE pg_catalog.format('GRANT SELECT ON TABLE cofre.%I TO authenticated', view_name);
    END IF;
  END LOOP;
END
$do$;

-- Which table stands behind a name: `cofre.platform_table('module_implementations')`.
CREATE OR REPLACE FUNCTION cofre.platform_table(wanted text) RETURNS regclass
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT COALESCE(pg_catalog.to_regclass('cofre.' || wanted), pg_catalog.to_regclass('public.' || wanted))
$$;
REVOKE ALL ON FUNCTION cofre.platform_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cofre.platform_table(text) TO authenticated, service_role;

DROP FUNCTION cofre.settle_table(text, jsonb, boolean, text, regclass[]);
DROP FUNCTION cofre.column_or_null(regclass, text, text);
DROP FUNCTION cofre.table_fits(regclass, jsonb);

INSERT INTO cofre.schema_migrations (name) VALUES ('20250120_cofre_foundations') ON CONFLICT DO NOTHING;
