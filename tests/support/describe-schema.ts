import type { TestDatabase } from './database.ts';

/**
 * The catalogue's schema as text, the same for the same schema: tables with columns, constraints, indexes, triggers,
 * policies and grants, views, functions. `supabase/schema.txt` is this of the migrated embedded server.
 */
export async function describeSchema(db: Pick<TestDatabase, 'query'>): Promise<string> {
  const lines: string[] = [];
  const relations = await db.query(RELATIONS_SQL);
  for (const { oid, name, kind, options, secured } of relations.rows) {
    lines.push(
      '',
      `${kind} ${name}${options === null ? '' : ` WITH (${options})`}${secured ? ' ROW LEVEL SECURITY' : ''}`,
    );
    for (const sql of PARTS_SQL) {
      const parts = await db.query(sql, [oid]);
      for (const { line } of parts.rows) lines.push(`  ${line}`);
    }
  }
  lines.push('');
  for (const { line } of (await db.query(FUNCTIONS_SQL)).rows) lines.push(line);
  return `${lines.join('\n').trim()}\n`;
}

/** Everything of ours, and of `auth` what the foundations make. */
const OURS = `(n.nspname IN ('cofre', 'cofre_auth') OR n.nspname = 'public' AND c.relname IN ('base_modules', 'module_implementations',
  'tenants', 'tenant_module_assignments', 'module_backups', 'audit_logs', 'admin_notifications'))`;

const RELATIONS_SQL = `
  SELECT c.oid, n.nspname || '.' || c.relname AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind,
         array_to_string(c.reloptions, ', ') AS options, c.relrowsecurity AS secured
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v') AND ${OURS} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const COLUMNS_SQL = `
  SELECT concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS line
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** PostgreSQL 18 lists NOT NULL among the constraints, too. */
const CONSTRAINTS_SQL = `
  SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) AS line
  FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND contype <> 'n' ORDER BY conname COLLATE "C"`;

const INDEXES_SQL = `
  SELECT pg_get_indexdef(indexrelid) AS line FROM pg_catalog.pg_index
  WHERE indrelid = $1 ORDER BY pg_get_indexdef(indexrelid) COLLATE "C"`;

const TRIGGERS_SQL = `
  SELECT pg_get_triggerdef(oid) AS line FROM pg_catalog.pg_trigger
  WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname COLLATE "C"`;

const POLICIES_SQL = `
  SELECT concat_ws(' ', 'POLICY', polname,
           'FOR ' || CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'TO ' || (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(polroles) AS r),
           'USING (' || pg_get_expr(polqual, polrelid) || ')', 'WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')') AS line
  FROM pg_catalog.pg_policy WHERE polrelid = $1 ORDER BY polname COLLATE "C"`;

/** Only what people and services hold: what the owner holds depends on who migrated and on the server's version. */
const GRANTS_SQL = `
  SELECT line FROM (WITH grants AS (
    SELECT x.grantee, x.privilege_type, NULL AS col FROM pg_catalog.pg_class c, aclexplode(c.relacl) x WHERE c.oid = $1
    UNION ALL
    SELECT x.grantee, x.privilege_type, a.attname FROM pg_catalog.pg_attribute a, aclexplode(a.attacl) x
    WHERE a.attrelid = $1 AND NOT a.attisdropped
  )
  SELECT 'GRANT ' || privilege_type || COALESCE(' (' || string_agg(quote_ident(col), ', ' ORDER BY col COLLATE "C") || ')', '')
    || ' TO ' || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS line
  FROM grants
  WHERE grantee = 0 OR grantee::regrole::text IN ('anon', 'authenticated', 'service_role')
  GROUP BY grantee, privilege_type, col IS NULL) AS g ORDER BY line COLLATE "C"`;

const VIEW_SQL = `
  SELECT 'AS ' || regexp_replace(pg_get_viewdef(c.oid), '\\s+', ' ', 'g') AS line
  FROM pg_catalog.pg_class c WHERE c.oid = $1 AND c.relkind = 'v'`;

const PARTS_SQL = [COLUMNS_SQL, CONSTRAINTS_SQL, INDEXES_SQL, TRIGGERS_SQL, POLICIES_SQL, GRANTS_SQL, VIEW_SQL];

const FUNCTIONS_SQL = `
  SELECT line FROM (SELECT concat_ws(' ', 'FUNCTION', p.oid::regprocedure::text, 'RETURNS', format_type(p.prorettype, NULL),
           CASE p.provolatile WHEN 's' THEN 'STABLE' WHEN 'i' THEN 'IMMUTABLE' ELSE 'VOLATILE' END,
           CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END, 'SET ' || array_to_string(p.proconfig, ', '),
           'EXECUTE: ' || (SELECT string_agg(CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, ', '
                             ORDER BY x.grantee::regrole::text COLLATE "C")
                           FROM aclexplode(p.proacl) x
                           WHERE x.grantee = 0 OR x.grantee::regrole::text IN ('anon', 'authenticated', 'service_role')),
           'AS', regexp_replace(p.prosrc, '\\s+', ' ', 'g')) AS line
  FROM pg_catalog.pg_proc p WHERE p.pronamespace = to_regnamespace('cofre')) AS f ORDER BY line COLLATE "C"`;
