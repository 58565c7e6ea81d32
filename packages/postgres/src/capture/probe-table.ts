import { assert } from '@cofre/contracts';
import { type ProbedTable, type RangeCount, type RowBatch, splitLine } from '@cofre/engine';
import type pg from 'pg';
import type { SliceTable, XidTest } from '../definition/slice.ts';
import { translatePgError } from '../session/errors.ts';
import { printTable, quoteIdentifier, quoteLiteral } from '../session/quote.ts';
import { REG_TYPES } from '../introspect/choose-key.ts';
import { copyRows } from './copy-rows.ts';
import { LINEAGE_HOLDS_SQL } from './lineage.ts';

/** The backup since which changes are looked for. */
export interface ProbedSince {
  readonly backupId: string;
  /** `pg_snapshot_xmin()` of its snapshot, an xid8 in decimal. */
  readonly xmin: string;
}

export interface TableProbe {
  /** Why the table cannot say what changed since then; null: it can. */
  obstacle(since: ProbedSince): Promise<string | null>;
  /** Within the client's transaction and snapshot. `lows`: lower bounds of the parent's ranges but the first, as COPY text. */
  open(since: ProbedSince, lows: readonly string[]): ProbedTable;
}

/** Of a row's `xmin`, which leaves the epoch out. */
export const XIDS = 2n ** 32n;

/** Half of the circle that ids of transactions run in: beyond it new would be old. */
const XIDS_COMPARABLE = XIDS / 2n;

/**
 * Asks a table of the slice what changed since a backup (design §4, *The probe*). A row's `xmin` tells who wrote it: every
 * transaction that the backup's snapshot could not see has an id at or above the snapshot's own `xmin`. The client holds
 * the snapshot and is pinned (`pinSession`).
 */
export function probeTable(
  client: pg.ClientBase,
  table: SliceTable,
  options: { readonly signal?: AbortSignal | undefined } = {},
): TableProbe {
  const name = printTable(table.facts);
  const context = {
    doing: `asking ${name} what changed`,
    table: name,
    signal: options.signal,
    outcome: 'Nothing was changed.',
  };
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translatePgError(error, context);
    }
  };
  async function* rowsOf(sql: string): AsyncGenerator<RowBatch, void, void> {
    try {
      yield* copyRows(client, sql);
    } catch (error) {
      throw translatePgError(error, context);
    }
  }
  return {
    obstacle: (since) => translated(() => findObstacle(client, table, since)),
    open: (since, lows) => {
      const sql = new ProbeSql(table, { since, lows });
      return {
        count: () => translated(() => countRanges(client, sql)),
        rows: (whole) => rowsOf(sql.rows(whole)),
        keys: (ranges) => rowsOf(sql.keys(ranges)),
      };
    },
  };
}

async function countRanges(client: pg.ClientBase, sql: ProbeSql): Promise<ReadonlyMap<number, RangeCount>> {
  const { rows } = await client.query<{ range: number; rows: string; touched: string }>(sql.counts());
  return new Map(rows.map((row) => [row.range, { rows: Number(row.rows), touched: Number(row.touched) }]));
}

/** The statements of one probe. All values are literals, for COPY takes no parameters. */
class ProbeSql {
  readonly #table: SliceTable;
  readonly #ranges: number;
  readonly #rangeSql: string;
  readonly #touchedSql: string;

  constructor(table: SliceTable, { since, lows }: { readonly since: ProbedSince; readonly lows: readonly string[] }) {
    assert(table.layout.key.length > 0, 'only a table with a key is probed');
    this.#table = table;
    this.#ranges = lows.length + 1;
    this.#rangeSql = rangeSql(table, lows);
    this.#touchedSql = table.touchedSql('t', isSince(since));
  }

  /**
   * Behind a UNION ALL the planner takes 200 ranges for granted. Of the bare expression it believes that every row has one of
   * its own, and then has one process do what several would do faster. The second half is never executed.
   */
  counts(): string {
    const { fromSql } = this.#table;
    return (
      'SELECT r.range, pg_catalog.count(*) AS rows, pg_catalog.count(*) FILTER (WHERE r.touched) AS touched ' +
      `FROM (SELECT ${this.#rangeSql} AS range, ${this.#touchedSql} AS touched ${this.#fromSql} ` +
      `UNION ALL SELECT 0, false FROM ${fromSql} AS t WHERE false) AS r GROUP BY 1`
    );
  }

  rows(whole: ReadonlySet<number>): string {
    const { columns } = this.#table;
    if (whole.size === this.#ranges) return this.#copy(columns, '');
    const wanted = whole.size === 0 ? this.#touchedSql : `(${this.#touchedSql} OR ${this.#isIn(whole)})`;
    return this.#copy(columns, ` AND ${wanted}`);
  }

  keys(ranges: ReadonlySet<number>): string {
    const columns = this.#table.columns.slice(0, this.#table.layout.key.length);
    return this.#copy(columns, ranges.size === this.#ranges ? '' : ` AND ${this.#isIn(ranges)}`);
  }

  get #fromSql(): string {
    return `FROM ${this.#table.fromSql} AS t WHERE ${this.#table.scopeSql('t')}`;
  }

  #isIn(ranges: ReadonlySet<number>): string {
    return `${this.#rangeSql} OPERATOR(pg_catalog.=) ANY ('{${[...ranges].join(',')}}'::pg_catalog.int4[])`;
  }

  #copy(columns: SliceTable['columns'], condition: string): string {
    const list = columns.map(({ name }) => `t.${quoteIdentifier(name)}`).join(', ');
    return `COPY (SELECT ${list} ${this.#fromSql}${condition} ORDER BY ${this.#table.orderSql('t')}) TO STDOUT`;
  }
}

export function isSince({ xmin }: ProbedSince): XidTest {
  return isAtOrAbove(xmin);
}

/**
 * Of an xid8 in decimal. Ids run in a circle: those of the half that begins with it are not older. They are compared as bytes, for
 * PostgreSQL would evaluate `age()` in one process only.
 */
export function isAtOrAbove(xid: string): XidTest {
  const bytes = (id: bigint) => `pg_catalog.decode('${id.toString(16).padStart(8, '0')}', 'hex')`;
  const first = BigInt(xid) % XIDS;
  const end = (first + XIDS_COMPARABLE) % XIDS;
  return (xidSql) => {
    const id = `pg_catalog.xidsend(${xidSql})`;
    const both = first < end ? 'AND' : 'OR';
    return `(${id} OPERATOR(pg_catalog.>=) ${bytes(first)} ${both} ${id} OPERATOR(pg_catalog.<) ${bytes(end)})`;
  };
}

/** The index of the range that a row lies in, by a binary search among the bounds. */
function rangeSql(table: SliceTable, lows: readonly string[]): string {
  if (lows.length === 0) return '0';
  const values = lows.map((low) => splitLine(Buffer.from(`${low}\n`, 'utf8')));
  const arrays = table.keyBounds.map(({ type, text }, column) => {
    const elements = values.map((row) => `"${text(row[column] ?? '').replaceAll(/["\\]/g, '\\$&')}"`);
    return `${quoteLiteral(`{${elements.join(',')}}`)}::${type}[]`;
  });
  const [only, ...others] = arrays;
  assert(only !== undefined, 'a key has a column');
  const columns = table.keyBounds.map(({ columnSql }) => columnSql('t')).join(', ');
  if (others.length === 0) return `pg_catalog.width_bucket(${columns}, ${only})`;
  const bounds = table.keyBounds.map(({ collate }, column) => `b.k${column}${collate}`).join(', ');
  const names = table.keyBounds.map((_, column) => `k${column}`).join(', ');
  const rows = `ROWS FROM (${arrays.map((array) => `pg_catalog.unnest(${array})`).join(', ')}) WITH ORDINALITY AS b (${names}, at)`;
  return `pg_catalog.width_bucket(ROW(${columns}), (SELECT pg_catalog.array_agg(ROW(${bounds}) ORDER BY b.at) FROM ${rows}))`;
}

/** In words, for people: they stand in the backup's page. */
async function findObstacle(client: pg.ClientBase, table: SliceTable, since: ProbedSince): Promise<string | null> {
  const { rows } = await client.query<{
    xmax: string;
    lineage: boolean;
    odd_relation: string | null;
    odd_type: string | null;
  }>(OBSTACLES_SQL, [since.backupId, table.pathOids, table.columns.map(({ typeOid }) => typeOid)]);
  const [row] = rows;
  assert(row !== undefined, 'the question has an answer');
  if (!row.lineage)
    return 'this database has no trace of the backup before: it was copied, or put back to an earlier time';
  if (BigInt(row.xmax) - BigInt(since.xmin) >= XIDS_COMPARABLE)
    return 'too many transactions have run since the backup before';
  if (row.odd_relation !== null) return `${row.odd_relation} is not stored as PostgreSQL itself stores tables`;
  if (row.odd_type !== null) return `values of ${row.odd_type} follow names in the catalogues`;
  const plan = await client.query<Record<string, unknown>>(
    `EXPLAIN (FORMAT JSON) ${new ProbeSql(table, { since, lows: [] }).counts()}`,
  );
  return /"Node Type": ?"(?:Custom|Foreign) Scan"/.test(JSON.stringify(plan.rows))
    ? 'an extension reads it in its own way'
    : null;
}

/** Names roles. */
const ACLITEM = 1033;

/** $1: the backup · $2: every table that the rows rest on · $3: types of the columns. */
const OBSTACLES_SQL = `
WITH RECURSIVE family (oid) AS (
  SELECT wanted FROM pg_catalog.unnest($2::pg_catalog.oid[]) AS wanted
  UNION
  SELECT i.inhrelid FROM family
    JOIN pg_catalog.pg_class AS parent ON parent.oid OPERATOR(pg_catalog.=) family.oid AND parent.relkind OPERATOR(pg_catalog.=) 'p'
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent OPERATOR(pg_catalog.=) family.oid
), types (oid) AS (
  SELECT wanted FROM pg_catalog.unnest($3::pg_catalog.oid[]) AS wanted
  UNION
  SELECT part.oid FROM types CROSS JOIN LATERAL (
    SELECT t.typbasetype AS oid FROM pg_catalog.pg_type AS t WHERE t.oid OPERATOR(pg_catalog.=) types.oid
    UNION ALL SELECT t.typelem FROM pg_catalog.pg_type AS t WHERE t.oid OPERATOR(pg_catalog.=) types.oid
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r
               WHERE r.rngtypid OPERATOR(pg_catalog.=) types.oid OR r.rngmultitypid OPERATOR(pg_catalog.=) types.oid
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_type AS t
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) t.typrelid
               WHERE t.oid OPERATOR(pg_catalog.=) types.oid AND t.typtype OPERATOR(pg_catalog.=) 'c'
                 AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
  ) AS part WHERE part.oid OPERATOR(pg_catalog.<>) 0
)
SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text AS xmax,
  ${LINEAGE_HOLDS_SQL} AS lineage,
  (SELECT pg_catalog.min(c.relname::pg_catalog.text) FROM family
     JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) family.oid
     LEFT JOIN pg_catalog.pg_am AS m ON m.oid OPERATOR(pg_catalog.=) c.relam
    WHERE NOT (c.relkind OPERATOR(pg_catalog.=) 'p' OR (c.relkind OPERATOR(pg_catalog.=) 'r' AND m.amname OPERATOR(pg_catalog.=) 'heap'))
  ) AS odd_relation,
  (SELECT pg_catalog.min(pg_catalog.format_type(types.oid, NULL)) FROM types
    WHERE types.oid OPERATOR(pg_catalog.=) ANY ('{${[...REG_TYPES, ACLITEM].join(',')}}'::pg_catalog.oid[])
  ) AS odd_type`;
