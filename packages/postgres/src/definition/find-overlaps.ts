import { assert, CofreError, type Definition, type RootKey } from '@cofre/contracts';
import type pg from 'pg';
import { type Equalities, readEqualities } from '../introspect/equality.ts';
import { translatePgError } from '../session/errors.ts';
import { printTable, quoteLiteral } from '../session/quote.ts';
import {
  type BoundDefinition,
  type BoundTable,
  bindDefinition,
  IMPLEMENTATION_ID,
  type ParentPair,
  type RootPair,
  type RootPart,
} from './bind-definition.ts';
import { FaultList } from './faults.ts';
import { implementationIdSql, inSavepoint, isBadValue } from './root-values.ts';
import { compareSql, fromSql, joinSql, scopeSql } from './scope-sql.ts';

/** What one implementation says is its own. */
export interface Claim {
  readonly implementationId: string;
  /** For messages: `module/key`. */
  readonly name: string;
  readonly rootKey: RootKey;
}

export interface Overlap {
  /** As definitions name it. */
  readonly table: string;
  readonly rows: number;
  /** Two or more. */
  readonly claims: readonly Claim[];
}

/** Enough to see what is wrong; a scope that is wrong altogether would give a line for each pair. */
export const OVERLAPS_MAX = 20;

/**
 * Rows that belong to two of these implementations (design: none may; a restore of one would change the other).
 *
 * No table is read where the structure is proof enough:
 * - A table scoped by the root key itself: a value cannot equal two different ones. Only the keys are compared, by the
 *   table's own operators and collations; rows are counted where two keys are the same to it.
 * - A table scoped through columns that are unique in its parent: its rows have one parent at most, so they overlap
 *   only where the parent's do, and that is reported for the parent.
 * Only a parent that may match several times costs a scan of the tables on the path, one for all implementations.
 */
export async function findOverlaps(
  client: pg.ClientBase,
  definition: Definition,
  claims: readonly Claim[],
): Promise<Overlap[]> {
  assert(
    new Set(claims.map((claim) => claim.implementationId)).size === claims.length,
    'each implementation claims once',
  );
  if (claims.length < 2) return [];
  try {
    const faults = new FaultList();
    const bound = await bindDefinition(client, definition, faults);
    faults.throwIfAny();
    assert(bound !== null, 'a definition without faults was bound');
    return await new OverlapSearch(client, bound, await keysOf(client, bound, claims)).run();
  } catch (error) {
    throw translatePgError(error, { doing: 'looking for rows that belong to two implementations' });
  }
}

/** The refusal that edges show. */
export function overlapError(overlaps: readonly Overlap[]): CofreError {
  const texts = overlaps.map(({ table, rows, claims }) => {
    const names = claims.map((claim) => claim.name).join(' and ');
    return `${rows} ${rows === 1 ? 'row' : 'rows'} of ${table} belong to ${names}`;
  });
  return new CofreError('definition/overlap', `${texts.join('; ')}. Nothing was written.`, {
    params: { tables: overlaps.map(({ table }) => table), overlaps: texts },
  });
}

interface ClaimKey {
  readonly claim: Claim;
  /** For each part of the root key, in order. */
  readonly sql: readonly string[];
}

/** A claim without a value for each part, or with one that is none of its type, owns no row: its own backup says so. */
async function keysOf(client: pg.ClientBase, bound: BoundDefinition, claims: readonly Claim[]): Promise<ClaimKey[]> {
  const keys = claims.flatMap((claim) => {
    const rootKey: RootKey = bound.root.table === null ? { id: claim.implementationId } : claim.rootKey;
    const sql = bound.root.parts.flatMap(({ name, column }) => {
      const value = Object.hasOwn(rootKey, name) ? String(rootKey[name]) : '\0';
      return value.includes('\0') ? [] : [`CAST(${quoteLiteral(value)} AS ${column.type})`];
    });
    return sql.length === bound.root.parts.length ? [{ claim, sql }] : [];
  });
  if (keys.length === 0 || (await canBeCast(client, keys))) return keys;
  const good: ClaimKey[] = [];
  for (const key of keys) if (await canBeCast(client, [key])) good.push(key);
  return good;
}

async function canBeCast(client: pg.ClientBase, keys: readonly ClaimKey[]): Promise<boolean> {
  try {
    await inSavepoint(client, () => client.query(keysSql(keys)));
    return true;
  } catch (error) {
    if (isBadValue(error)) return false;
    throw error;
  }
}

/** Columns: `n` (the claim), `id` (of the implementation), `k0`, `k1`, … (the parts of the root key). */
function keysSql(keys: readonly ClaimKey[]): string {
  const rows = keys.map(
    ({ claim, sql }, n) => `(${[n, implementationIdSql(claim.implementationId), ...sql].join(', ')})`,
  );
  const names = ['n', 'id', ...(keys[0]?.sql ?? []).map((_, index) => `k${index}`)];
  return `SELECT * FROM (VALUES ${rows.join(', ')}) AS v(${names.join(', ')})`;
}

class OverlapSearch {
  readonly #client: pg.ClientBase;
  readonly #bound: BoundDefinition;
  readonly #keys: readonly ClaimKey[];
  readonly #overlaps: Overlap[] = [];
  /** Tables of which the structure proves, or a scan showed, that no row has two owners. */
  readonly #disjoint = new Set<BoundTable>();

  constructor(client: pg.ClientBase, bound: BoundDefinition, keys: readonly ClaimKey[]) {
    this.#client = client;
    this.#bound = bound;
    this.#keys = keys;
  }

  async run(): Promise<Overlap[]> {
    if (this.#keys.length < 2) return [];
    const parts = this.#bound.root.parts.map((part) => part.column.typeOid);
    const own = this.#bound.tables.flatMap((table) => table.facts.columns.map((column) => column.typeOid));
    const equalities = await readEqualities(this.#client, [...parts, ...own]);
    for (const table of this.#bound.tables) {
      const before = this.#overlaps.length;
      if (table.scope.kind === 'root') await this.#compareKeys(table, table.scope.pairs, equalities);
      else if (!this.#disjoint.has(table.scope.parent)) continue;
      else if (!isUniqueIn(table.scope.parent, table.scope.pairs)) await this.#scan(table);
      if (this.#overlaps.length === before) this.#disjoint.add(table);
    }
    return this.#overlaps.slice(0, OVERLAPS_MAX);
  }

  /** Pairs of claims that this table's columns cannot tell apart, and how many rows both would have. */
  async #compareKeys(table: BoundTable, pairs: readonly RootPair[], equalities: Equalities): Promise<void> {
    // Ids of implementations are different, and only the platform's own tables ask for nothing else.
    if (pairs.every(({ part }) => part === IMPLEMENTATION_ID)) return;
    const same = pairs.map(({ column, part, equality }) => {
      const index = this.#bound.root.parts.indexOf(part);
      const oid = equality.castRight === null ? part.column.typeOid : column.typeOid;
      const value = (alias: string) => {
        const cast =
          equality.castRight === null ? `${alias}.k${index}` : `CAST(${alias}.k${index} AS ${equality.castRight})`;
        return column.collation === null ? cast : `${cast} COLLATE ${column.collation}`;
      };
      const own = equalities(oid, oid);
      assert(own !== null, 'a type that a scope compares can be compared with itself');
      return compareSql(own, value('a'), value('b'));
    });
    const { rows } = await this.#client.query<{ a: number; b: number }>(
      `WITH k AS MATERIALIZED (${keysSql(this.#keys)}) SELECT a.n AS a, b.n AS b FROM k AS a JOIN k AS b ON a.n < b.n AND ${same.join(' AND ')}
       ORDER BY 1, 2 LIMIT ${OVERLAPS_MAX}`,
    );
    for (const { a, b } of rows) {
      const key = this.#keys[a];
      const other = this.#keys[b];
      assert(key !== undefined && other !== undefined, 'only claims were compared');
      const sql = scopeSql(table.scope, (part) => key.sql[this.#bound.root.parts.indexOf(part)] ?? 'NULL');
      const counted = await this.#client.query<{ rows: string }>(
        `SELECT pg_catalog.count(*) AS rows FROM ${fromSql(table.facts)} AS t WHERE ${sql('t')}`,
      );
      this.#add(table, Number(counted.rows[0]?.rows ?? 0), [key.claim, other.claim]);
    }
  }

  /** Joins down from the keys to the table and looks for rows that are reached from two. */
  async #scan(table: BoundTable): Promise<void> {
    const path: BoundTable[] = [table];
    for (let scope = table.scope; scope.kind === 'parent'; scope = scope.parent.scope) path.push(scope.parent);
    const partSql = (part: RootPart) =>
      part === IMPLEMENTATION_ID ? 'k.id' : `k.k${this.#bound.root.parts.indexOf(part)}`;
    const joins = path.map(({ scope, facts }, index) => {
      const on =
        scope.kind === 'root'
          ? scopeSql(scope, partSql)(`t${index}`)
          : joinSql(scope.pairs, `t${index + 1}`, `t${index}`);
      return `JOIN ${fromSql(facts)} AS t${index} ON ${on}`;
    });
    const { rows } = await this.#client.query<{ owners: number[]; rows: string }>(
      `WITH k AS MATERIALIZED (${keysSql(this.#keys)})
       SELECT owners, pg_catalog.count(*) AS rows FROM (
         SELECT pg_catalog.array_agg(DISTINCT k.n) AS owners FROM k ${joins.toReversed().join(' ')}
         GROUP BY t0.tableoid, t0.ctid HAVING pg_catalog.min(k.n) < pg_catalog.max(k.n)
       ) AS shared GROUP BY owners ORDER BY 2 DESC, 1 LIMIT ${OVERLAPS_MAX}`,
    );
    for (const row of rows)
      this.#add(
        table,
        Number(row.rows),
        row.owners.flatMap((n) => this.#keys[n]?.claim ?? []),
      );
  }

  #add(table: BoundTable, rows: number, claims: readonly Claim[]): void {
    if (rows > 0) this.#overlaps.push({ table: printTable(table.facts), rows, claims });
  }
}

/**
 * Whether no two rows of the parent have the same values in these columns. The unique index must ask by the operator
 * that the scope asks by, of the column as it is; under a collation that equates what the index may tell apart, nothing is known.
 */
function isUniqueIn(parent: BoundTable, pairs: readonly ParentPair[]): boolean {
  return parent.facts.uniques.some((unique) => {
    if (unique.kind === 'exclusion' || !unique.valid || unique.predicate !== null || unique.columns === null)
      return false;
    return unique.columns.every((name, index) =>
      pairs.some(
        ({ target, equality }) =>
          target.name === name &&
          equality.castLeft === null &&
          equality.operator === unique.operators[index] &&
          target.collationDeterministic,
      ),
    );
  });
}
