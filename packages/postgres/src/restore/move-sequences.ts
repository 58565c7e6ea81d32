import type pg from 'pg';
import { TYPE } from '../introspect/row-order.ts';
import type { SequenceFacts } from '../introspect/table-facts.ts';
import { sqlStateOf } from '../session/errors.ts';
import { printTable, quoteIdentifier, quoteTable } from '../session/quote.ts';
import type { StagedTable } from './stage-operations.ts';

export interface MovedSequence {
  readonly sequence: string;
  /** The next value is behind this one. */
  readonly to: string;
}

export interface SequenceInput {
  readonly client: pg.ClientBase;
  readonly staged: StagedTable;
  readonly hasWholeRanges: boolean;
}

/**
 * Sequences that are behind what was inserted are moved on, never back (I9): under the sequence's own lock, which keeps
 * `nextval` out, it is read again. To be called last before the commit, for everybody who inserts waits meanwhile.
 */
export async function moveSequences(input: SequenceInput): Promise<MovedSequence[]> {
  const moved: MovedSequence[] = [];
  for (const sequence of input.staged.table.live.facts.sequences) {
    const inserted = await furthest(input, sequence, 'inserted');
    if (inserted === null || !(await isBehind(input.client, sequence, inserted))) continue;
    // It stands before rows that are there; then it is moved behind all of them, so that every insert to come works.
    const needed = (await furthest(input, sequence, 'all')) ?? inserted;
    if (await moveOn(input.client, sequence, needed)) moved.push({ sequence: printTable(sequence), to: needed });
  }
  return moved;
}

const NUMBERS: ReadonlySet<number> = new Set([TYPE.int2, TYPE.int4, TYPE.int8, TYPE.numeric]);

/**
 * The value of the column that lies furthest in the direction of the sequence, of the inserted rows or of all; null: there is
 * none. Values at or beyond the sequence's end (9999999, or the largest integer, for something special) do not count.
 */
async function furthest(
  { client, staged, hasWholeRanges }: SequenceInput,
  sequence: SequenceFacts,
  of: 'inserted' | 'all',
): Promise<string | null> {
  const { table, after, meta } = staged;
  const stored = table.columns.find((candidate) => candidate.name === sequence.column);
  if (stored === undefined || !NUMBERS.has(stored.baseTypeOid)) return null;
  const value = `t.${quoteIdentifier(sequence.column)}`;
  const isDown = sequence.increment.startsWith('-');
  const end = `(SELECT q.${isDown ? 'seqmin' : 'seqmax'} FROM pg_catalog.pg_sequence AS q WHERE q.seqrelid = $1::pg_catalog.regclass)`;
  // Written so that an index on the column answers with its first entry.
  const first = (from: string, condition: string) =>
    `(SELECT ${value}::pg_catalog.numeric AS value FROM ${from} AS t WHERE ${condition} AND ${value} ${isDown ? '>' : '<'} ${end}
       ORDER BY ${value} ${isDown ? 'ASC' : 'DESC'} LIMIT 1)`;
  const { fromSql, scopeSql } = table.live;
  const parts =
    of === 'all'
      ? [first(fromSql, 'true')]
      : [first(after, `t.${meta.op} = 'i'`), ...(hasWholeRanges ? [first(fromSql, scopeSql('t'))] : [])];
  const { rows } = await client.query<{ value: string | null }>(
    `SELECT trunc(${isDown ? 'min' : 'max'}(f.value))::pg_catalog.text AS value FROM (${parts.join(' UNION ALL ')}) AS f`,
    [quoteTable(sequence)],
  );
  return rows[0]?.value ?? null;
}

/** A fresh sequence has given nothing yet: its `last_value` is still to come. */
async function isBehind(client: pg.ClientBase, sequence: SequenceFacts, needed: string): Promise<boolean> {
  const compare = sequence.increment.startsWith('-') ? '>' : '<';
  const { rows } = await client.query<{ behind: boolean }>(
    `SELECT s.last_value ${compare} $1::pg_catalog.numeric OR (s.last_value = $1::pg_catalog.numeric AND NOT s.is_called) AS behind
       FROM ${quoteTable(sequence)} AS s`,
    [needed],
  );
  return rows[0]?.behind === true;
}

async function moveOn(client: pg.ClientBase, sequence: SequenceFacts, needed: string): Promise<boolean> {
  if (!(await lockSequence(client, sequence))) return advanceByDrawing(client, sequence, needed);
  if (!(await isBehind(client, sequence, needed))) return false;
  await client.query('SELECT pg_catalog.setval($1::pg_catalog.regclass, $2::pg_catalog.int8, true)', [
    quoteTable(sequence),
    needed,
  ]);
  return true;
}

/** `ALTER SEQUENCE` takes the lock that `nextval` waits for; this one changes nothing. false: only the owner may. */
async function lockSequence(client: pg.ClientBase, sequence: SequenceFacts): Promise<boolean> {
  await client.query('SAVEPOINT cofre_sequence');
  try {
    await client.query(`ALTER SEQUENCE ${quoteTable(sequence)} INCREMENT BY ${sequence.increment}`);
    await client.query('RELEASE SAVEPOINT cofre_sequence');
    return true;
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    await client.query('ROLLBACK TO SAVEPOINT cofre_sequence; RELEASE SAVEPOINT cofre_sequence');
    return false;
  }
}

/** A role that does not own the sequence draws values until it is far enough: nothing else is safe beside others who draw. */
async function advanceByDrawing(client: pg.ClientBase, sequence: SequenceFacts, needed: string): Promise<boolean> {
  const { rows } = await client.query<{ draws: string }>(
    `SELECT ceil(($1::pg_catalog.numeric - s.last_value) / $2::pg_catalog.numeric)
            + CASE WHEN s.is_called THEN 0 ELSE 1 END AS draws FROM ${quoteTable(sequence)} AS s`,
    [needed, sequence.increment],
  );
  await client.query(
    'SELECT count(pg_catalog.nextval($1::pg_catalog.regclass)) FROM pg_catalog.generate_series(1, $2::pg_catalog.int8)',
    [quoteTable(sequence), rows[0]?.draws ?? '0'],
  );
  return true;
}
