import type pg from 'pg';
import { prepared } from '../session/prepared.ts';
import type { ColumnFacts, TypeFacts } from './table-facts.ts';

/** FirstNormalObjectId of PostgreSQL: what stands below is its own. */
const FIRST_OID_OF_USERS = 16_384;

/**
 * Everything that the columns' types are made of: what stands under domains, elements of arrays, parts of composites,
 * what ranges are of. Attributes of a type are read from pg_attribute, so that none is deparsed (see `catalogue-sql.ts`).
 */
const TYPES_SQL = `
WITH RECURSIVE used(root, oid) AS (
  SELECT DISTINCT w.root, w.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[])) AS w(root, oid)
  UNION
  SELECT used.root, part.oid
  FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid
  CROSS JOIN LATERAL (
    SELECT t.typelem WHERE t.typtype = 'b' AND t.typcategory = 'A'
    UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
    UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid
  ) AS part(oid)
  WHERE part.oid >= ${FIRST_OID_OF_USERS}
)
SELECT used.root AS "tableOid", s.nspname AS schema, t.typname AS name, t.typtype AS kind, e.extname AS extension,
       c.relkind = 'c' AS "isFree",
       CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS base,
       ARRAY(SELECT l.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS attributes,
       pg_catalog.format_type(r.rngsubtype, NULL) AS subtype,
       CASE WHEN l.collnamespace = 'pg_catalog'::pg_catalog.regnamespace AND l.collname <> 'default' THEN l.collname END AS "collation",
       r.rngtypid IS NOT NULL AND r.rngcanonical = 0 AND o.opcdefault
         AND (l.oid IS NULL OR l.collnamespace = 'pg_catalog'::pg_catalog.regnamespace) AS "isPlainRange",
       ms.nspname AS "multirangeSchema", m.typname AS "multirangeName"
FROM used
JOIN pg_catalog.pg_type t ON t.oid = used.oid
JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND t.typtype = 'c'
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
LEFT JOIN pg_catalog.pg_collation l ON l.oid = r.rngcollation
LEFT JOIN pg_catalog.pg_type m ON m.oid = r.rngmultitypid
LEFT JOIN pg_catalog.pg_namespace ms ON ms.oid = m.typnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
-- An array is there as soon as its element is, a multirange as soon as its range.
WHERE NOT (t.typtype = 'b' AND t.typcategory = 'A') AND t.typtype <> 'm'
ORDER BY used.root, t.oid`;

interface TypeRow {
  readonly tableOid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly extension: string | null;
  /** A composite type that is no table's row; null: no composite. */
  readonly isFree: boolean | null;
  readonly base: string | null;
  readonly labels: readonly string[];
  readonly attributes: readonly { readonly name: string; readonly type: string }[] | null;
  readonly subtype: string | null;
  readonly collation: string | null;
  readonly isPlainRange: boolean;
  readonly multirangeSchema: string | null;
  readonly multirangeName: string | null;
}

/** The types of the application's that columns rest on, by table. Asks nothing where all types are PostgreSQL's own. */
export async function readTypeFacts(
  client: pg.ClientBase,
  columns: readonly (Pick<ColumnFacts, 'typeOid'> & { readonly tableOid: number })[],
): Promise<ReadonlyMap<number, readonly TypeFacts[]>> {
  const used = columns.filter(({ typeOid }) => typeOid >= FIRST_OID_OF_USERS);
  if (used.length === 0) return new Map();
  const { rows } = await client.query<TypeRow>(
    prepared(TYPES_SQL, [used.map(({ tableOid }) => tableOid), used.map(({ typeOid }) => typeOid)]),
  );
  const byTable = Map.groupBy(rows, ({ tableOid }) => tableOid);
  return new Map([...byTable].map(([oid, types]) => [oid, types.map(typeFacts)]));
}

function typeFacts(row: TypeRow): TypeFacts {
  const { schema, name, extension } = row;
  const other: TypeFacts = { schema, name, kind: 'other', extension };
  if (extension !== null) return other;
  switch (row.kind) {
    case 'e':
      return { schema, name, kind: 'enum', labels: row.labels };
    case 'd':
      return row.base === null ? other : { schema, name, kind: 'domain', base: row.base };
    case 'c':
      return row.isFree === true ? { schema, name, kind: 'composite', attributes: row.attributes ?? [] } : other;
    case 'r':
      return rangeFacts(row) ?? other;
    default:
      return other;
  }
}

function rangeFacts(row: TypeRow): TypeFacts | null {
  const { schema, name, subtype, collation, multirangeSchema, multirangeName } = row;
  if (!row.isPlainRange || subtype === null || multirangeSchema === null || multirangeName === null) return null;
  const multirange = { schema: multirangeSchema, name: multirangeName };
  return { schema, name, kind: 'range', subtype, collation, multirange };
}
