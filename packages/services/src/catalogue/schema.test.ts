import path from 'node:path';
import type { Selectable } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { describeSchema } from '../../../../tests/support/describe-schema.ts';
import { generateSchema } from '../../../../tests/support/generate-schema.ts';
import type { DB as GeneratedSchema } from './generated-schema.ts';
import type { CatalogueSchema } from './schema.ts';

// The compiler holds the types to the generated ones: the same tables, each with the same columns, and of a table none that
// forgot that it may be NULL. Whether a view's column is, PostgreSQL does not know.
type Same<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : false;
type ForgotNull<Row, Generated> = {
  [Column in keyof Row & keyof Generated]: null extends Generated[Column]
    ? null extends Row[Column]
      ? never
      : Column
    : never;
}[keyof Row & keyof Generated];
/** The tables whose type is wrong: none, so nothing but `never` can be assigned. */
type Wrong = {
  [Table in keyof CatalogueSchema]: Same<CatalogueSchema[Table], GeneratedSchema[Table]> extends false
    ? Table
    : Table extends `${string}.v_${string}`
      ? never
      : ForgotNull<Selectable<CatalogueSchema[Table]>, Selectable<GeneratedSchema[Table]>>;
}[keyof CatalogueSchema];
/** Read and written through a view of schema cofre, wherever the table is. */
type BehindViews =
  `public.${'base_modules' | 'module_implementations' | 'tenants' | 'tenant_module_assignments' | 'audit_logs' | 'admin_notifications'}`;
const sameTables: Same<CatalogueSchema, Omit<GeneratedSchema, BehindViews>> = true;
const isNothingWrong: [Wrong] extends [never] ? true : Wrong = true;

const root = path.resolve(import.meta.dirname, '../../../..');
const [newest] = testServers();

describe.each(testServers())('the catalogue’s schema on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server, { template: 'migrated' });
  });
  afterAll(() => db.drop());

  it('the generated types are those of the database, and what is said on top of them leaves nothing out', async () => {
    const generated = await generateSchema(db.url);
    await expect(generated).toMatchFileSnapshot(path.join(import.meta.dirname, 'generated-schema.ts'));
    expect(generated.match(/"(cofre|public)\.\w+":/g)?.length).toBeGreaterThan(25);
    expect([sameTables, isNothingWrong]).toEqual([true, true]);
  });

  // Older servers print definitions with other parentheses.
  it.skipIf(server.name !== newest?.name)('supabase/schema.txt is what the migrations make', async () => {
    await expect(await describeSchema(db)).toMatchFileSnapshot(path.join(root, 'supabase/schema.txt'));
  });
});
