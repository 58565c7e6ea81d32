import type { Database } from '@cofre/postgres';
import { withClient } from './with-client.ts';

/** A platform of many small tenants: every implementation owns one row of settings, some items and their movements. */
const ITEMS = 100;
const MOVEMENTS_AN_ITEM = 2;
export const ROWS_OF_ONE = 1 + ITEMS + ITEMS * MOVEMENTS_AN_ITEM;

export const SHOP_DEFINITION = `version: 1
module: shop
tables:
  - { table: public.shop_settings, role: config, scope: { columns: { implementation_id: id } } }
  - { table: public.shop_items, role: data, scope: { columns: { implementation_id: id } } }
  - { table: public.shop_movements, role: data, scope: { parent: public.shop_items, columns: { item_id: id } } }
`;

/** What is in the slice of the implementation `id`, as the queries that a script would write. */
export function sliceQueries(id: string): Readonly<Record<string, string>> {
  return {
    settings: `SELECT * FROM public.shop_settings WHERE implementation_id = '${id}'`,
    items: `SELECT * FROM public.shop_items WHERE implementation_id = '${id}'`,
    movements: `SELECT m.* FROM public.shop_movements AS m JOIN public.shop_items AS i ON i.id = m.item_id WHERE i.implementation_id = '${id}'`,
  };
}

/** A UUID of the kind that everything here has, made of a text. */
export const uuidOf = (text: string) => `overlay(overlay(md5(${text}) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid`;

/** The catalogue must be there already. Gives the ids. */
export async function buildShops(database: Database, count: number): Promise<readonly string[]> {
  return withClient(database, async (client) => {
    await client.query(`
      INSERT INTO public.base_modules (id, slug, name) VALUES (${uuidOf(`'shop'`)}, 'shop', 'Shop');
      INSERT INTO public.module_implementations (id, module_id, key, name)
        SELECT ${uuidOf('i::text')}, ${uuidOf(`'shop'`)}, 'shop-' || lpad(i::text, 6, '0'), 'Shop ' || i FROM generate_series(1, ${count}) AS i;
      CREATE TABLE public.shop_settings (
        implementation_id uuid PRIMARY KEY REFERENCES public.module_implementations, currency text NOT NULL, options jsonb NOT NULL);
      CREATE TABLE public.shop_items (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, implementation_id uuid NOT NULL REFERENCES public.module_implementations,
        sku text NOT NULL, name text NOT NULL, price numeric(12, 2) NOT NULL, quantity int NOT NULL, updated_at timestamptz NOT NULL);
      CREATE TABLE public.shop_movements (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id bigint NOT NULL REFERENCES public.shop_items,
        moved_at timestamptz NOT NULL, quantity int NOT NULL, reason text);
      INSERT INTO public.shop_settings
        SELECT id, 'BRL', jsonb_build_object('opening', '08:00', 'name', name) FROM public.module_implementations;
      INSERT INTO public.shop_items (implementation_id, sku, name, price, quantity, updated_at)
        SELECT ${uuidOf('i::text')}, 'SKU-' || i || '-' || n, 'Item ' || md5((i * n)::text), n * 1.5, n % 17,
               timestamptz '2025-01-01' + n * interval '1 hour'
        FROM generate_series(1, ${ITEMS}) AS n, generate_series(1, ${count}) AS i;
      INSERT INTO public.shop_movements (item_id, moved_at, quantity, reason)
        SELECT id, updated_at + n * interval '1 day', n, CASE WHEN id % 3 = 0 THEN 'sale of ' || md5(id::text) END
        FROM public.shop_items, generate_series(1, ${MOVEMENTS_AN_ITEM}) AS n;
      CREATE INDEX ON public.shop_items (implementation_id);
      CREATE INDEX ON public.shop_movements (item_id)`);
    await client.query('VACUUM (ANALYZE)');
    const { rows } = await client.query<{ id: string }>(
      'SELECT id::text FROM public.module_implementations ORDER BY key',
    );
    return rows.map(({ id }) => id);
  });
}

/** Sells something of every implementation named. */
export async function changeSlices(database: Database, ids: readonly string[]): Promise<void> {
  await withClient(database, (client) =>
    client.query(
      `UPDATE public.shop_items SET quantity = quantity + 1, updated_at = now()
       WHERE implementation_id = ANY ($1) AND sku LIKE '%7'`,
      [ids],
    ),
  );
}
