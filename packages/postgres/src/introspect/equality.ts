import { assert } from '@cofre/contracts';
import type pg from 'pg';
import { prepared } from '../session/prepared.ts';

/**
 * How values of two types are compared for equality, said without a search path: by the operator of the types' default
 * operator class (btree, else hash), with the implicit cast that PostgreSQL itself would use for a foreign key.
 */
export interface Equality {
  /** `OPERATOR(schema.=)`, for (left, right). */
  readonly operator: string;
  /** Type that the side is cast to before comparing, as it may stand in SQL; null: as it is. */
  readonly castLeft: string | null;
  readonly castRight: string | null;
}

/** null: PostgreSQL cannot compare the two. */
export type Equalities = (left: number, right: number) => Equality | null;

interface TypeRow {
  readonly oid: number;
  readonly base: number;
  readonly baseName: string;
  /** Operator class of the base type; null: it has none. */
  readonly family: number | null;
  readonly input: number | null;
  readonly inputName: string | null;
  /** The class takes every enum, array, range or composite. */
  readonly polymorphic: boolean;
  readonly castsTo: readonly number[];
}

interface OperatorRow {
  readonly family: number;
  readonly left: number;
  readonly right: number;
  readonly operator: string;
}

/** For each type: the class that PostgreSQL would choose, that is its own or that of a type it may silently stand for. */
const TYPES_SQL = `
WITH RECURSIVE base(oid, under) AS (
  SELECT wanted, wanted FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted
  UNION ALL
  SELECT base.oid, t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.under WHERE t.typtype = 'd'
)
SELECT base.oid, base.under AS base, pg_catalog.format_type(base.under, -1) AS "baseName", class.opcfamily AS family, class.opcintype AS input,
       pg_catalog.format_type(class.opcintype, -1) AS "inputName", COALESCE(class.polymorphic, false) AS polymorphic,
       ARRAY(SELECT c.casttarget FROM pg_catalog.pg_cast c WHERE c.castsource = base.under AND c.castcontext = 'i') AS "castsTo"
FROM base
JOIN pg_catalog.pg_type t ON t.oid = base.under AND t.typtype <> 'd'
LEFT JOIN LATERAL (
  SELECT oc.opcfamily, oc.opcintype, input.typtype = 'p' AS polymorphic
  FROM pg_catalog.pg_opclass oc
  JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod AND am.amname IN ('btree', 'hash')
  JOIN pg_catalog.pg_type input ON input.oid = oc.opcintype
  LEFT JOIN pg_catalog.pg_cast c ON c.castsource = t.oid AND c.casttarget = oc.opcintype AND c.castmethod = 'b' AND c.castcontext = 'i'
  WHERE oc.opcdefault AND (
    oc.opcintype = t.oid OR c.oid IS NOT NULL
    OR (t.typtype = 'e' AND input.typname = 'anyenum') OR (t.typtype = 'r' AND input.typname = 'anyrange')
    OR (t.typtype = 'm' AND input.typname = 'anymultirange') OR (t.typtype = 'c' AND input.typname = 'record')
    OR (t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc AND input.typname = 'anyarray'))
  ORDER BY am.amname, oc.opcintype <> t.oid, c.oid IS NULL, NOT input.typispreferred, oc.oid
  LIMIT 1
) AS class ON true`;

const OPERATORS_SQL = `
SELECT o.amopfamily AS family, o.amoplefttype AS "left", o.amoprighttype AS "right",
       pg_catalog.format('OPERATOR(%I.%s)', s.nspname, p.oprname) AS operator
FROM pg_catalog.pg_amop o
JOIN pg_catalog.pg_am am ON am.oid = o.amopmethod
JOIN pg_catalog.pg_operator p ON p.oid = o.amopopr
JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace
WHERE o.amopfamily = ANY ($1::pg_catalog.oid[]) AND o.amoppurpose = 's'
  AND o.amopstrategy = CASE am.amname WHEN 'btree' THEN 3 WHEN 'hash' THEN 1 END`;

/** Learns all that is needed to compare any two of these types. */
export async function readEqualities(client: pg.ClientBase, typeOids: readonly number[]): Promise<Equalities> {
  const types = await client.query<TypeRow>(prepared(TYPES_SQL, [[...new Set(typeOids)]]));
  const families = types.rows.flatMap((row) => row.family ?? []);
  const operators = await client.query<OperatorRow>(prepared(OPERATORS_SQL, [[...new Set(families)]]));
  const typeOf = new Map(types.rows.map((row) => [row.oid, row]));
  const operatorOf = new Map(operators.rows.map((row) => [`${row.family} ${row.left} ${row.right}`, row.operator]));
  const find: FindOperator = (family, left, right) => operatorOf.get(`${family} ${left} ${right}`);

  return (leftOid, rightOid) => {
    const left = typeOf.get(leftOid);
    const right = typeOf.get(rightOid);
    assert(left !== undefined && right !== undefined, 'only types that were asked for are compared');
    if (left.polymorphic || right.polymorphic) return polymorphic(left, right, find);
    if (left.family !== null && left.family === right.family && left.input !== null && right.input !== null) {
      const operator = find(left.family, left.input, right.input);
      if (operator !== undefined) return { operator, castLeft: null, castRight: null };
    }
    return castOne(left, right, find);
  };
}

/**
 * anyenum = anyenum takes two values of one and the same enum, and no domain over it; so for arrays, ranges and
 * composites.
 */
function polymorphic(left: TypeRow, right: TypeRow, find: FindOperator): Equality | null {
  if (left.base !== right.base || left.family === null || left.input === null) return null;
  const operator = find(left.family, left.input, left.input);
  const cast = (type: TypeRow) => (type.oid === type.base ? null : type.baseName);
  return operator === undefined ? null : { operator, castLeft: cast(left), castRight: cast(right) };
}

type FindOperator = (family: number, left: number, right: number) => string | undefined;

function castOne(left: TypeRow, right: TypeRow, find: FindOperator): Equality | null {
  if (right.family !== null && right.input !== null && left.castsTo.includes(right.input)) {
    const operator = find(right.family, right.input, right.input);
    if (operator !== undefined) return { operator, castLeft: right.inputName, castRight: null };
  }
  if (left.family !== null && left.input !== null && right.castsTo.includes(left.input)) {
    const operator = find(left.family, left.input, left.input);
    if (operator !== undefined) return { operator, castLeft: null, castRight: left.inputName };
  }
  return null;
}
