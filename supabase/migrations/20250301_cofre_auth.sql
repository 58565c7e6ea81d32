-- Cofre, sign-in without Supabase: who has a password, and which sessions are open. On Supabase these tables stay empty.
--
-- The columns are those of better-auth's own models (users, sessions, accounts, verifications, rate limits), so that its
-- migrator is not needed and the web admin may run without the right to change tables. A person is in auth.users under the
-- same id; what they may do stands there (raw_app_meta_data), never here.
-- Applied unchanged by Supabase or by `cofre db migrate`; may run again. The way back is down/20250301_cofre_auth.sql.

DO $$
BEGIN
  IF pg_catalog.to_regnamespace('cofre_auth') IS NULL THEN
    CREATE SCHEMA cofre_auth;
  END IF;
END
$$;

COMMENT ON SCHEMA cofre_auth IS 'Passwords and sessions of the web admin, where Supabase does not keep them.';

CREATE TABLE IF NOT EXISTS cofre_auth.users (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  email_verified boolean NOT NULL DEFAULT false,
  image text,
  -- Signed in by a password that somebody else knows: nothing can be done before it is changed.
  must_change_password boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE IF NOT EXISTS cofre_auth.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES cofre_auth.users (id) ON DELETE CASCADE,
  token text NOT NULL UNIQUE,
  expires_at timestamptz NOT NULL,
  ip_address text,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX IF NOT EXISTS sessions_user_idx ON cofre_auth.sessions (user_id);

CREATE TABLE IF NOT EXISTS cofre_auth.accounts (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES cofre_auth.users (id) ON DELETE CASCADE,
  account_id text NOT NULL,
  -- 'credential': a password.
  provider_id text NOT NULL,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  -- scrypt, salted; see packages/services/src/people/passwords.ts.
  password text,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  UNIQUE (provider_id, account_id)
);
CREATE INDEX IF NOT EXISTS accounts_user_idx ON cofre_auth.accounts (user_id);

CREATE TABLE IF NOT EXISTS cofre_auth.verifications (
  id uuid PRIMARY KEY,
  identifier text NOT NULL,
  value text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX IF NOT EXISTS verifications_identifier_idx ON cofre_auth.verifications (identifier);

-- Attempts to sign in, counted for each address that asks and for each account that is asked for.
CREATE TABLE IF NOT EXISTS cofre_auth.rate_limits (
  id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  key text NOT NULL UNIQUE,
  count int NOT NULL,
  -- Milliseconds since 1970.
  last_request bigint NOT NULL
);

-- Nobody but the service: neither people nor PostgREST have anything to look for here.
DO $$
DECLARE
  kept text;
BEGIN
  REVOKE ALL ON SCHEMA cofre_auth FROM PUBLIC, anon, authenticated;
  GRANT USAGE ON SCHEMA cofre_auth TO service_role;
  FOREACH kept IN ARRAY ARRAY['users', 'sessions', 'accounts', 'verifications', 'rate_limits'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cofre_auth.%I ENABLE ROW LEVEL SECURITY', kept);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE cofre_auth.%I FROM PUBLIC, anon, authenticated', kept);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE cofre_auth.%I TO service_role', kept);
    EXECUTE pg_catalog.format('DROP POLICY IF EXISTS service ON cofre_auth.%I', kept);
    EXECUTE pg_catalog.format(
      'CREATE POLICY service ON cofre_auth.%I TO service_role USING (true) WITH CHECK (true)', kept);
  END LOOP;
END
$$;

INSERT INTO cofre.schema_migrations (name) VALUES ('20250301_cofre_auth') ON CONFLICT DO NOTHING;
