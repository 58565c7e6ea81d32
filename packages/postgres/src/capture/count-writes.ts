import { assert } from '@cofre/contracts';
import type pg from 'pg';
import type { Slice, XidTest } from '../definition/slice.ts';
import { translatePgError } from '../session/errors.ts';
import { printTable, quoteLiteral } from '../session/quote.ts';
import { isAtOrAbove, XIDS } from './probe-table.ts';

/**
 * A moment in the history of a database, as a snapshot has it: what came later has an id that was not given out yet, or was
 * running then. Its `xmin` would not do: where a transaction stays open for hours, that is hours ago.
 */
export interface Moment {
  /** By the server's clock. */
  readonly at: Date;
  /** The first id that was not given out yet; an xid8 in decimal. */
  readonly xmax: string;
  /** Ids below it of transactions that had not ended. */
  readonly running: readonly string[];
}

export interface CountedTable {
  readonly table: string;
  readonly rows: number;
  /** Of these rows, written at or after the moment; null: there is nothing to compare with. */
  readonly written: number | null;
}

export interface CountedWrites {
  /** This moment, to compare with later. */
  readonly now: Moment;
  /** Since when writes were counted; null: not at all. */
  readonly since: Date | null;
  /** How that was known: the server notes when each transaction was committed, or a moment was given. */
  readonly by: 'commit-times' | 'moment' | null;
  readonly tables: readonly CountedTable[];
}

export interface CountWritesOptions {
  /** How far back to look, where the server notes the times of commits. */
  readonly windowMs: number;
  /** Else writes since then are counted; null: none is known. */
  readonly moment: Moment | null;
  /** Somebody waits, and others work: it is given up then (`database/failed`). */
  readonly timeoutMs: number;
}

/** Figures that people wait for must not wait behind a migration. */
const LOCK_TIMEOUT_MS = 100;

/**
 * Counts the rows of a slice and those written lately. A row's `xmin` tells who wrote it; rows that are gone tell nothing,
 * so who compares two counts finds them. What is written and not committed is not seen, nor what a savepoint of a transaction
 * wrote that was running at the moment.
 */
export async function countWrites(
  client: pg.ClientBase,
  slice: Slice,
  options: CountWritesOptions,
): Promise<CountedWrites> {
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL statement_timeout = ${Math.ceil(options.timeoutMs)}`,
    );
    const { now, isTimed } = await readMoment(client);
    const since = isTimed ? new Date(now.at.getTime() - options.windowMs) : (options.moment?.at ?? null);
    const test = isTimed && since !== null ? isCommittedSince(since) : options.moment && isAfter(options.moment);
    const tables: CountedTable[] = [];
    for (const table of slice.tables) {
      const written = test === null ? 'NULL' : `pg_catalog.count(*) FILTER (WHERE ${test('t.xmin')})`;
      const { rows } = await client.query<{ rows: string; written: string | null }>(
        `SELECT pg_catalog.count(*) AS rows, ${written} AS written FROM ${table.fromSql} AS t WHERE ${table.scopeSql('t')}`,
      );
      const [row] = rows;
      assert(row !== undefined, 'a count has an answer');
      const count = row.written === null ? null : Number(row.written);
      tables.push({ table: printTable(table.facts), rows: Number(row.rows), written: count });
    }
    await client.query('COMMIT');
    return { now, since, by: since === null ? null : isTimed ? 'commit-times' : 'moment', tables };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw translatePgError(error, {
      doing: 'looking for rows that were changed lately',
      outcome: 'Nothing was changed.',
    });
  }
}

async function readMoment(client: pg.ClientBase): Promise<{ readonly now: Moment; readonly isTimed: boolean }> {
  const { rows } = await client.query<{ at: Date; xmax: string; running: string[]; timed: boolean }>(
    `SELECT pg_catalog.now() AS at, pg_catalog.pg_snapshot_xmax(s.s)::pg_catalog.text AS xmax,
       ARRAY(SELECT pg_catalog.pg_snapshot_xip(s.s)::pg_catalog.text) AS running,
       pg_catalog.current_setting('track_commit_timestamp')::pg_catalog.bool AS timed
     FROM pg_catalog.pg_current_snapshot() AS s (s)`,
  );
  const [row] = rows;
  assert(row !== undefined, 'the question has an answer');
  const { at, xmax, running, timed } = row;
  return { now: { at, xmax, running }, isTimed: timed };
}

function isAfter({ xmax, running }: Moment): XidTest {
  const isNew = isAtOrAbove(xmax);
  const ids = running.map((id) => BigInt(id) % XIDS);
  return (xidSql) =>
    `(${isNew(xidSql)} OR ${xidSql} OPERATOR(pg_catalog.=) ANY ('{${ids.join(',')}}'::pg_catalog.xid[]))`;
}

/** Where the time is no longer kept, or never was, the commit was long ago. */
function isCommittedSince(at: Date): XidTest {
  const since = `${quoteLiteral(at.toISOString())}::pg_catalog.timestamptz`;
  return (xidSql) => `pg_catalog.pg_xact_commit_timestamp(${xidSql}) OPERATOR(pg_catalog.>=) ${since}`;
}
