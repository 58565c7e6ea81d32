import { joinLine } from '@cofre/engine';
import type { DemoTable } from './demo-schema.ts';
import { DEMO_TENANTS, type DemoTenant } from './platform.ts';
import { SeededRandom } from './seeded-random.ts';
import { PEOPLE, TRADES, type Trade } from './vocabulary.ts';

/** Rows of one table as lines of COPY text. */
export interface DemoRows {
  readonly table: DemoTable;
  readonly columns: readonly string[];
  readonly lines: readonly Buffer[];
}

type Value = string | number | boolean | null | Record<string, unknown>;

/** The platform's last day: dates are counted back from here, so that every run makes the same rows. */
const LAST_DAY = Date.UTC(2026, 5, 30);
const DAY_MS = 86_400_000;
const DAYS = 540;

const PRODUCTS_PER_TENANT = 120;
const CUSTOMERS_PER_TENANT = 90;
const INVOICES_PER_TENANT = 340;
const CONTACTS_PER_TENANT = 110;

/** Some 50 000 rows of sixteen companies. The same seed gives the same rows. */
export function generatePlatformData(seed: number): readonly DemoRows[] {
  const tables = new TableLines();
  const random = new SeededRandom(seed);
  const products = generateInventory(tables, random);
  const customers = generateBilling(tables, random, products);
  generateCrm(tables, random, customers);
  return tables.all();
}

interface Product {
  readonly id: number;
  readonly sku: string;
  readonly name: string;
  readonly price: number;
}

interface Customer {
  readonly id: number;
  readonly name: string;
}

type ByTenant<T> = ReadonlyMap<DemoTenant, readonly T[]>;

/** Collects rows; the columns of a table are those of its first row. */
class TableLines {
  readonly #tables = new Map<DemoTable, { columns: readonly string[]; lines: Buffer[] }>();

  /** Returns the row's number in its table, from 1: what an identity column would have given. */
  add(table: DemoTable, row: Readonly<Record<string, Value>>): number {
    const rows = this.#tables.get(table) ?? { columns: Object.keys(row), lines: [] };
    this.#tables.set(table, rows);
    rows.lines.push(joinLine(rows.columns.map((column) => textOf(row[column] ?? null))));
    return rows.lines.length;
  }

  nextId(table: DemoTable): number {
    return (this.#tables.get(table)?.lines.length ?? 0) + 1;
  }

  all(): readonly DemoRows[] {
    return [...this.#tables].map(([table, { columns, lines }]) => ({ table, columns, lines }));
  }
}

function textOf(value: Value): string | null {
  if (value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A moment in working hours, so many days before the last day. */
function moment(random: SeededRandom, daysBefore: number): string {
  const seconds = random.int(8 * 3600, 19 * 3600);
  const micros = String(random.int(0, 999_999)).padStart(6, '0');
  const date = new Date(LAST_DAY - daysBefore * DAY_MS + seconds * 1000).toISOString();
  return `${date.slice(0, 19)}.${micros}Z`;
}

const day = (daysBefore: number): string => new Date(LAST_DAY - daysBefore * DAY_MS).toISOString().slice(0, 10);

/** Yen have no cents; other prices end as shops like them. */
function shopPrice(amount: number, currency: string): number {
  return currency === 'JPY'
    ? Math.round(amount / 10) * 10
    : Math.max(0.05, Math.floor(amount) + 0.9 - (amount % 2 < 1 ? 0 : 0.4));
}

const decimal = (amount: number): string => amount.toFixed(2);

function generateInventory(tables: TableLines, random: SeededRandom): ByTenant<Product> {
  const categories = new Map<DemoTenant, readonly number[]>();
  const warehouses = new Map<DemoTenant, readonly number[]>();
  const products = new Map<DemoTenant, Product[]>(DEMO_TENANTS.map((tenant) => [tenant, []]));
  for (const tenant of DEMO_TENANTS) {
    tables.add('inventory_settings', {
      tenant_id: tenant.id,
      currency: tenant.currency,
      labels: { size: random.pick(['50×30 mm', '60×40 mm']), code: 'ean13', showPrice: random.chance(0.7) },
      updated_at: moment(random, random.int(100, DAYS)),
    });
    warehouses.set(tenant, addWarehouses(tables, random, tenant));
    categories.set(tenant, addCategories(tables, tenant));
  }
  // Tenant by tenant within each step, so that the rows of one lie among those of all the others.
  for (let index = 0; index < PRODUCTS_PER_TENANT; index++) {
    for (const tenant of DEMO_TENANTS) {
      const category = random.pick(categories.get(tenant) ?? []);
      const product = addProduct(tables, random, { tenant, category, index });
      products.get(tenant)?.push(product);
      for (const warehouse of warehouses.get(tenant) ?? []) {
        addStock(tables, random, { tenant, product: product.id, warehouse });
      }
    }
  }
  return products;
}

function addWarehouses(tables: TableLines, random: SeededRandom, tenant: DemoTenant): readonly number[] {
  const count = tenant.uses.inventory === 'multi-warehouse' ? 3 : 1;
  const start = random.int(0, 3);
  return Array.from({ length: count }, (_, index) => {
    const { cities } = PEOPLE[tenant.language];
    const city = cities[(start + index) % cities.length] ?? '';
    return tables.add('warehouses', {
      id: tables.nextId('warehouses'),
      tenant_id: tenant.id,
      code: `${city.slice(0, 3).toUpperCase()}-${index + 1}`,
      city,
    });
  });
}

function addCategories(tables: TableLines, tenant: DemoTenant): readonly number[] {
  const add = (name: string, parent: number | null) =>
    tables.add('product_categories', {
      id: tables.nextId('product_categories'),
      tenant_id: tenant.id,
      parent_id: parent,
      name,
    });
  const trade: Trade = TRADES[tenant.trade];
  const all = add(tenant.name, null);
  return trade.categories.map((name) => add(name, all));
}

function addProduct(
  tables: TableLines,
  random: SeededRandom,
  { tenant, category, index }: { tenant: DemoTenant; category: number; index: number },
): Product {
  const trade: Trade = TRADES[tenant.trade];
  const [item, listPrice] = trade.items[index % trade.items.length] ?? ['', 0];
  const maker = trade.makers[Math.floor(index / trade.items.length) % trade.makers.length] ?? '';
  const packIndex = Math.floor(index / (trade.items.length * trade.makers.length)) % trade.packs.length;
  const price = shopPrice(listPrice * (1 + packIndex * 0.8) * (0.85 + random.next() * 0.4), tenant.currency);
  const product = {
    id: tables.nextId('products'),
    sku: `${tenant.slug.slice(0, 3).toUpperCase()}-${String(1000 + index * 7)}`,
    name: `${item} ${maker}, ${trade.packs[packIndex] ?? ''}`,
    price,
  };
  const created = random.int(200, DAYS);
  tables.add('products', {
    id: product.id,
    tenant_id: tenant.id,
    category_id: category,
    sku: product.sku,
    name: product.name,
    price: decimal(price),
    cost: decimal(price * (0.45 + random.next() * 0.3)),
    attributes: {
      ean: `789${random.digits(10)}`,
      weightGrams: random.int(1, 80) * 50,
      tags: random.chance(0.2) ? ['promo'] : [],
    },
    is_active: random.chance(0.93),
    created_at: moment(random, created),
    updated_at: moment(random, random.int(0, created)),
  });
  return product;
}

function addStock(
  tables: TableLines,
  random: SeededRandom,
  { tenant, product, warehouse }: { tenant: DemoTenant; product: number; warehouse: number },
): void {
  const perishable = tenant.uses.inventory === 'perishable';
  let quantity = 0;
  let daysBefore = random.int(60, DAYS);
  const move = (kind: string, change: number) => {
    const stocked = kind === 'purchase' && perishable;
    quantity += change;
    tables.add('stock_movements', {
      id: tables.nextId('stock_movements'),
      tenant_id: tenant.id,
      product_id: product,
      warehouse_id: warehouse,
      kind,
      quantity: change,
      lot: stocked ? `L${random.digits(6)}` : null,
      expires_on: stocked ? day(daysBefore - random.int(30, 360)) : null,
      moved_at: moment(random, daysBefore),
    });
    daysBefore = Math.max(0, daysBefore - random.int(1, 40));
  };
  move('purchase', random.int(20, 200));
  for (let left = random.int(2, 6); left > 0; left--) {
    const kind = quantity < 10 ? 'purchase' : random.pick(['sale', 'sale', 'sale', 'sale', 'adjustment', 'loss']);
    if (kind === 'purchase') move(kind, random.int(20, 200));
    else if (kind === 'adjustment') move(kind, random.int(-3, 3));
    else move(kind, -random.int(1, Math.max(1, Math.floor(quantity / 2))));
  }
  tables.add('stock_levels', {
    product_id: product,
    warehouse_id: warehouse,
    tenant_id: tenant.id,
    quantity,
    reorder_at: random.int(5, 30),
    updated_at: moment(random, daysBefore),
  });
}

function personName(random: SeededRandom, tenant: DemoTenant): string {
  const { first, last } = PEOPLE[tenant.language];
  if (tenant.language === 'ja') return `${random.pick(last)} ${random.pick(first)}`;
  return `${random.pick(first)} ${random.pick(last)}${random.chance(0.3) ? ` ${random.pick(last)}` : ''}`;
}

function taxId(random: SeededRandom, tenant: DemoTenant): string {
  switch (tenant.language) {
    case 'pt':
      return `${random.digits(2)}.${random.digits(3)}.${random.digits(3)}/0001-${random.digits(2)}`;
    case 'de':
      return `DE${random.digits(9)}`;
    case 'fr':
      return `FR${random.digits(11)}`;
    case 'es':
      return `XAXX${random.digits(6)}${random.digits(3)}`;
    case 'ja':
      return `T${random.digits(13)}`;
    case 'en':
      return `${tenant.currency}-${random.digits(8)}`;
  }
}

function addCustomer(tables: TableLines, random: SeededRandom, tenant: DemoTenant): Customer {
  const { last, companies, cities } = PEOPLE[tenant.language];
  const isCompany = random.chance(0.6);
  const name = isCompany ? `${random.pick(last)} ${random.pick(companies)}` : personName(random, tenant);
  const id = tables.nextId('customers');
  const created = random.int(30, DAYS);
  tables.add('customers', {
    id,
    tenant_id: tenant.id,
    name,
    tax_id: isCompany ? taxId(random, tenant) : null,
    email: random.chance(0.85) ? `cliente${id}@example.com` : null,
    city: random.pick(cities),
    created_at: moment(random, created),
    updated_at: moment(random, random.int(0, created)),
  });
  return { id, name };
}

function generateBilling(tables: TableLines, random: SeededRandom, products: ByTenant<Product>): ByTenant<Customer> {
  const customers = new Map<DemoTenant, Customer[]>(DEMO_TENANTS.map((tenant) => [tenant, []]));
  for (const tenant of DEMO_TENANTS) {
    tables.add('billing_settings', {
      tenant_id: tenant.id,
      number_prefix: tenant.slug.slice(0, 2).toUpperCase(),
      terms_days: random.pick([7, 14, 28, 30]),
      footer: { text: tenant.name, logo: `https://cdn.example.com/${tenant.slug}.svg` },
    });
  }
  for (let index = 0; index < CUSTOMERS_PER_TENANT; index++) {
    for (const tenant of DEMO_TENANTS) customers.get(tenant)?.push(addCustomer(tables, random, tenant));
  }
  for (let index = 0; index < INVOICES_PER_TENANT; index++) {
    const daysBefore = Math.round(DAYS * (1 - index / INVOICES_PER_TENANT));
    for (const tenant of DEMO_TENANTS) {
      addInvoice(tables, random, {
        tenant,
        customer: random.pick(customers.get(tenant) ?? []),
        products: products.get(tenant) ?? [],
        number: `${tenant.slug.slice(0, 2).toUpperCase()}-${String(index + 1).padStart(6, '0')}`,
        daysBefore,
      });
    }
  }
  return customers;
}

interface InvoiceFacts {
  readonly tenant: DemoTenant;
  readonly customer: Customer;
  readonly products: readonly Product[];
  readonly number: string;
  readonly daysBefore: number;
}

function addInvoice(tables: TableLines, random: SeededRandom, facts: InvoiceFacts): void {
  const { tenant, daysBefore } = facts;
  const id = tables.nextId('invoices');
  const lines = Array.from({ length: random.int(1, 4) }, () => ({
    product: random.pick(facts.products),
    quantity: random.int(1, 12),
  }));
  const total = lines.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);
  const paid = random.chance(daysBefore > 40 ? 0.92 : 0.4);
  const unpaid = daysBefore > 30 ? random.pick(['overdue', 'cancelled']) : random.pick(['open', 'open', 'draft']);
  tables.add('invoices', {
    id,
    tenant_id: tenant.id,
    customer_id: facts.customer.id,
    number: facts.number,
    status: paid ? 'paid' : unpaid,
    issued_on: day(daysBefore),
    due_on: day(daysBefore - 28),
    total: decimal(total),
    updated_at: moment(random, Math.max(0, daysBefore - random.int(0, 20))),
  });
  for (const [index, { product, quantity }] of lines.entries()) {
    tables.add('invoice_lines', {
      invoice_id: id,
      line: index + 1,
      sku: product.sku,
      description: product.name,
      quantity,
      unit_price: decimal(product.price),
    });
  }
  if (!paid) return;
  tables.add('payments', {
    id: random.uuid(),
    invoice_id: id,
    method:
      tenant.currency === 'BRL' ? random.pick(['pix', 'pix', 'boleto', 'cartão']) : random.pick(['transfer', 'card']),
    amount: decimal(total),
    received_at: moment(random, Math.max(0, daysBefore - random.int(0, 25))),
  });
}

const STAGES = ['new', 'contacted', 'quoted', 'won', 'lost'];

function generateCrm(tables: TableLines, random: SeededRandom, customers: ByTenant<Customer>): void {
  const tenants = DEMO_TENANTS.filter((tenant) => tenant.uses.crm !== undefined);
  const stages = new Map<DemoTenant, readonly number[]>();
  for (const tenant of tenants) {
    const ids = STAGES.map((name, index) =>
      tables.add('deal_stages', {
        id: tables.nextId('deal_stages'),
        tenant_id: tenant.id,
        position: index + 1,
        name,
      }),
    );
    stages.set(tenant, ids);
  }
  for (let index = 0; index < CONTACTS_PER_TENANT; index++) {
    for (const tenant of tenants) {
      const contact = addContact(tables, random, { tenant, customers: customers.get(tenant) ?? [] });
      if (random.chance(0.6)) addDeal(tables, random, { tenant, contact, stages: stages.get(tenant) ?? [] });
      for (let notes = random.int(0, 4); notes > 0; notes--) {
        tables.add('notes', {
          id: tables.nextId('notes'),
          tenant_id: tenant.id,
          contact_id: contact,
          author: personName(random, tenant),
          body: random.pick(PEOPLE[tenant.language].notes),
          written_at: moment(random, random.int(0, DAYS)),
        });
      }
    }
  }
}

function addContact(
  tables: TableLines,
  random: SeededRandom,
  { tenant, customers }: { tenant: DemoTenant; customers: readonly Customer[] },
): string {
  const id = random.uuid();
  const created = random.int(10, DAYS);
  tables.add('contacts', {
    id,
    tenant_id: tenant.id,
    customer_id: random.chance(0.7) ? random.pick(customers).id : null,
    name: personName(random, tenant),
    email: random.chance(0.9) ? `contato.${id.slice(0, 6)}@example.com` : null,
    tags: `{${random.pick(['', 'vip', 'newsletter', 'vip,newsletter', '"do not call"'])}}`,
    created_at: moment(random, created),
    updated_at: moment(random, random.int(0, created)),
  });
  return id;
}

function addDeal(
  tables: TableLines,
  random: SeededRandom,
  { tenant, contact, stages }: { tenant: DemoTenant; contact: string; stages: readonly number[] },
): void {
  tables.add('deals', {
    id: tables.nextId('deals'),
    tenant_id: tenant.id,
    contact_id: contact,
    stage_id: random.pick(stages),
    title: random.pick(PEOPLE[tenant.language].deals),
    value: decimal(random.int(2, 400) * (tenant.currency === 'JPY' ? 5000 : 50)),
    expected_on: random.chance(0.8) ? day(random.int(-60, 120)) : null,
    updated_at: moment(random, random.int(0, 120)),
  });
}
