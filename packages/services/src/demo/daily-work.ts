import type pg from 'pg';

export interface WorkDay {
  /** 1, 2, …: each changes other rows. */
  readonly number: number;
  readonly date: Date;
}

/** What the tenants do in a day: they sell, get deliveries, invoice and take notes. A few rows in a hundred of each table. */
export async function workOneDay(client: pg.ClientBase, { number, date }: WorkDay): Promise<void> {
  for (const sql of DAILY) await client.query(sql, [number, date]);
  if (number % MONTH_DAYS === PRICE_LIST_DAY) await client.query(PRICE_LIST, [number, date]);
}

const MONTH_DAYS = 30;

/** A new price list changes far more than other days do: a spike that stands out. */
const PRICE_LIST_DAY = 16;

const PRICE_LIST = `
  UPDATE public.products SET price = round(price * 1.04, 2)
  WHERE is_active AND id % 3 <> $1::int % 3 AND $2::timestamptz IS NOT NULL`;

/** `$1` is the day's number, `$2` its date. Weekends are quiet. */
const DAILY = [
  `INSERT INTO public.stock_movements (tenant_id, product_id, warehouse_id, kind, quantity, moved_at)
   SELECT tenant_id, product_id, warehouse_id, 'sale', -1 - (product_id % 4), $2
   FROM public.stock_levels
   WHERE (product_id * 7 + $1::int) % (CASE WHEN extract(isodow FROM $2::timestamptz) > 5 THEN 173 ELSE 29 END) = 0`,
  `UPDATE public.stock_levels SET quantity = greatest(0, quantity - 1 - product_id::int % 4)
   WHERE (product_id * 7 + $1::int) % (CASE WHEN extract(isodow FROM $2::timestamptz) > 5 THEN 173 ELSE 29 END) = 0`,
  `INSERT INTO public.invoices (tenant_id, customer_id, number, status, issued_on, due_on, total)
   SELECT tenant_id, id, 'D' || $1::int || '-' || id, 'open', $2::date, $2::date + 28, 90 + id % 700
   FROM public.customers WHERE (id * 5 + $1::int) % 31 = 0`,
  `INSERT INTO public.invoice_lines (invoice_id, line, sku, description, quantity, unit_price)
   SELECT id, 1, 'SKU-' || id % 90, 'Delivery of the day', 1 + id % 5, total / (1 + id % 5)
   FROM public.invoices WHERE number LIKE 'D' || $1::int || '-%' AND issued_on = $2::date`,
  `UPDATE public.invoices SET status = 'paid'
   WHERE status = 'open' AND issued_on < $2::date AND (id + $1::int) % 13 = 0`,
  `INSERT INTO public.notes (tenant_id, contact_id, author, body, written_at)
   SELECT tenant_id, id, 'Support', 'Called back about the order of last week.', $2
   FROM public.contacts WHERE (extract(epoch FROM created_at)::bigint + $1::int) % 23 = 0`,
  `UPDATE public.deals SET value = round(value * 1.02, 2) WHERE (id + $1::int) % 19 = 0 AND $2::timestamptz IS NOT NULL`,
];
