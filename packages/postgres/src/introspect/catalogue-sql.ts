/**
 * What is asked of the system catalogues, for many tables at once ($1: their oids). No statement here waits for a lock
 * on a table: a lock queued behind DDL that itself queues behind our own reader would be a deadlock that PostgreSQL
 * cannot see. So no sizes from the file system, and no deparsing of expressions that name columns.
 */

export const FIND_TABLES_SQL = `
SELECT wanted.n::pg_catalog.int4 - 1 AS position, c.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS wanted(schema, name, n)
JOIN pg_catalog.pg_namespace s ON s.nspname = wanted.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = wanted.name
WHERE c.relkind NOT IN ('i', 'I', 't', 'c')`;

/** Also what belongs to each table: everything below it and above it in pg_inherits. */
export const RELATIONS_SQL = `
WITH RECURSIVE below(root, oid) AS (
  SELECT wanted, wanted FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted
  UNION
  SELECT below.root, i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid WHERE NOT i.inhdetachpending
), above(root, oid) AS (
  SELECT wanted, wanted FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted
  UNION
  SELECT above.root, i.inhparent FROM above JOIN pg_catalog.pg_inherits i ON i.inhrelid = above.oid WHERE NOT i.inhdetachpending
)
SELECT c.oid, s.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relispartition AS "isPartition",
       c.relpersistence = 't' AS temporary, c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "rowSecurityForced",
       ARRAY(SELECT above.oid FROM above WHERE above.root = c.oid AND above.oid <> c.oid ORDER BY 1) AS ancestors,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'oid', d.oid::pg_catalog.int8, 'schema', ds.nspname, 'name', d.relname, 'kind', d.relkind,
                 'rows', d.reltuples, 'pages', d.relpages + COALESCE(toast.relpages, 0)) ORDER BY ds.nspname, d.relname)
        FROM below
        JOIN pg_catalog.pg_class d ON d.oid = below.oid
        JOIN pg_catalog.pg_namespace ds ON ds.oid = d.relnamespace
        LEFT JOIN pg_catalog.pg_class toast ON toast.oid = d.reltoastrelid
        -- A temporary table that another session let inherit is nobody else's business.
        WHERE below.root = c.oid AND (d.oid = c.oid OR d.relpersistence <> 't')) AS family,
       pg_catalog.current_setting('block_size')::pg_catalog.int4 AS "pageBytes"
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[])`;

export const COLUMNS_SQL = `
WITH RECURSIVE base(oid, under, typmod) AS (
  SELECT DISTINCT a.atttypid, a.atttypid, -1 FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT base.oid, t.typbasetype, t.typtypmod FROM base JOIN pg_catalog.pg_type t ON t.oid = base.under WHERE t.typtype = 'd'
)
SELECT a.attrelid AS "tableOid", a.attnum, a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       a.atttypid AS "typeOid", base.under AS "baseTypeOid",
       CASE WHEN base.under = a.atttypid THEN a.atttypmod ELSE base.typmod END AS "baseTypmod",
       a.attnotnull AS "notNull",
       a.attnotnull AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_constraint n
         WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey[1] = a.attnum AND NOT n.convalidated
       ) AS "notNullValidated",
       CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, 0) END AS "defaultExpression",
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by-default' END AS identity,
       CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END AS generated,
       CASE WHEN l.oid IS NOT NULL THEN pg_catalog.format('%I.%I', ls.nspname, l.collname) END AS "collation",
       COALESCE(l.collisdeterministic, true) AS "collationDeterministic"
FROM pg_catalog.pg_attribute a
JOIN base ON base.oid = a.atttypid
JOIN pg_catalog.pg_type bt ON bt.oid = base.under AND bt.typtype <> 'd'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace ls ON ls.oid = l.collnamespace
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum`;

/** to_jsonb() reads what only newer versions have (indnullsnotdistinct came with 15). */
export const INDEXES_SQL = `
SELECT i.indexrelid AS oid, i.indrelid AS "tableOid", c.relname AS name, am.amname AS method,
       i.indisprimary AS "primary", i.indisunique AS "unique", i.indisexclusion AS exclusion, i.indimmediate AS immediate,
       i.indisvalid AND i.indisready AND i.indislive AS usable, i.indpred IS NOT NULL AS partial,
       COALESCE(con.condeferrable, false) AS deferrable,
       COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool, false) AS "nullsNotDistinct",
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'attnum', k.attnum, 'inputTypeOid', oc.opcintype::pg_catalog.int8,
                 'operator', (SELECT pg_catalog.format('OPERATOR(%I.%s)', os.nspname, o.oprname)
                              FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace os ON os.oid = o.oprnamespace
                              WHERE o.oid = COALESCE(con.conexclop[k.n], equal.amopopr)),
                 'equalImage', (SELECT p.proname
                                FROM pg_catalog.pg_amproc ap JOIN pg_catalog.pg_proc p ON p.oid = ap.amproc
                                WHERE ap.amprocfamily = oc.opcfamily AND ap.amproclefttype = oc.opcintype
                                  AND ap.amprocrighttype = oc.opcintype AND ap.amprocnum = 4
                                  AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND am.amname = 'btree'),
                 'collationDeterministic', COALESCE(l.collisdeterministic, true)) ORDER BY k.n)
        FROM ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[]),
                        pg_catalog.unnest(i.indcollation::pg_catalog.oid[]))
             WITH ORDINALITY AS k(attnum, opclass, "collation", n)
        JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
        LEFT JOIN pg_catalog.pg_amop equal ON equal.amopfamily = oc.opcfamily AND equal.amoplefttype = oc.opcintype
              AND equal.amoprighttype = oc.opcintype AND equal.amopstrategy = 3 AND am.amname = 'btree'
        LEFT JOIN pg_catalog.pg_collation l ON l.oid = k."collation"
        WHERE k.n <= i.indnkeyatts) AS keys
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND (i.indisunique OR i.indisexclusion)
ORDER BY i.indrelid, NOT i.indisprimary, c.relname`;

/** The only statement that may wait for a lock on a table; asked for the few indexes that cannot do without. */
export const INDEX_TEXTS_SQL = `
SELECT i.indexrelid AS oid, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, n, true)
             FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS n ORDER BY n) AS expressions
FROM pg_catalog.pg_index i
WHERE i.indexrelid = ANY ($1::pg_catalog.oid[])`;

/**
 * $1: the tables and their partitions. A foreign key on or towards a partitioned table has copies for its partitions,
 * which name it as their parent; a copy that keeps the referencing table is one for a partition that is pointed at.
 */
export const FOREIGN_KEYS_SQL = `
SELECT k.oid, k.conname AS name, k.conparentid <> 0 AS copied, COALESCE(parent.conrelid = k.conrelid, false) AS "copiedForTarget",
       k.conrelid AS "fromOid", fs.nspname AS "fromSchema", f.relname AS "fromName",
       k.confrelid AS "toOid", ts.nspname AS "toSchema", t.relname AS "toName",
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.n) AS "fromColumns",
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(attnum, n)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.n) AS "toColumns",
       ARRAY(SELECT pg_catalog.format('OPERATOR(%I.%s)', os.nspname, o.oprname)
             FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS u(operator, n)
             JOIN pg_catalog.pg_operator o ON o.oid = u.operator
             JOIN pg_catalog.pg_namespace os ON os.oid = o.oprnamespace ORDER BY u.n) AS operators,
       k.confdeltype AS "onDelete", k.confupdtype AS "onUpdate", k.confmatchtype AS match,
       k.condeferrable AS deferrable, k.convalidated AS validated,
       COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true) AS enforced
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class f ON f.oid = k.conrelid JOIN pg_catalog.pg_namespace fs ON fs.oid = f.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = k.confrelid JOIN pg_catalog.pg_namespace ts ON ts.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_constraint parent ON parent.oid = k.conparentid
WHERE k.contype = 'f' AND (k.conrelid = ANY ($1::pg_catalog.oid[]) OR k.confrelid = ANY ($1::pg_catalog.oid[]))
ORDER BY fs.nspname, f.relname, k.conname, k.oid`;

/** $1: the tables and their partitions, whose triggers fire for rows that come through the root. */
export const TRIGGERS_SQL = `
SELECT t.tgrelid AS "tableOid", t.tgname AS name, pg_catalog.format('%I.%I', ps.nspname, p.proname) AS "function",
       t.tgtype AS type, t.tgenabled AS enabled
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace ps ON ps.oid = p.pronamespace
WHERE t.tgrelid = ANY ($1::pg_catalog.oid[]) AND NOT t.tgisinternal
ORDER BY t.tgrelid, t.tgname`;

export const RULES_SQL = `
SELECT r.ev_class AS "tableOid", r.rulename AS name, r.ev_type AS type, r.ev_enabled AS enabled
FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = ANY ($1::pg_catalog.oid[]) AND r.ev_enabled <> 'D'
ORDER BY r.ev_class, r.rulename`;

/** Sequences that a column owns, and those that only its default draws from. */
export const SEQUENCES_SQL = `
WITH used AS (
  SELECT d.refobjid AS "tableOid", d.refobjsubid AS attnum, d.objid AS sequence, true AS owned
  FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = ANY ($1::pg_catalog.oid[]) AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  UNION ALL
  SELECT a.adrelid, a.adnum, d.refobjid, false
  FROM pg_catalog.pg_attrdef a
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = a.oid
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'n'
  WHERE a.adrelid = ANY ($1::pg_catalog.oid[])
)
SELECT used."tableOid", s.nspname AS schema, c.relname AS name, a.attname AS "column",
       q.seqincrement::pg_catalog.text AS increment, pg_catalog.bool_or(used.owned) AS owned
FROM used
JOIN pg_catalog.pg_class c ON c.oid = used.sequence AND c.relkind = 'S'
JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = used."tableOid" AND a.attnum = used.attnum
GROUP BY used."tableOid", s.nspname, c.relname, a.attname, q.seqincrement, used.attnum
ORDER BY used."tableOid", used.attnum, s.nspname, c.relname`;
