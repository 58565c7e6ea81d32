import { CofreError } from '@cofre/contracts';
import type pg from 'pg';
import { printTable } from '../session/quote.ts';
import { holdersOf, type RestoreTable } from './restore-table.ts';
import type { Touched } from './write-rows.ts';

/** How many rows of each table this transaction has changed, as the server counts; temporary tables aside. */
export type ChangeCounts = ReadonlyMap<number, Touched & { readonly name: string }>;

export async function readChangeCounts(client: pg.ClientBase): Promise<ChangeCounts> {
  const { rows } = await client.query<{
    relid: number;
    schema: string;
    name: string;
    ins: string;
    upd: string;
    del: string;
  }>(
    `SELECT s.relid, s.schemaname AS schema, s.relname AS name, s.n_tup_ins AS ins, s.n_tup_upd AS upd, s.n_tup_del AS del
       FROM pg_catalog.pg_stat_xact_user_tables AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.relid
      WHERE c.relpersistence <> 't' AND s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0`,
  );
  return new Map(
    rows.map(({ relid, ins, upd, del, ...table }) => [
      relid,
      { name: printTable(table), inserted: Number(ins), updated: Number(upd), deleted: Number(del) },
    ]),
  );
}

export interface Promised {
  readonly table: RestoreTable;
  readonly touched: Touched;
}

/**
 * Nothing else was changed: between the two counts every table shows exactly what our statements did to it, and tables that
 * they did not name show nothing. Anything else is `restore/side-effect`, naming the table.
 */
export function checkSideEffects(before: ChangeCounts, after: ChangeCounts, promised: readonly Promised[]): void {
  const left = new Map(
    [...after].map(([oid, counts]) => [oid, { ...difference(counts, before.get(oid)), name: counts.name }]),
  );
  for (const { table, touched } of promised) {
    const counted = { inserted: 0, updated: 0, deleted: 0 };
    for (const { oid } of holdersOf(table.live.facts)) {
      const counts = left.get(oid);
      if (counts !== undefined) {
        counted.inserted += counts.inserted;
        counted.updated += counts.updated;
        counted.deleted += counts.deleted;
      }
      left.delete(oid);
    }
    if (!isExplained(touched, counted, table)) throw sideEffect(table.name, touched, counted);
  }
  for (const counts of left.values())
    if (counts.inserted + counts.updated + counts.deleted !== 0)
      throw sideEffect(counts.name, { inserted: 0, updated: 0, deleted: 0 }, counts);
}

function difference(after: Touched, before: Touched | undefined): Touched {
  return {
    inserted: after.inserted - (before?.inserted ?? 0),
    updated: after.updated - (before?.updated ?? 0),
    deleted: after.deleted - (before?.deleted ?? 0),
  };
}

/** A row that an update moves to another partition counts as deleted here and inserted there. */
function isExplained(touched: Touched, counted: Touched, table: RestoreTable): boolean {
  const isPartitioned = holdersOf(table.live.facts)[0]?.oid !== table.live.facts.oid;
  const moved = isPartitioned ? touched.updated - counted.updated : 0;
  return (
    moved >= 0 &&
    counted.updated + moved === touched.updated &&
    counted.inserted - moved === touched.inserted &&
    counted.deleted - moved === touched.deleted
  );
}

function sideEffect(table: string, promised: Touched, counted: Touched): CofreError {
  const tell = ({ inserted, updated, deleted }: Touched) =>
    `${inserted} inserted, ${updated} updated, ${deleted} deleted`;
  return new CofreError(
    'restore/side-effect',
    `${table} would have been changed otherwise than planned (${tell(counted)}; planned: ${tell(promised)}). Everything was rolled back.`,
    { params: { table } },
  );
}
