import { createHash } from 'node:crypto';
import { CofreError, isCofreError } from '@cofre/contracts';
import { compareRows, type ManifestTable, type RowBatch, type RowLayout } from '@cofre/engine';
import type pg from 'pg';
import { copyRows } from '../capture/copy-rows.ts';
import { readTableFacts } from '../introspect/read-table-facts.ts';
import { keyOrder, keyOrderSql, wholeRowOrderSql } from '../introspect/row-order.ts';
import { readServerFacts } from '../introspect/server-facts.ts';
import type { ColumnFacts } from '../introspect/table-facts.ts';
import { copyInto } from '../restore/copy-into.ts';
import { sqlStateOf } from '../session/errors.ts';
import { quoteIdentifier, quoteTable, type TableName } from '../session/quote.ts';
import type { ProofFault } from './proof-result.ts';
import { attempt, withApplicationPath } from './scratch-session.ts';

export interface ScratchColumn {
  readonly name: string;
  readonly type: string;
  /** Quoted as SQL; null: the type's own. */
  readonly collation: string | null;
}

export interface ScratchTable {
  readonly stored: ManifestTable;
  /** Where it is made. */
  readonly place: TableName;
  readonly columns: readonly ScratchColumn[];
}

export interface ScratchWork {
  readonly client: pg.ClientBase;
  readonly rowsOf: (table: ManifestTable) => AsyncIterable<RowBatch>;
  readonly onRows: (phase: 'apply' | 'verify', batch: RowBatch) => void;
}

/** What was counted and read while the table was filled, or what is wrong with it; then it is not there any more. */
export type Filled = { readonly rows: number; readonly fault: null } | { readonly rows: 0; readonly fault: ProofFault };

/**
 * Makes a table, writes every row of the backup into it, makes its key, and reads it again in the order of the key. The
 * bytes that come back must be those that went in.
 */
export async function fillTable(work: ScratchWork, table: ScratchTable): Promise<Filled> {
  return attempt<Filled>(
    work.client,
    async () => {
      await createTable(work.client, table);
      const wrote = await writeRows(work, table);
      if (wrote.rows !== table.stored.rows)
        throw new Fault('rows', `the backup says that it has ${table.stored.rows} rows, and it gave ${wrote.rows}`);
      await makeKey(work.client, table);
      const order = await orderOf(work.client, table);
      const read = await digestOf(copyRows(work.client, readSql(table, order)), (batch) =>
        work.onRows('verify', batch),
      );
      if (read.digest !== wrote.digest) throw new Fault('rows', await whatDiffers(work, table, order));
      return { rows: read.rows, fault: null };
    },
    { refused: (error) => ({ rows: 0, fault: faultOf(error, table) }) },
  );
}

/** Carries a fault out of the work, so that the table is taken back. */
class Fault extends Error {
  readonly fault: ProofFault;

  constructor(kind: ProofFault['kind'], detail: string) {
    super(detail);
    this.fault = { kind, detail };
  }
}

function faultOf(error: unknown, { stored }: ScratchTable): ProofFault {
  if (error instanceof Fault) return error.fault;
  if (isCofreError(error, 'repository/damaged') || isCofreError(error, 'repository/object-missing'))
    return { kind: 'unreadable', detail: error.message };
  const state = sqlStateOf(error) ?? '';
  const keyColumns = stored.key.map(({ name }) => quoteIdentifier(name)).join(', ');
  if (state === '23505') return { kind: 'key', detail: `two rows have the same ${keyColumns}` };
  if (state === '23502') return { kind: 'not-null', detail: `a row has no value where ${keyColumns} must have one` };
  // Data exceptions, checks of domains, sizes that no table takes; 42: types that cannot be columns or cannot be sorted.
  if (/^(?:22|23|54|42(?!501))/.test(state))
    return { kind: 'values', detail: `a value does not fit its type (SQLSTATE ${state})` };
  throw error;
}

async function createTable(client: pg.ClientBase, { place, columns }: ScratchTable): Promise<void> {
  const list = columns.map(
    ({ name, type, collation }) =>
      `${quoteIdentifier(name)} ${type}${collation === null ? '' : ` COLLATE ${collation}`}`,
  );
  // Unlogged: it is gone with the transaction, so nobody has to be able to recover it.
  await client.query(`CREATE UNLOGGED TABLE ${quoteTable(place)} (${list.join(', ')})`);
}

interface Digest {
  readonly rows: number;
  readonly digest: string;
}

async function writeRows(work: ScratchWork, table: ScratchTable): Promise<Digest> {
  const hash = createHash('sha256');
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const batch of work.rowsOf(table.stored)) {
      hash.update(batch.bytes);
      yield batch.bytes;
      work.onRows('apply', batch);
    }
  }
  const sql = `COPY ${quoteTable(table.place)} ${columnList(table)} FROM STDIN`;
  const rows = await withApplicationPath(work.client, () => copyInto(work.client, sql, pieces())).catch(
    (error: unknown) => {
      // What a function of the application says that checks a domain; one that is fired by new tables has spoken before.
      const state = sqlStateOf(error) ?? '';
      throw state.startsWith('P0') ? new Fault('values', `a type refuses a value (SQLSTATE ${state})`) : error;
    },
  );
  return { rows, digest: hash.digest('hex') };
}

async function digestOf(batches: AsyncIterable<RowBatch>, onBatch: (batch: RowBatch) => void): Promise<Digest> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const batch of batches) {
    hash.update(batch.bytes);
    rows += batch.ends.length;
    onBatch(batch);
  }
  return { rows, digest: hash.digest('hex') };
}

async function makeKey(client: pg.ClientBase, { place, stored }: ScratchTable): Promise<void> {
  if (stored.key.length === 0) return;
  const columns = stored.key.map(({ name }) => quoteIdentifier(name));
  const notNull = columns.map((column) => `ALTER COLUMN ${column} SET NOT NULL`).join(', ');
  await client.query(`ALTER TABLE ${quoteTable(place)} ${notNull}`);
  await client.query(`CREATE UNIQUE INDEX ON ${quoteTable(place)} (${columns.join(', ')})`);
}

/** The order in which the backup has its rows, over the alias `t`. */
async function orderOf(client: pg.ClientBase, { place, stored }: ScratchTable): Promise<string> {
  const { encoding } = await readServerFacts(client);
  const { rows } = await client.query<{ oid: number }>('SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid', [
    quoteTable(place),
  ]);
  const facts = (
    await readTableFacts(
      client,
      rows.map(({ oid }) => oid),
    )
  ).get(rows[0]?.oid ?? 0);
  const columnOf = (name: string): ColumnFacts => {
    const column = facts?.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new CofreError('internal/bug', 'the scratch table has every stored column');
    return column;
  };
  if (stored.key.length === 0) {
    return wholeRowOrderSql(
      stored.columns.map(({ name }) => columnOf(name)),
      encoding,
    )('t');
  }
  const parts = stored.key.map(({ name, order }) => {
    const column = columnOf(name);
    if (keyOrder(column) === order) return keyOrderSql(column, encoding)('t');
    // A domain over a time that is gone: its values lie here as text.
    if (order === 'timestamp') return `t.${quoteIdentifier(name)}::pg_catalog.timestamptz`;
    throw new Fault(
      'values',
      `${quoteIdentifier(name)}, which is part of the key, is of another kind of type than the backup says`,
    );
  });
  return parts.join(', ');
}

function readSql(table: ScratchTable, order: string): string {
  const columns = table.columns.map(({ name }) => `t.${quoteIdentifier(name)}`).join(', ');
  return `COPY (SELECT ${columns} FROM ${quoteTable(table.place)} AS t${order === '' ? '' : ` ORDER BY ${order}`}) TO STDOUT`;
}

function columnList({ columns }: ScratchTable): string {
  return columns.length === 0 ? '' : `(${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`;
}

/** Both are read once more, to the end: stopping in the middle would cost the connection. */
async function whatDiffers(work: ScratchWork, table: ScratchTable, order: string): Promise<string> {
  const { stored } = table;
  const layout: RowLayout = { columns: stored.columns.map(({ name }) => name), key: stored.key };
  const counts = { 'left-only': 0, 'right-only': 0, changed: 0 };
  const streams = { left: work.rowsOf(stored), right: copyRows(work.client, readSql(table, order)) };
  for await (const { kind } of compareRows(layout, streams, () => undefined)) counts[kind]++;
  const { 'left-only': lost, 'right-only': more, changed } = counts;
  return `of ${stored.rows} rows ${changed} came back with other values, ${lost} did not come back, ${more} came back that never went in`;
}
