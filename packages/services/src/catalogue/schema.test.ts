import path from 'node:path';
import type { Selectable } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { describeSchema } from '../../../../tests/support/describe-schema.ts';
import type { CatalogueSchema } from './schema.ts';
import { SCHEMA_COLUMNS } from './schema-columns.ts';

/** The SQL types that a TypeScript type may stand for; `?` where it may be null. */
type Sql<T> = null extends T ? `${SqlNotNull<Exclude<T, null>>}?` : SqlNotNull<T>;
type SqlNotNull<T> = T extends string
  ? 'uuid' | 'text' | 'xid8'
  : T extends number
    ? 'int4' | 'int8'
    : T extends boolean
      ? 'bool'
      : T extends Date
        ? 'timestamptz'
        : T extends readonly string[]
          ? '_text'
          : 'jsonb';
/** PostgreSQL calls every column of a view nullable; whether one is NULL is the table's matter. */
type SqlOfView<T> = SqlNotNull<Exclude<T, null>>;
type ColumnsOf<Row, IsView> = {
  readonly [Column in keyof Row]: IsView extends true ? SqlOfView<Row[Column]> : Sql<Row[Column]>;
};
type Columns = {
  readonly [Table in keyof CatalogueSchema]: ColumnsOf<
    Selectable<CatalogueSchema[Table]>,
    Table extends `${string}.v_${string}` ? true : false
  >;
};
// The compiler holds the types to the generated columns, in both directions.
type Same<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : false;
const columns: Columns = SCHEMA_COLUMNS;
const sameTables: Same<typeof SCHEMA_COLUMNS, CatalogueSchema> = true;
const sameColumns: {
  [Table in keyof CatalogueSchema]: Same<(typeof SCHEMA_COLUMNS)[Table], CatalogueSchema[Table]>;
}[keyof CatalogueSchema] = true;

const root = path.resolve(import.meta.dirname, '../../../..');
const [newest] = testServers();

describe.each(testServers())('the catalogue’s schema on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
  });
  afterAll(() => db.drop());

  it('the generated columns are those of the database, and the types follow them', async () => {
    const file = path.join(import.meta.dirname, 'schema-columns.ts');
    await expect(await generateColumns(db)).toMatchFileSnapshot(file);
    expect([sameTables, sameColumns, Object.keys(columns).length > 15]).toEqual([true, true, true]);
  });

  // Older servers print definitions with other parentheses.
  it.skipIf(server.name !== newest?.name)('supabase/schema.txt is what the migrations make', async () => {
    await expect(await describeSchema(db)).toMatchFileSnapshot(path.join(root, 'supabase/schema.txt'));
  });
});

const OURS = `(table_schema = 'cofre' AND table_name NOT IN ('audit_logs', 'admin_notifications')
  OR table_schema = 'public' AND table_name = 'module_backups')`;

/** `schema-columns.ts`, formatted as Biome does. */
async function generateColumns(db: TestDatabase): Promise<string> {
  const { rows } = await db.query(
    `SELECT table_schema || '.' || table_name AS "table", column_name AS name,
            udt_name || CASE WHEN is_nullable = 'YES' AND table_name NOT LIKE 'v\\_%' THEN '?' ELSE '' END AS type
     FROM information_schema.columns WHERE ${OURS}
     ORDER BY table_schema COLLATE "C", table_name COLLATE "C", ordinal_position`,
  );
  const lines = [
    '/** Made by `./script/build-types` from the migrated database: each column’s type, with `?` where it may be NULL. */',
    'export const SCHEMA_COLUMNS = {',
  ];
  for (const table of new Set(rows.map((row) => String(row.table)))) {
    const entries = rows.filter((row) => row.table === table).map(({ name, type }) => `${name}: '${type}'`);
    const line = `  '${table}': { ${entries.join(', ')} },`;
    lines.push(...(line.length <= 120 ? [line] : [`  '${table}': {`, ...entries.map((it) => `    ${it},`), '  },']));
  }
  return `${[...lines, '} as const;'].join('\n')}\n`;
}
