import type { Database } from '@cofre/postgres';
import { uuidOf } from './shop-tables.ts';
import { withClient } from './with-client.ts';

/** A platform of many small tenants, each with as many rows in each of three tables. */
const ROWS_OF_TABLE = 50;
export const ROWS_OF_ONE = 3 * ROWS_OF_TABLE;

export const TENANTS_DEFINITION = `version: 1
module: tenants
tables:
  - { table: public.tenant_options, role: config, scope: { columns: { implementation_id: id } } }
  - { table: public.tenant_items, role: data, scope: { columns: { implementation_id: id } } }
  - { table: public.tenant_sales, role: data, scope: { parent: public.tenant_items, columns: { item_id: id } } }
`;

/** Everything that belongs to anybody, in three queries. */
export const copyTenants: readonly string[] = [
  'SELECT * FROM public.tenant_options',
  'SELECT * FROM public.tenant_items',
  'SELECT * FROM public.tenant_sales',
];

/** The catalogue must be there already. */
export async function buildTenants(database: Database, count: number): Promise<void> {
  await withClient(database, async (client) => {
    await client.query(`
      INSERT INTO public.base_modules (id, slug, name) VALUES (${uuidOf(`'tenants'`)}, 'tenants', 'Tenants');
      INSERT INTO public.module_implementations (id, module_id, key, name)
        SELECT ${uuidOf('i::text')}, ${uuidOf(`'tenants'`)}, 'tenant-' || lpad(i::text, 6, '0'), 'Tenant ' || i FROM generate_series(1, ${count}) AS i;
      CREATE TABLE public.tenant_options (
        implementation_id uuid NOT NULL REFERENCES public.module_implementations, name text NOT NULL, value jsonb NOT NULL,
        PRIMARY KEY (implementation_id, name));
      CREATE TABLE public.tenant_items (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, implementation_id uuid NOT NULL REFERENCES public.module_implementations,
        sku text NOT NULL, name text NOT NULL, price numeric(12, 2) NOT NULL, updated_at timestamptz NOT NULL);
      CREATE TABLE public.tenant_sales (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id bigint NOT NULL REFERENCES public.tenant_items,
        sold_at timestamptz NOT NULL, quantity int NOT NULL, note text);
      INSERT INTO public.tenant_options
        SELECT ${uuidOf('i::text')}, 'option ' || n, jsonb_build_object('value', n, 'text', md5((i + n)::text))
        FROM generate_series(1, ${count}) AS i, generate_series(1, ${ROWS_OF_TABLE}) AS n;
      INSERT INTO public.tenant_items (implementation_id, sku, name, price, updated_at)
        SELECT ${uuidOf('i::text')}, 'SKU-' || i || '-' || n, 'Item ' || md5((i * n)::text), n * 1.5,
               timestamptz '2025-01-01' + n * interval '1 hour'
        FROM generate_series(1, ${ROWS_OF_TABLE}) AS n, generate_series(1, ${count}) AS i;
      INSERT INTO public.tenant_sales (item_id, sold_at, quantity, note)
        SELECT id, updated_at + interval '1 day', id % 17, CASE WHEN id % 3 = 0 THEN 'sale of ' || md5(id::text) END
        FROM public.tenant_items;
      CREATE INDEX ON public.tenant_items (implementation_id);
      CREATE INDEX ON public.tenant_sales (item_id)`);
    await client.query('VACUUM (ANALYZE)');
  });
}

/** Changes some rows of one in so many implementations, others in each turn. */
export async function changeTenants(database: Database, oneIn: number, turn: number): Promise<void> {
  await withClient(database, (client) =>
    client.query(
      `UPDATE public.tenant_items SET price = price + 1, updated_at = now()
       WHERE sku LIKE '%7' AND implementation_id IN (
         SELECT id FROM public.module_implementations WHERE (right(key, 6)::int + $2) % $1 = 0)`,
      [oneIn, turn],
    ),
  );
}
