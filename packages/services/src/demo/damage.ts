import type pg from 'pg';

export interface Damage {
  /** Prices a hundred times too high. */
  readonly pricesChanged: number;
  readonly productsDeleted: number;
  /** Stock levels and movements that went with the deleted products. */
  readonly childrenDeleted: number;
  /** Tenants whose settings were overwritten. */
  readonly settingsBroken: number;
}

const TENANTS = `SELECT tenant_id FROM public.tenant_module_assignments WHERE implementation_id = $1`;

/** What a form saves that turned an object into text. */
const BROKEN_SETTINGS = '"[object Object]"';
/** Those that were not hit yet: hit again and again, prices would grow until no column holds them. */
const WHOLE_TENANTS = `${TENANTS} AND custom_config::text IS DISTINCT FROM '${BROKEN_SETTINGS}'`;

/**
 * What a bad deploy does to the inventory of one implementation: a price import takes cents for whole units, a clean-up
 * of "unused" products deletes those in use (their stock goes with them), and a settings form saves an object that was
 * turned into text. Where that was not put right yet, nothing happens.
 */
export async function damageInventory(client: pg.ClientBase, implementationId: string): Promise<Damage> {
  const children = await client.query<{ count: string }>(
    `SELECT count(*) FROM (
       SELECT product_id FROM public.stock_levels UNION ALL SELECT product_id FROM public.stock_movements
     ) AS child
     WHERE product_id IN (SELECT id FROM public.products WHERE tenant_id IN (${WHOLE_TENANTS}) AND ${CLEANED_UP})`,
    [implementationId],
  );
  const deleted = await client.query(
    `DELETE FROM public.products WHERE tenant_id IN (${WHOLE_TENANTS}) AND ${CLEANED_UP}`,
    [implementationId],
  );
  const repriced = await client.query(
    `UPDATE public.products SET price = price * 100 WHERE tenant_id IN (${WHOLE_TENANTS}) AND is_active`,
    [implementationId],
  );
  const broken = await client.query(
    `UPDATE public.tenant_module_assignments SET custom_config = '${BROKEN_SETTINGS}', updated_at = pg_catalog.now()
     WHERE implementation_id = $1 AND custom_config::text IS DISTINCT FROM '${BROKEN_SETTINGS}'`,
    [implementationId],
  );
  return {
    pricesChanged: repriced.rowCount ?? 0,
    productsDeleted: deleted.rowCount ?? 0,
    childrenDeleted: Number(children.rows[0]?.count ?? 0),
    settingsBroken: broken.rowCount ?? 0,
  };
}

/** One product in twelve. */
const CLEANED_UP = 'id % 12 = 5';

export interface Business {
  readonly invoices: number;
  readonly movements: number;
  readonly notes: number;
}

/**
 * Meanwhile everybody else goes on working: invoices are written by all tenants, those of the damaged implementation
 * too, stock moves where the inventory is whole, and people take notes.
 */
export async function goOnWorking(client: pg.ClientBase, damagedImplementationId: string): Promise<Business> {
  const invoices = await client.query(
    `INSERT INTO public.invoices (tenant_id, customer_id, number, status, issued_on, due_on, total)
     SELECT c.tenant_id, min(c.id), 'TODAY-1', 'open', current_date, current_date + 28, 199.90
     FROM public.customers c GROUP BY c.tenant_id
     RETURNING id`,
  );
  await client.query(
    `INSERT INTO public.invoice_lines (invoice_id, line, sku, description, quantity, unit_price)
     SELECT id, 1, 'DEMO', 'Sold while the restore was planned', 1, 199.90
     FROM public.invoices WHERE number = 'TODAY-1'`,
  );
  const movements = await client.query(
    `INSERT INTO public.stock_movements (tenant_id, product_id, warehouse_id, kind, quantity)
     SELECT l.tenant_id, l.product_id, l.warehouse_id, 'sale', -1 FROM public.stock_levels l
     WHERE l.quantity > 100 AND l.tenant_id NOT IN (${TENANTS})`,
    [damagedImplementationId],
  );
  const notes = await client.query(
    `INSERT INTO public.notes (tenant_id, contact_id, author, body)
     SELECT tenant_id, id, 'Support', 'Called about the prices in the shop.' FROM public.contacts
     WHERE 'vip' = ANY (tags)`,
  );
  return {
    invoices: invoices.rowCount ?? 0,
    movements: movements.rowCount ?? 0,
    notes: notes.rowCount ?? 0,
  };
}
