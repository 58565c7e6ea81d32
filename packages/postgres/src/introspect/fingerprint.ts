import { createHash } from 'node:crypto';
import { assert } from '@cofre/contracts';
import type pg from 'pg';
import type { SliceTable } from '../definition/slice.ts';
import { prepared } from '../session/prepared.ts';
import { readServerFacts } from './server-facts.ts';

/**
 * Hex SHA-256, per table, over everything that the bytes of its rows rest on (design §4). A false difference costs
 * work; a false equality would keep rows that mean something else now. Hence the `xmin` of the catalogue rows: an enum
 * label that was renamed there and back leaves no other trace. VACUUM and ANALYZE change none of them (they write
 * pg_class in place).
 */
export async function fingerprintTables(client: pg.ClientBase, tables: readonly Unmarked[]): Promise<string[]> {
  const fingerprintOf = await readFingerprints(client, tables);
  return tables.map(fingerprintOf);
}

type Unmarked = Omit<SliceTable, 'fingerprint'>;

/**
 * The same of these tables in any scope: the catalogue is asked once, however many slices have a part in them. The
 * function throws where it is given a table that was not among these.
 */
export async function readFingerprints(
  client: pg.ClientBase,
  tables: readonly Unmarked[],
): Promise<(table: Unmarked) => string> {
  const { versionNum, encoding } = await readServerFacts(client);
  const wanted = [...new Set(tables.flatMap((table) => table.pathOids))];
  const relations = await rowsOf(client, RELATIONS_SQL, wanted);
  const columns = await rowsOf(client, COLUMNS_SQL, [...new Set(relations.map((row) => row.oid))]);
  const types = await rowsOf(client, TYPES_SQL, [...new Set(columns.flatMap((row) => row.leadsTo))]);
  const collations = await rowsOf(client, COLLATIONS_SQL, [
    ...new Set([...columns, ...types].flatMap((row) => row.collations)),
  ]);
  const server = [Math.floor(versionNum / 10000), encoding];
  const relationsOf = Map.groupBy(relations, (row) => row.root);
  const columnsOf = Map.groupBy(columns, (row) => row.root);
  const factsOf = ({ pathOids }: Unmarked): readonly string[] => {
    const family = pathOids.flatMap((oid) => relationsOf.get(oid) ?? []);
    const attributes = [...new Set(family.map((row) => row.oid))].flatMap((oid) => columnsOf.get(oid) ?? []);
    const followed = reach(
      types,
      attributes.flatMap((row) => row.leadsTo),
    );
    const used = new Set([...attributes, ...followed].flatMap((row) => row.collations));
    const facts = [
      ['server', server],
      ...[...family, ...attributes, ...followed, ...collations.filter((row) => used.has(row.oid))].map(
        (row) => row.facts,
      ),
    ];
    return [...new Set(facts.map((fact) => JSON.stringify(fact)))].sort();
  };
  const pathOf = ({ pathOids }: Unmarked) => pathOids.join(' ');
  const known = new Map(tables.map((table) => [pathOf(table), aroundSlice(factsOf(table))]));
  return (table) => {
    const around = known.get(pathOf(table));
    assert(around !== undefined, 'the catalogue was asked about the table');
    const slice = JSON.stringify(JSON.stringify(['slice', scopeFacts(table)]));
    return createHash('sha256').update(`[${around.before}${slice}${around.after}]`).digest('hex');
  };
}

/** Sorted facts as JSON, opened where the slice's own belongs: its kind stands first in it, and no other is of that kind. */
function aroundSlice(facts: readonly string[]): { readonly before: string; readonly after: string } {
  const at = facts.findIndex((fact) => fact > SLICE_KIND);
  const place = at < 0 ? facts.length : at;
  const texts = facts.map((fact) => JSON.stringify(fact));
  const before = texts.slice(0, place).map((text) => `${text},`);
  const after = texts.slice(place).map((text) => `,${text}`);
  return { before: before.join(''), after: after.join('') };
}

const SLICE_KIND = '["slice",';

/** The definition's part: rows by scope (its values are in the SQL), columns by what is stored, order by the key. */
function scopeFacts(table: Unmarked): unknown {
  return [
    table.fromSql,
    table.scopeSql('t'),
    table.orderSql('t'),
    table.layout,
    table.columns.map((column) => [column.attnum, column.type]),
    'none' in table.facts.key ? null : table.facts.key.columns.map((column) => [column.name, column.equalsSql]),
  ];
}

interface FactRow {
  /** What asked for the row: an oid of the path, or of a table. */
  readonly root: number;
  readonly oid: number;
  readonly facts: unknown;
  /** Types that this one is made of. */
  readonly leadsTo: readonly number[];
  readonly collations: readonly number[];
}

async function rowsOf(client: pg.ClientBase, sql: string, oids: readonly number[]): Promise<FactRow[]> {
  if (oids.length === 0) return [];
  return (await client.query<FactRow>(prepared(sql, [oids]))).rows;
}

function reach(types: readonly FactRow[], from: readonly number[]): FactRow[] {
  const byOid = new Map(types.map((type) => [type.oid, type]));
  const reached = new Set<FactRow>();
  const open = [...from];
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    const type = byOid.get(oid);
    if (type === undefined || reached.has(type)) continue;
    reached.add(type);
    open.push(...type.leadsTo);
  }
  return [...reached];
}

/** $1: tables of the paths. With each come the partitions below it, intermediate ones too, and the rows of pg_inherits. */
const RELATIONS_SQL = `
WITH RECURSIVE family(root, oid) AS (
  SELECT wanted, wanted FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted
  UNION
  SELECT family.root, i.inhrelid
  FROM family
  JOIN pg_catalog.pg_class parent ON parent.oid = family.oid AND parent.relkind = 'p'
  JOIN pg_catalog.pg_inherits i ON i.inhparent = family.oid
)
SELECT family.root, c.oid, '{}'::pg_catalog.oid[] AS "leadsTo", '{}'::pg_catalog.oid[] AS collations,
       pg_catalog.json_build_array('relation', c.oid, c.xmin, c.relfilenode, c.relkind, s.nspname, c.relname, c.relpersistence,
         am.amname, ae.extversion,
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(i.inhparent, i.inhseqno, i.inhdetachpending, i.xmin) ORDER BY i.inhseqno)
          FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)) AS facts
FROM family
JOIN pg_catalog.pg_class c ON c.oid = family.oid
JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_am'::pg_catalog.regclass AND d.objid = am.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension ae ON ae.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass`;

const COLUMNS_SQL = `
SELECT a.attrelid AS root, a.attrelid AS oid, ARRAY[a.atttypid] AS "leadsTo", ARRAY[a.attcollation] AS collations,
       pg_catalog.json_build_array('column', a.attrelid, a.xmin, a.attnum, a.attname, a.atttypid, a.atttypmod,
         a.attcollation, a.attnotnull, a.attgenerated, a.atthasmissing, a.attmissingval::pg_catalog.text) AS facts
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped`;

/** Follows types through domains, arrays, ranges, multiranges and composites. The output function is what writes the bytes. */
const TYPES_SQL = `
WITH RECURSIVE types(oid) AS (
  SELECT wanted FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted
  UNION
  SELECT part.oid FROM types CROSS JOIN LATERAL (
    SELECT t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = types.oid
    UNION ALL SELECT t.typelem FROM pg_catalog.pg_type t WHERE t.oid = types.oid
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = types.oid
    UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = types.oid
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
              WHERE t.oid = types.oid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
  ) AS part(oid) WHERE part.oid <> 0
)
SELECT t.oid AS root, t.oid,
       ARRAY(SELECT part.oid FROM (
         SELECT t.typbasetype AS oid UNION ALL SELECT t.typelem UNION ALL SELECT r.rngsubtype
         UNION ALL SELECT m.rngtypid FROM pg_catalog.pg_range m WHERE m.rngmultitypid = t.oid
         UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
                   WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
       ) AS part WHERE part.oid <> 0) AS "leadsTo",
       ARRAY[t.typcollation, COALESCE(r.rngcollation, 0)] AS collations,
       pg_catalog.json_build_array('type', t.oid, t.xmin, s.nspname, t.typname, t.typtype, t.typlen, t.typbasetype, t.typtypmod,
         t.typelem, t.typcollation, t.typoutput::pg_catalog.oid, output.xmin,
         r.rngsubtype, r.rngcollation, r.rngsubopc, r.xmin,
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(e.oid, e.enumlabel, e.enumsortorder, e.xmin) ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.xmin) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
          WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(x.extname, x.extversion) ORDER BY x.extname)
          FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
          WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)) AS facts
FROM types
JOIN pg_catalog.pg_type t ON t.oid = types.oid
JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
JOIN pg_catalog.pg_proc output ON output.oid = t.typoutput
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid`;

/**
 * A collation's recorded version and the one that the library has now. The database's own collation is kept in
 * pg_database, whose columns differ between versions.
 */
const COLLATIONS_SQL = `
SELECT l.oid AS root, l.oid, '{}'::pg_catalog.oid[] AS "leadsTo", '{}'::pg_catalog.oid[] AS collations,
       pg_catalog.json_build_array('collation', l.oid, l.xmin, pg_catalog.to_jsonb(l), pg_catalog.pg_collation_actual_version(l.oid),
         CASE WHEN l.collname = 'default' THEN (
           SELECT pg_catalog.json_build_array(d ->> 'datcollate', d ->> 'datctype', d ->> 'datlocprovider', d ->> 'datlocale',
                    d ->> 'daticulocale', d ->> 'daticurules', d ->> 'datcollversion')
           FROM pg_catalog.pg_database b, pg_catalog.to_jsonb(b) AS d WHERE b.datname = pg_catalog.current_database())
         END) AS facts
FROM pg_catalog.pg_collation l
WHERE l.oid = ANY ($1::pg_catalog.oid[])`;
