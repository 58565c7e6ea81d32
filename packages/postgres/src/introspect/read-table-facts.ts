import { assert } from '@cofre/contracts';
import type pg from 'pg';
import { prepared } from '../session/prepared.ts';
import { parseTableName, quoteIdentifier, quoteTable, type TableName } from '../session/quote.ts';
import {
  COLUMNS_SQL,
  FIND_TABLES_SQL,
  FOREIGN_KEYS_SQL,
  INDEX_TEXTS_SQL,
  INDEXES_SQL,
  RELATIONS_SQL,
  RULES_SQL,
  SEQUENCES_SQL,
  TRIGGERS_SQL,
} from './catalogue-sql.ts';
import { chooseKey, type ColumnRow, type IndexRow } from './choose-key.ts';
import { readTypeFacts } from './read-types.ts';
import { readServerFacts } from './server-facts.ts';
import type {
  ColumnFacts,
  ForeignKeyFacts,
  RuleFacts,
  SequenceFacts,
  TableFacts,
  TriggerFacts,
  UniqueFacts,
} from './table-facts.ts';

/** `schema.table`, quoted as in SQL → its oid; null: the text names no table, view or the like. */
export async function findTable(client: pg.ClientBase, name: string): Promise<number | null> {
  const parsed = parseTableName(name);
  if (parsed === null) return null;
  const [oid] = await findTables(client, [parsed]);
  return oid ?? null;
}

/** One oid, or null, for each name. */
export async function findTables(client: pg.ClientBase, names: readonly TableName[]): Promise<(number | null)[]> {
  const { rows } = await client.query<{ position: number; oid: number }>(
    prepared(FIND_TABLES_SQL, [names.map(({ schema }) => schema), names.map(({ name }) => name)]),
  );
  const found = new Map(rows.map((row) => [row.position, row.oid]));
  return names.map((_, position) => found.get(position) ?? null);
}

/**
 * What the system catalogues say of these tables, in a handful of statements however many tables there are. An oid that
 * names nothing (dropped meanwhile) is missing from the result. The session must be pinned.
 */
export async function readTableFacts(client: pg.ClientBase, oids: readonly number[]): Promise<Map<number, TableFacts>> {
  const { encoding } = await readServerFacts(client);
  const relations = await rowsOf<RelationRow>(client, RELATIONS_SQL, oids);
  // Rows of a partitioned table live in its partitions: what hangs on a partition hangs on the table.
  const partitions = relations.flatMap((relation) => leavesOf(relation).map((leaf) => leaf.oid));
  const everywhere = [...new Set([...oids, ...partitions])];
  const allColumns = await rowsOf<ColumnRow & TableRow>(client, COLUMNS_SQL, oids);
  const columns = groupByTable(allColumns);
  const types = await readTypeFacts(client, allColumns);
  const indexes = await rowsOf<IndexRow>(client, INDEXES_SQL, oids);
  const texts = await readIndexTexts(client, indexes);
  const indexesOf = groupByTable(indexes);
  const foreignKeys = await rowsOf<ForeignKeyRow>(client, FOREIGN_KEYS_SQL, everywhere);
  const triggers = groupByTable(await rowsOf<TriggerRow>(client, TRIGGERS_SQL, everywhere));
  const rules = groupByTable(await rowsOf<RuleRow>(client, RULES_SQL, oids));
  const sequences = groupByTable(await rowsOf<SequenceFacts & TableRow>(client, SEQUENCES_SQL, oids));
  const tables = relations.map((relation): TableFacts => {
    const { oid } = relation;
    const ownColumns = columns.get(oid) ?? [];
    const ownIndexes = indexesOf.get(oid) ?? [];
    const uniques = ownIndexes.flatMap((index) => uniqueFacts(index, ownColumns, texts.get(index.oid)) ?? []);
    return {
      ...relationFacts(relation),
      columns: ownColumns.map(columnFacts),
      key: chooseKey(ownColumns, ownIndexes, encoding),
      primaryKey: uniques.find((unique) => unique.kind === 'primary')?.columns ?? [],
      uniques,
      ...foreignKeyFacts(relation, foreignKeys),
      triggers: triggerFacts(relation, triggers),
      rules: (rules.get(oid) ?? []).map(ruleFacts),
      sequences: (sequences.get(oid) ?? []).map(({ tableOid: _, ...sequence }) => sequence),
      types: types.get(oid) ?? [],
    };
  });
  return new Map(tables.map((table) => [table.oid, table]));
}

interface TableRow {
  readonly tableOid: number;
}

interface RelationRow extends TableName {
  readonly oid: number;
  readonly kind: string;
  readonly isPartition: boolean;
  readonly temporary: boolean;
  readonly rowSecurity: boolean;
  readonly rowSecurityForced: boolean;
  readonly ancestors: readonly number[];
  /** The table itself and everything below it. */
  readonly family: readonly (TableName & { oid: number; kind: string; rows: number; pages: number })[];
  readonly pageBytes: number;
}

interface IndexTexts {
  readonly oid: number;
  readonly predicate: string | null;
  readonly expressions: readonly string[];
}

interface ForeignKeyRow extends Pick<ForeignKeyFacts, 'oid' | 'name' | 'operators' | 'deferrable' | 'validated'> {
  readonly enforced: boolean;
  readonly copied: boolean;
  readonly copiedForTarget: boolean;
  readonly fromOid: number;
  readonly fromSchema: string;
  readonly fromName: string;
  readonly fromColumns: readonly string[];
  readonly toOid: number;
  readonly toSchema: string;
  readonly toName: string;
  readonly toColumns: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
  readonly match: string;
}

interface TriggerRow extends TableRow {
  readonly name: string;
  readonly function: string;
  readonly type: number;
  readonly enabled: string;
}

interface RuleRow extends TableRow {
  readonly name: string;
  readonly type: string;
  readonly enabled: string;
}

async function rowsOf<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  sql: string,
  oids: readonly number[],
): Promise<Row[]> {
  if (oids.length === 0) return [];
  return (await client.query<Row>(prepared(sql, [oids]))).rows;
}

function groupByTable<Row extends TableRow>(rows: readonly Row[]): Map<number, Row[]> {
  return Map.groupBy(rows, (row) => row.tableOid);
}

/** How long the deparsing of expressions may wait for DDL, see `catalogue-sql.ts`. */
const DEPARSE_LOCK_TIMEOUT_MS = 2000;

function needsTexts(index: IndexRow): boolean {
  return index.partial || index.keys.some((key) => key.attnum === 0);
}

async function readIndexTexts(client: pg.ClientBase, indexes: readonly IndexRow[]): Promise<Map<number, IndexTexts>> {
  const needed = indexes.filter(needsTexts);
  if (needed.length === 0) return new Map();
  const setTimeout = 'SELECT pg_catalog.set_config($1, $2, false) AS done';
  const before = await client.query<{ value: string }>("SELECT pg_catalog.current_setting('lock_timeout') AS value");
  await client.query(setTimeout, ['lock_timeout', `${DEPARSE_LOCK_TIMEOUT_MS}ms`]);
  try {
    const rows = await rowsOf<IndexTexts>(
      client,
      INDEX_TEXTS_SQL,
      needed.map((index) => index.oid),
    );
    return new Map(rows.map((row) => [row.oid, row]));
  } finally {
    // In a transaction that failed, the rollback puts the setting back.
    if (client.getTransactionStatus() !== 'E')
      await client.query(setTimeout, ['lock_timeout', before.rows[0]?.value ?? '0']);
  }
}

const OTHER_KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
};

function leavesOf(relation: RelationRow): RelationRow['family'] {
  if (relation.kind !== 'p') return [];
  return relation.family.filter((member) => member.oid !== relation.oid && member.kind !== 'p');
}

function kindOf(relation: RelationRow): Pick<TableFacts, 'kind' | 'kindDetail'> {
  const other = (kindDetail: string) => ({ kind: 'other', kindDetail }) as const;
  if (relation.kind !== 'r' && relation.kind !== 'p') return other(OTHER_KINDS[relation.kind] ?? 'not a table');
  if (relation.temporary) return other('a temporary table');
  const foreign = relation.family.find((member) => member.kind === 'f');
  const below = relation.kind === 'p' ? 'partition' : 'child';
  if (foreign !== undefined) return other(`a table with the foreign ${below} ${quoteTable(foreign)}`);
  if (relation.isPartition) return { kind: 'partition', kindDetail: null };
  if (relation.kind === 'p') return { kind: 'partitioned', kindDetail: null };
  if (relation.family.length > 1) return { kind: 'inheritance-parent', kindDetail: null };
  return { kind: relation.ancestors.length > 0 ? 'inheritance-child' : 'plain', kindDetail: null };
}

function relationFacts(relation: RelationRow) {
  const below = relation.kind === 'p' ? leavesOf(relation) : relation.family.filter(({ oid }) => oid !== relation.oid);
  const holders = relation.kind === 'p' ? below : relation.family.filter(({ oid }) => oid === relation.oid);
  const analyzed = holders.filter((holder) => holder.rows >= 0);
  return {
    oid: relation.oid,
    schema: relation.schema,
    name: relation.name,
    ...kindOf(relation),
    children: below.map(({ oid, schema, name }) => ({ oid, schema, name })),
    ancestors: relation.ancestors,
    rowSecurity: { enabled: relation.rowSecurity, forced: relation.rowSecurityForced },
    rowsEstimate: analyzed.length === 0 ? -1 : analyzed.reduce((sum, holder) => sum + holder.rows, 0),
    bytesOnDisk: holders.reduce((sum, holder) => sum + holder.pages, 0) * relation.pageBytes,
  };
}

function columnFacts(row: ColumnRow & TableRow): ColumnFacts {
  const { tableOid: _, baseTypmod: __, ...column } = row;
  return column;
}

/** null: the index was dropped before its expressions were read. */
function uniqueFacts(
  index: IndexRow,
  columns: readonly ColumnRow[],
  texts: IndexTexts | undefined,
): UniqueFacts | null {
  const names = index.keys.map((key) => columns.find((column) => column.attnum === key.attnum)?.name ?? null);
  const plain = names.filter((name) => name !== null);
  if (texts === undefined && needsTexts(index)) return null;
  const expressions = texts?.expressions ?? plain.map(quoteIdentifier);
  return {
    name: index.name,
    indexOid: index.oid,
    kind: index.primary ? 'primary' : index.unique && !index.exclusion ? 'unique' : 'exclusion',
    usable: index.usable,
    expressions,
    operators: index.keys.flatMap((key) => key.operator ?? []),
    columns: plain.length === index.keys.length ? plain : null,
    predicate: texts?.predicate ?? null,
    deferrable: index.deferrable,
    nullsNotDistinct: index.nullsNotDistinct,
    valid: index.usable,
  };
}

const ACTIONS: Readonly<Record<string, ForeignKeyFacts['onDelete']>> = {
  a: 'no-action',
  r: 'restrict',
  c: 'cascade',
  n: 'set-null',
  d: 'set-default',
};
const MATCHES: Readonly<Record<string, ForeignKeyFacts['match']>> = { f: 'full', p: 'partial', s: 'simple' };

function foreignKeyFacts(
  relation: RelationRow,
  rows: readonly ForeignKeyRow[],
): Pick<TableFacts, 'foreignKeys' | 'referencedBy'> {
  const leaves = new Set(leavesOf(relation).map((leaf) => leaf.oid));
  // A partition that stands for itself has copies of what its root has; through the root they would count twice.
  const outgoing = (row: ForeignKeyRow) =>
    row.fromOid === relation.oid
      ? !row.copiedForTarget && (!row.copied || relation.isPartition)
      : leaves.has(row.fromOid) && !row.copied;
  const incoming = (row: ForeignKeyRow) =>
    row.toOid === relation.oid
      ? !row.copied || (row.copiedForTarget && relation.isPartition)
      : leaves.has(row.toOid) && !row.copied;
  const enforced = rows.filter((row) => row.enforced);
  return {
    foreignKeys: enforced.filter(outgoing).map(foreignKeyOf),
    referencedBy: enforced.filter(incoming).map(foreignKeyOf),
  };
}

function foreignKeyOf(row: ForeignKeyRow): ForeignKeyFacts {
  const { oid, name, operators, deferrable, validated } = row;
  return {
    name,
    oid,
    from: { schema: row.fromSchema, name: row.fromName, oid: row.fromOid, columns: row.fromColumns },
    to: { schema: row.toSchema, name: row.toName, oid: row.toOid, columns: row.toColumns },
    operators,
    onDelete: ACTIONS[row.onDelete] ?? 'no-action',
    onUpdate: ACTIONS[row.onUpdate] ?? 'no-action',
    match: MATCHES[row.match] ?? 'simple',
    deferrable,
    validated,
  };
}

/** Bits of pg_trigger.tgtype. */
const TRIGGER_BEFORE = 2;
const TRIGGER_INSTEAD = 64;
const TRIGGER_EVENTS = [
  [4, 'insert'],
  [16, 'update'],
  [8, 'delete'],
  [32, 'truncate'],
] as const;
const FIRES = { O: 'origin', A: 'always', R: 'replica', D: 'disabled' } as const;

function firesWhen(code: string): TriggerFacts['enabled'] {
  return code === 'A' || code === 'R' || code === 'D' ? FIRES[code] : FIRES.O;
}

function triggerFacts(relation: RelationRow, byTable: ReadonlyMap<number, TriggerRow[]>): TriggerFacts[] {
  const tables = [relation, ...leavesOf(relation)];
  const triggers = tables.flatMap((table) => byTable.get(table.oid) ?? []).map(triggerOf);
  // Partitions repeat the triggers of their root; what differs (another trigger, or disabled here only) stays.
  const distinct = new Map(triggers.map((trigger) => [JSON.stringify(trigger), trigger]));
  return [...distinct.values()];
}

function triggerOf(row: TriggerRow): TriggerFacts {
  const { name, type } = row;
  return {
    name,
    function: row.function,
    timing: type & TRIGGER_INSTEAD ? 'instead-of' : type & TRIGGER_BEFORE ? 'before' : 'after',
    events: TRIGGER_EVENTS.filter(([bit]) => (type & bit) !== 0).map(([, event]) => event),
    enabled: firesWhen(row.enabled),
  };
}

const RULE_EVENTS: Readonly<Record<string, RuleFacts['event']>> = {
  1: 'select',
  2: 'update',
  3: 'insert',
  4: 'delete',
};

function ruleFacts(row: RuleRow): RuleFacts {
  const enabled = firesWhen(row.enabled);
  assert(enabled !== 'disabled', 'disabled rules are not read');
  return { name: row.name, event: RULE_EVENTS[row.type] ?? 'select', enabled };
}
