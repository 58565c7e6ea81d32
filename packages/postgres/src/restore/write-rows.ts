import { columnEnd, linesOf, readPlanPages, readRangesAt } from '@cofre/engine';
import type pg from 'pg';
import { quoteIdentifier, quoteTable } from '../session/quote.ts';
import { copyInto } from './copy-into.ts';
import { heldValuesSql } from './find-unique-clashes.ts';
import { deletePlaces } from './multiset.ts';
import type { Parking } from './park-values.ts';
import type { Preparation } from './prepare-writing.ts';
import { columnListSql, type RestoreTable, sameRowSql } from './restore-table.ts';
import { createLike, setsTouching, type StagedTable, type StageInput } from './stage-operations.ts';
import { explainRefusal } from './stale.ts';
import { WriteMode } from './write-mode.ts';

export interface TableWriting extends StageInput {
  readonly staged: StagedTable;
}

/** Rows that a table's statements touched, as they must show in the server's own count. */
export interface Touched {
  inserted: number;
  updated: number;
  deleted: number;
}

export interface WriteInput {
  readonly client: pg.ClientBase;
  readonly tables: readonly TableWriting[];
  readonly prepared: Preparation;
  readonly onRows: ((table: RestoreTable, rows: number, bytes: number) => void) | undefined;
}

/**
 * Writes all operations: values that stand in each other's way are given up, then rows are inserted (parents before
 * children), updated, and deleted (children before parents). Every statement names its rows by the staged operations.
 */
export async function writeRows(input: WriteInput): Promise<ReadonlyMap<number, Touched>> {
  const { client, prepared } = input;
  const { order, replica } = prepared.writing;
  const mode = new WriteMode(client);
  const writers = order.flatMap((index) => {
    const table = input.tables.find((one) => one.table.index === index);
    return table === undefined ? [] : [new TableWriter(input, table)];
  });
  const each = async (inOrder: readonly TableWriter[], step: (writer: TableWriter) => Promise<void>) => {
    for (const writer of inOrder) {
      await mode.set(replica.has(writer.index));
      await writer.explained(step);
    }
  };
  // What can be checked at the end is checked at the end.
  await client.query('SET CONSTRAINTS ALL DEFERRED');
  await each(writers, (writer) => writer.park());
  await each(writers, (writer) => writer.update('pointed-at'));
  await each(writers, (writer) => writer.insert());
  await each(writers, (writer) => writer.update('others'));
  await each(writers, (writer) => writer.unpark());
  await each(writers, (writer) => writer.setNulled());
  await each(writers, (writer) => writer.letGo());
  await each([...writers].reverse(), (writer) => writer.delete());
  await mode.set(false);
  for (const writer of writers)
    await writer.explained(() => client.query('SET CONSTRAINTS ALL IMMEDIATE').then(() => undefined));
  return new Map(writers.map((writer) => [writer.index, writer.touched]));
}

class TableWriter {
  readonly index: number;
  readonly touched: Touched = { inserted: 0, updated: 0, deleted: 0 };
  readonly #client: pg.ClientBase;
  readonly #input: WriteInput;
  readonly #writing: TableWriting;
  readonly #table: RestoreTable;
  readonly #staged: StagedTable;
  readonly #parkings: readonly Parking[];
  readonly #nulled: readonly string[];

  constructor(input: WriteInput, writing: TableWriting) {
    const { index } = writing.table;
    this.index = index;
    this.#client = input.client;
    this.#input = input;
    this.#writing = writing;
    this.#table = writing.table;
    this.#staged = writing.staged;
    this.#parkings = input.prepared.parkings.get(index) ?? [];
    this.#nulled = input.prepared.writing.nulled.get(index) ?? [];
  }

  async explained(step: (writer: TableWriter) => Promise<void>): Promise<void> {
    try {
      await step(this);
    } catch (error) {
      throw explainRefusal(error, this.#table.name);
    }
  }

  /** Rows give up for a moment what others shall hold. */
  async park(): Promise<void> {
    const { before, meta } = this.#staged;
    for (const { unique, column, valueSql } of this.#parkings) {
      await this.#update(
        `SET ${quoteIdentifier(column)} = ${valueSql('s')} FROM ${before} AS s
          WHERE s.${meta.n} IN (${heldValuesSql(this.#staged, unique)})`,
      );
    }
  }

  /** Rows whose own update does not name the column that was parked get it back. */
  async unpark(): Promise<void> {
    const { after, meta } = this.#staged;
    for (const { unique, column } of this.#parkings) {
      const name = quoteIdentifier(column);
      await this.#update(
        `SET ${name} = s.${name} FROM ${after} AS s
          WHERE s.${meta.op} = 'u' AND s.${meta.set} <> ALL (${setsTouching(this.#staged, new Set([column]))})
            AND s.${meta.n} IN (${heldValuesSql(this.#staged, unique)})`,
      );
    }
  }

  /** One COPY for all rows of a table, so that rows which point at each other are checked when all are there. */
  async insert(): Promise<void> {
    const { plan, isUndo } = this.#writing;
    const wholeRanges = isUndo ? [] : plan.wholeRanges;
    if (this.#staged.counts.inserts === 0 && wholeRanges.length === 0) return;
    // A COPY is not diverted by rules, and identity columns take its values.
    const sql = `COPY ${quoteTable(this.#table.live.facts)} (${columnListSql(this.#table.columns)}) FROM STDIN`;
    this.touched.inserted += await copyInto(this.#client, sql, this.#insertedLines(wholeRanges));
  }

  async *#insertedLines(wholeRanges: readonly number[]): AsyncGenerator<Buffer> {
    const { repository, plan, table } = this.#writing;
    const blank = this.#nulled.map((name) => table.layout.columns.indexOf(name));
    let rows = 0;
    let bytes = 0;
    const tell = (count: number, length: number) => {
      rows += count;
      bytes += length;
      this.#input.onRows?.(table, rows, bytes);
    };
    for await (const page of readPlanPages(repository, plan)) {
      const lines: Buffer[] = [];
      for (const operation of page) if (operation.op === 'insert') lines.push(blanked(operation.after, blank));
      if (lines.length === 0) continue;
      const piece = Buffer.concat(lines);
      yield piece;
      tell(lines.length, piece.length);
    }
    for await (const range of readRangesAt(repository, table.stored, wholeRanges)) {
      yield blank.length === 0
        ? range.rows.bytes
        : Buffer.concat([...linesOf(range.rows)].map((line) => blanked(line, blank)));
      tell(range.rows.ends.length, range.rows.bytes.length);
    }
  }

  /** One statement for each distinct set of changed columns; those that others point at come before rows are inserted. */
  async update(which: 'pointed-at' | 'others'): Promise<void> {
    const { after, meta, changedSets } = this.#staged;
    const pointedAt = new Set(this.#table.live.facts.referencedBy.flatMap(({ to }) => to.columns));
    for (const [number, columns] of changedSets.entries()) {
      const isPointedAt = columns.some((name) => pointedAt.has(name));
      if (isPointedAt !== (which === 'pointed-at')) continue;
      const assignments = columns.map((name) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`);
      await this.#update(`SET ${assignments.join(', ')} FROM ${after} AS s WHERE s.${meta.set} = ${number}`);
    }
  }

  /** Sets what was left NULL when rows were inserted, now that everything that they point at is there. */
  async setNulled(): Promise<void> {
    if (this.#nulled.length === 0) return;
    const names = this.#nulled.map(quoteIdentifier);
    const assignments = names.map((name) => `${name} = s.${name}`).join(', ');
    const some = names.map((name) => `s.${name} IS NOT NULL`).join(' OR ');
    const { after, meta } = this.#staged;
    await this.#update(`SET ${assignments} FROM ${after} AS s WHERE s.${meta.op} = 'i' AND (${some})`);
    const { repository, plan, table, isUndo } = this.#writing;
    if (isUndo || plan.wholeRanges.length === 0) return;
    const relation = await createLike(this.#client, table, { name: 'cofre_nulled', checks: false });
    for await (const { rows } of readRangesAt(repository, table.stored, plan.wholeRanges)) {
      await this.#client.query(`TRUNCATE ${relation}`);
      await copyInto(this.#client, `COPY ${relation} (${columnListSql(table.columns)}) FROM STDIN`, [rows.bytes]);
      await this.#update(`SET ${assignments} FROM ${relation} AS s WHERE (${some})`);
    }
  }

  /** Rows to be deleted let go of each other, where their foreign keys go round in a circle. */
  async letGo(): Promise<void> {
    const { before, meta, counts } = this.#staged;
    if (this.#nulled.length === 0 || counts.deletes === 0) return;
    const assignments = this.#nulled.map((name) => `${quoteIdentifier(name)} = NULL`).join(', ');
    await this.#update(`SET ${assignments} FROM ${before} AS s WHERE s.${meta.op} = 'd'`);
  }

  async delete(): Promise<void> {
    const { before, meta, counts } = this.#staged;
    if (counts.deletes === 0) return;
    const { identity, live } = this.#table;
    if (identity === null) {
      this.touched.deleted += await deletePlaces(this.#client, this.#table);
      return;
    }
    const { rowCount } = await this.#client.query(
      `DELETE FROM ${live.fromSql} AS t USING ${before} AS s WHERE s.${meta.op} = 'd' AND ${sameRowSql(identity, 't', 's')}`,
    );
    this.touched.deleted += rowCount ?? 0;
  }

  /** `assignments` ends in a condition on the staged rows `s`; the rows of the table `t` are theirs. */
  async #update(assignments: string): Promise<void> {
    const { identity, live } = this.#table;
    if (identity === null) return;
    const { rowCount } = await this.#client.query(
      `UPDATE ${live.fromSql} AS t ${assignments} AND ${sameRowSql(identity, 't', 's')}`,
    );
    this.touched.updated += rowCount ?? 0;
  }
}

const NULL = Buffer.from('\\N', 'latin1');

/** The line with NULL in these places. */
function blanked(line: Buffer, places: readonly number[]): Buffer {
  if (places.length === 0) return line;
  const parts: Buffer[] = [];
  let start = 0;
  for (let place = 0; start < line.length; place++) {
    const end = columnEnd(line, start);
    parts.push(places.includes(place) ? NULL : line.subarray(start, end), line.subarray(end, end + 1));
    start = end + 1;
  }
  return Buffer.concat(parts);
}
