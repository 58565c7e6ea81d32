import pg from 'pg';
import { createTestDatabase, type TestDatabase, type TestServer } from './database.ts';

/** What projects made until 2025 grant by themselves on everything new in public; those made since grant nothing. */
export type DefaultPrivileges = 'granted' | 'revoked';

/**
 * A hosted project as it is before Cofre comes, as far as that matters to migrations: schema `auth` with its own objects,
 * owned by another role and guarded against change; extensions in their own schema; the API's roles; and its `postgres`,
 * which owns the database and is no superuser. All queries are that role's.
 */
export interface SupabaseProject extends TestDatabase {
  /** As the superuser, who has no part in migrations. */
  readonly asSuperuser: TestDatabase['query'];
}

export async function createSupabaseProject(
  server: TestServer,
  privileges: DefaultPrivileges,
): Promise<SupabaseProject> {
  const db = await createTestDatabase(server);
  const name = new URL(db.url).pathname.slice(1);
  // Roles belong to the whole server, where other tests run: these are this project's own.
  const roles = { owner: `owner_${name}`, authAdmin: `auth_${name}`, authenticator: `authenticator_${name}` };
  await db.query(rolesSql(roles, name));
  await db.query(layoutSql(roles));
  await db.query(defaultPrivilegesSql(roles, privileges));
  const url = new URL(db.url);
  url.username = roles.owner;
  url.password = '';
  const connect = async () => {
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  let client: Promise<pg.Client> | undefined;
  return {
    url: url.href,
    database: { label: `project ${name}`, connect },
    asSuperuser: (sql, params) => db.query(sql, params),
    async query(sql, params) {
      client ??= connect();
      return (await client).query(sql, params);
    },
    async close() {
      const open = client;
      client = undefined;
      if (open !== undefined) await (await open).end();
      await db.close();
    },
    async drop() {
      if (client !== undefined) await (await client).end();
      await db.query(`DROP OWNED BY ${Object.values(roles).join(', ')} CASCADE`);
      await db.query(`ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
      await db.query(`DROP ROLE ${Object.values(roles).join(', ')}`);
      await db.drop();
    },
  };
}

interface ProjectRoles {
  readonly owner: string;
  readonly authAdmin: string;
  readonly authenticator: string;
}

const API_ROLES = ['anon', 'authenticated', 'service_role'];

function rolesSql({ owner, authAdmin, authenticator }: ProjectRoles, database: string): string {
  // Several tests may make them at once.
  const shared = API_ROLES.map(
    (role) => `DO $$ BEGIN CREATE ROLE ${role} NOLOGIN NOINHERIT ${role === 'service_role' ? 'BYPASSRLS' : ''};
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;`,
  );
  return `${shared.join('\n')}
    CREATE ROLE ${owner} LOGIN NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS;
    CREATE ROLE ${authAdmin} NOINHERIT CREATEROLE;
    CREATE ROLE ${authenticator} LOGIN NOINHERIT;
    GRANT ${API_ROLES.join(', ')} TO ${authenticator};
    GRANT ${API_ROLES.join(', ')} TO ${owner} WITH ADMIN OPTION;
    ALTER ROLE ${owner} SET search_path = "$user", public, extensions;
    ALTER DATABASE ${database} OWNER TO ${owner};`;
}

function layoutSql({ owner, authAdmin }: ProjectRoles): string {
  return `
    CREATE SCHEMA extensions;
    GRANT USAGE, CREATE ON SCHEMA extensions TO ${owner};
    GRANT USAGE ON SCHEMA extensions, public TO ${API_ROLES.join(', ')};
    CREATE SCHEMA auth AUTHORIZATION ${authAdmin};
    CREATE TABLE auth.users (
      instance_id uuid, id uuid NOT NULL UNIQUE, email varchar(255) UNIQUE, raw_app_meta_data jsonb,
      raw_user_meta_data jsonb, created_at timestamptz, CONSTRAINT users_pkey PRIMARY KEY (id));
    ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
    CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
      SELECT COALESCE(NULLIF(current_setting('request.jwt.claim.sub', true), ''),
        (NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
    CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
      SELECT COALESCE(NULLIF(current_setting('request.jwt.claim.role', true), ''),
        (NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'))::text $$;
    CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
      SELECT COALESCE(NULLIF(current_setting('request.jwt.claim', true), ''),
        NULLIF(current_setting('request.jwt.claims', true), ''))::jsonb $$;
    ALTER TABLE auth.users OWNER TO ${authAdmin};
    ALTER TABLE auth.schema_migrations OWNER TO ${authAdmin};
    ALTER FUNCTION auth.uid() OWNER TO ${authAdmin};
    ALTER FUNCTION auth.role() OWNER TO ${authAdmin};
    ALTER FUNCTION auth.jwt() OWNER TO ${authAdmin};
    GRANT USAGE ON SCHEMA auth TO ${owner}, ${API_ROLES.join(', ')};
    GRANT ALL ON auth.users TO ${owner};
    INSERT INTO auth.users (id, email) VALUES ('11111111-1111-4111-8111-111111111111', 'ana@example.org');
    CREATE FUNCTION auth.refuse_change() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'auth') THEN
          RAISE EXCEPTION 'auth schema is protected from unintended changes';
        END IF;
      END $$;
    CREATE EVENT TRIGGER protect_auth ON ddl_command_end EXECUTE FUNCTION auth.refuse_change();`;
}

function defaultPrivilegesSql({ owner }: ProjectRoles, privileges: DefaultPrivileges): string {
  if (privileges === 'revoked') {
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
      REVOKE CREATE, USAGE ON SCHEMA public FROM PUBLIC`;
  }
  return ['TABLES', 'FUNCTIONS', 'SEQUENCES']
    .map(
      (kind) =>
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public GRANT ALL ON ${kind} TO ${API_ROLES.join(', ')};`,
    )
    .join('\n');
}
