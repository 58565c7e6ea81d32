import type pg from 'pg';
import { decideWriting, type TableToWrite, type Writing } from './decide-writing.ts';
import { type Dependents, dependentConflict, type DependentSearch, findDependents } from './find-dependents.ts';
import { findParkings, type Parking } from './park-values.ts';
import type { Relations } from './relations.ts';
import type { Conflict } from './restore-table.ts';
import type { StagedTable } from './stage-operations.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';

export interface PrepareInput {
  readonly client: pg.ClientBase;
  readonly relations: Relations;
  readonly tables: readonly StagedWithRanges[];
  readonly canReplica: boolean;
  /** Makes values that rows hold for a moment differ from all others. */
  readonly salt: string;
}

export interface StagedWithRanges {
  readonly staged: StagedTable;
  /** Ranges of the backup that are inserted whole, and how many rows they have. */
  readonly wholeRanges: readonly number[];
  readonly wholeRows: number;
}

export interface Preparation {
  readonly writing: Writing;
  readonly parkings: ReadonlyMap<number, readonly Parking[]>;
  /** By the table's place in the plan. */
  readonly conflicts: ReadonlyMap<number, readonly Conflict[]>;
}

/** How the staged operations can be written, and what forbids it. The plan asks, and the apply asks again under its locks. */
export async function prepareWriting(input: PrepareInput): Promise<Preparation> {
  const { client, relations } = input;
  const written = new Map(input.tables.map((table) => [table.staged.table.live.facts.oid, table]));
  const search: DependentSearch = { client, relations, written };
  const parkings = new Map<number, readonly Parking[]>();
  const conflicts = new Map<number, Conflict[]>();
  const toWrite: TableToWrite[] = [];
  for (const { staged, wholeRows } of input.tables) {
    const { index, live } = staged.table;
    const found = await findParkings(client, staged, input.salt);
    const dependents = await findDependents(search, staged);
    parkings.set(index, found.parkings);
    conflicts.set(index, [
      ...found.impossible.map(({ name }) => exchangeConflict(name)),
      ...dependents.flatMap((one) => dependentConflict(one) ?? []),
    ]);
    const { inserts, updates, deletes } = staged.counts;
    const needsReplica = [...followReasons(staged, dependents), ...parkReasons(staged, found.parkings)];
    toWrite.push({ index, facts: live.facts, inserts: inserts + wholeRows, updates, deletes, needsReplica });
  }
  const writing = decideWriting(toWrite, input.canReplica);
  for (const [index, more] of writing.conflicts) conflicts.set(index, [...(conflicts.get(index) ?? []), ...more]);
  return { writing, parkings, conflicts };
}

function exchangeConflict(name: string): Conflict {
  const detail = `rows exchange values under ${quoteIdentifier(name)}, and no column can hold something else meanwhile`;
  return { kind: 'unique', count: 1, detail };
}

/** Rows that point at a value which an update changes: the key's own action would change them a second time, or refuse. */
function followReasons(staged: StagedTable, dependents: readonly Dependents[]): string[] {
  const isChanged = ({ key }: Dependents) =>
    staged.changedSets.some((set) => set.some((name) => key.to.columns.includes(name)));
  return dependents
    .filter((one) => one.inside > 0 && isChanged(one))
    .map(({ key }) => `rows of ${printTable(key.from)} follow a changed ${key.to.columns.join(', ')}`);
}

function parkReasons(staged: StagedTable, parkings: readonly Parking[]): string[] {
  const { foreignKeys, referencedBy } = staged.table.live.facts;
  return parkings
    .filter(({ column, isNull }) => {
      const pointsAway = foreignKeys.some(
        ({ from, match }) => from.columns.includes(column) && (!isNull || match === 'full'),
      );
      return pointsAway || referencedBy.some(({ to }) => to.columns.includes(column));
    })
    .map(({ column }) => `${quoteIdentifier(column)} is exchanged between rows and part of a foreign key`);
}
