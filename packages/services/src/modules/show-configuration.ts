import {
  type ConfigurationDocument,
  type ImplementationInput,
  implementationInput,
  parseInput,
} from '@cofre/contracts';
import { printTable, quoteIdentifier, resolveSlice, type SliceTable, withSessions } from '@cofre/postgres';
import type pg from 'pg';
import { authorize } from '../access/authorize.ts';
import { maskedRow } from '../backups/show-row.ts';
import type { ServiceContext } from '../service-context.ts';
import { findImplementation, sliceInputsOf } from './find-implementation.ts';
import { maskSecretKeys } from './mask-secret-keys.ts';

/** Of each table; configuration that is longer is looked at in a backup, page by page. */
const ROWS_SHOWN_MAX = 50;

type ConfigurationTable = ConfigurationDocument['tables'][number];

/**
 * The rows of an implementation's tables of role `config` as they are now. Secret columns are masked, and within JSON
 * the values under names that speak of secrets. Changes nothing.
 */
export async function showConfiguration(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock' | 'database' | 'signal'>,
  input: ImplementationInput,
): Promise<ConfigurationDocument> {
  const { implementation } = parseInput(implementationInput, input);
  const context = await authorize(caller, 'showConfiguration', { name: implementation });
  const { ref, definition, rootKey } = sliceInputsOf(await findImplementation(context.catalogue, implementation));
  return withSessions(context, async ({ open }) => {
    const { client } = await open('cofre configuration');
    const slice = await resolveSlice(client, definition, rootKey, { implementationId: ref.id });
    const tables: ConfigurationTable[] = [];
    for (const table of slice.tables) if (table.role === 'config') tables.push(await readTable(client, table));
    return { tables };
  });
}

async function readTable(client: pg.ClientBase, table: SliceTable): Promise<ConfigurationTable> {
  const columns = table.columns.map(({ name }) => name);
  const order = table.orderSql('t');
  const { rows } = await client.query<(string | null)[]>({
    rowMode: 'array',
    text: `SELECT ${columns.map((name) => `t.${quoteIdentifier(name)}::text`).join(', ')}
      FROM ${table.fromSql} AS t WHERE ${table.scopeSql('t')} ${order === '' ? '' : `ORDER BY ${order}`}
      LIMIT ${ROWS_SHOWN_MAX + 1}`,
  });
  const isJson = new Set(table.columns.filter(({ type }) => /^jsonb?$/.test(type)).map(({ name }) => name));
  const shown = rows.slice(0, ROWS_SHOWN_MAX).map((values) => {
    const row = maskedRow({ columns, key: [], secret: table.secret }, values);
    const entries = Object.entries(row).map(([name, value]) => {
      return [name, value !== null && isJson.has(name) ? maskSecretKeys(value) : value] as const;
    });
    return Object.fromEntries(entries);
  });
  return {
    table: printTable(table.facts),
    columns,
    secretColumns: columns.filter((name) => table.secret.has(name)),
    rows: shown,
    isCut: rows.length > ROWS_SHOWN_MAX,
  };
}
