import type pg from 'pg';
import type { SliceScope } from '../definition/slice.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { type Conflict, sameRowSql } from './restore-table.ts';
import type { RowsToWrite } from './find-unique-clashes.ts';

/** Where rows are now that a plan wants to insert, and how many: the scope's columns where it has some, else null. */
export type Whereabouts = Map<string | null, number>;

const PLACES_NAMED_MAX = 3;

/**
 * Rows to be inserted are not in the slice; one whose key is in the table all the same has moved out of it. Adds what is
 * found to `places`.
 */
export async function findMoved(client: pg.ClientBase, rows: RowsToWrite, places: Whereabouts): Promise<void> {
  const { table, meta } = rows.staged;
  if (table.identity === null) return;
  const scope = table.live.scope;
  const place = scope.kind === 'root' ? scope.columns.map(placeSql).join(` || ', ' || `) : 'NULL::pg_catalog.text';
  const { rows: found } = await client.query<{ place: string | null; count: string }>(
    `SELECT ${place} AS place, count(*) AS count
       FROM ${rows.relation} AS a JOIN ${table.live.fromSql} AS t ON ${sameRowSql(table.identity, 'a', 't')}
      WHERE a.${meta.op} = 'i' GROUP BY 1`,
  );
  for (const { place: where, count } of found) addPlace(places, where, Number(count));
}

/** `store_id = 2`, as text. */
export function placeSql(column: string): string {
  const name = quoteIdentifier(column);
  const label = `${column} = `.replaceAll("'", "''").replaceAll('\\', '\\\\');
  return `(E'${label}' || coalesce(t.${name}::pg_catalog.text, 'NULL'))`;
}

export function addPlace(places: Whereabouts, place: string | null, count: number): void {
  places.set(place, (places.get(place) ?? 0) + count);
}

export function movedConflict(places: Whereabouts, scope: SliceScope): Conflict | null {
  const total = [...places.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const named = [...places].flatMap(([place, count]) => (place === null ? [] : [`${count} with ${place}`]));
  const more = named.length > PLACES_NAMED_MAX ? ', …' : '';
  const where = named.length === 0 ? '' : `: ${named.slice(0, PLACES_NAMED_MAX).join(', ')}${more}`;
  const through = scope.kind === 'root' ? [] : scope.columns.map(({ own }) => quoteIdentifier(own));
  const why = through.length === 0 ? where : `: what they belong to through ${through.join(', ')} is gone or another's`;
  const detail = `rows of the backup live outside the slice now${why}`;
  return { kind: 'moved', count: total, detail };
}
