import type pg from 'pg';
import { TYPE } from '../introspect/row-order.ts';
import type { ColumnFacts, UniqueFacts } from '../introspect/table-facts.ts';
import { sqlStateOf } from '../session/errors.ts';
import { quoteIdentifier, quoteLiteral } from '../session/quote.ts';
import { heldValuesSql, otherUniques } from './find-unique-clashes.ts';
import type { RestoreTable } from './restore-table.ts';
import { type StagedTable, stageColumns } from './stage-operations.ts';

/**
 * Rows that exchange values under a unique index: each holds what another shall hold, so some must first give their value up
 * for a moment. `valueSql` is what the column is set to meanwhile, given the alias of the staged row.
 */
export interface Parking {
  readonly unique: UniqueFacts;
  readonly column: string;
  readonly isNull: boolean;
  readonly valueSql: (alias: string) => string;
}

export interface ParkingSearch {
  readonly parkings: readonly Parking[];
  /** Indexes under which values are exchanged and no column can hold something else meanwhile. */
  readonly impossible: readonly UniqueFacts[];
}

/** Finds what must be parked and proves on the staged rows, whose checks are those of the table, that it can be. */
export async function findParkings(client: pg.ClientBase, staged: StagedTable, salt: string): Promise<ParkingSearch> {
  const parkings: Parking[] = [];
  const impossible: UniqueFacts[] = [];
  if (staged.counts.updates + staged.counts.deletes === 0) return { parkings, impossible };
  for (const unique of otherUniques(staged.table)) {
    // What is deferrable is checked when all is written.
    if (unique.deferrable) continue;
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM (${heldValuesSql(staged, unique)}) AS h`,
    );
    const count = Number(rows[0]?.count ?? 0);
    if (count === 0) continue;
    const parking = await firstPossible(client, staged, candidates(staged.table, unique, salt));
    if (parking === null) impossible.push(unique);
    else parkings.push(parking);
  }
  return { parkings, impossible };
}

async function firstPossible(
  client: pg.ClientBase,
  staged: StagedTable,
  parkings: readonly Parking[],
): Promise<Parking | null> {
  for (const parking of parkings) if (await isPossible(client, staged, parking)) return parking;
  return null;
}

/** The rows as they are take the value, and where that is NULL, it keeps them out of the index; no check refuses it. */
async function isPossible(client: pg.ClientBase, staged: StagedTable, parking: Parking): Promise<boolean> {
  const { unique, column, isNull, valueSql } = parking;
  const values = unique.expressions.map((expression) => `(${expression}) IS NOT NULL`);
  const stays = isNull ? [`(${unique.predicate ?? 'true'})`, ...values].join(' AND ') : 'false';
  const tryOn = (relation: string) =>
    client.query<{ stays: boolean | null }>(
      `UPDATE ${relation} AS a SET ${quoteIdentifier(column)} = ${valueSql('a')}
        WHERE a.${staged.meta.n} IN (${heldValuesSql(staged, unique)}) RETURNING ${stays} AS stays`,
    );
  await client.query('SAVEPOINT cofre_park');
  try {
    // Only the rows as they shall be are staged with the checks of the table, so both are tried; the held ones last.
    await tryOn(staged.after);
    await client.query('ROLLBACK TO SAVEPOINT cofre_park');
    const { rows } = await tryOn(staged.before);
    return rows.every((row) => row.stays !== true);
  } catch (error) {
    const state = sqlStateOf(error) ?? '';
    if (!state.startsWith('22') && !state.startsWith('23')) throw error;
    return false;
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT cofre_park; RELEASE SAVEPOINT cofre_park');
  }
}

function candidates(table: RestoreTable, unique: UniqueFacts, salt: string): Parking[] {
  const identity = new Set(table.identity?.map((column) => column.name));
  const usable = table.columns.filter(
    ({ name, identity: always }) => !identity.has(name) && always !== 'always' && mayMatter(table, unique, name),
  );
  const nulls = usable
    .filter((column) => !unique.nullsNotDistinct && !column.notNull)
    .map(({ name }): Parking => ({ unique, column: name, isNull: true, valueSql: () => 'NULL' }));
  const others = usable.flatMap((column): Parking[] => {
    const isPlain = unique.kind !== 'exclusion' && unique.columns?.includes(column.name) === true;
    const valueSql = isPlain ? freeValue(table, column, salt) : null;
    return valueSql === null ? [] : [{ unique, column: column.name, isNull: false, valueSql }];
  });
  return [...nulls, ...others];
}

/**
 * Whether the column could decide what the index holds. Of an expression it is enough that the name occurs, and what a
 * generated column rests on is not known: what comes of it is tried.
 */
function mayMatter(table: RestoreTable, unique: UniqueFacts, name: string): boolean {
  if (unique.columns === null) return unique.expressions.some((expression) => expression.includes(name));
  const isStored = (column: string) => table.columns.some((candidate) => candidate.name === column);
  return unique.columns.includes(name) || !unique.columns.every(isStored);
}

const INTEGERS: ReadonlySet<number> = new Set([TYPE.int2, TYPE.int4, TYPE.int8, TYPE.numeric]);
const TEXTS: ReadonlySet<number> = new Set([TYPE.text, TYPE.varchar, TYPE.bpchar]);
const TEXT_LENGTH_MIN = 40;

/** A value that no row holds, by the type of the column; null: none is known. The staged row's number makes it differ. */
function freeValue(table: RestoreTable, column: ColumnFacts, salt: string): ((alias: string) => string) | null {
  const name = quoteIdentifier(column.name);
  const n = (alias: string) => `${alias}.${stageColumns(table).n}`;
  if (INTEGERS.has(column.baseTypeOid)) {
    const lowest = `(SELECT least(min(l.${name}), 0) FROM ${table.live.fromSql} AS l)`;
    return (alias) => `(${lowest} - ${n(alias)})::${column.type}`;
  }
  const text = (alias: string) => `${quoteLiteral(`cofre ${salt} `)} || ${n(alias)}::pg_catalog.text`;
  const length = Number(/\((\d+)\)/.exec(column.type)?.[1] ?? Number.POSITIVE_INFINITY);
  if (TEXTS.has(column.baseTypeOid) && length >= TEXT_LENGTH_MIN) return text;
  if (column.baseTypeOid === TYPE.uuid) return (alias) => `pg_catalog.md5(${text(alias)})::pg_catalog.uuid`;
  return null;
}
