import type { DemoImplementation } from './platform.ts';

/**
 * What belongs to each module. The way leads from the implementation through its assignments to the tenants that use
 * it, and from there to their rows.
 */
export const DEMO_DEFINITIONS: Readonly<Record<DemoImplementation['module'], string>> = {
  inventory: `version: 1
module: inventory
tables:
  - table: public.tenant_module_assignments
    role: config
    scope: { columns: { implementation_id: id } }
  - table: public.inventory_settings
    role: config
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.warehouses
    role: config
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.product_categories
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.products
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.stock_levels
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.stock_movements
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
references: [public.tenants]
tenant: { table: public.products, column: tenant_id }
`,
  billing: `version: 1
module: billing
tables:
  - table: public.tenant_module_assignments
    role: config
    scope: { columns: { implementation_id: id } }
  - table: public.billing_settings
    role: config
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.customers
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.invoices
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.invoice_lines
    role: data
    scope: { parent: public.invoices, columns: { invoice_id: id } }
  - table: public.payments
    role: data
    scope: { parent: public.invoices, columns: { invoice_id: id } }
references: [public.tenants]
tenant: { table: public.invoices, column: tenant_id }
`,
  crm: `version: 1
module: crm
tables:
  - table: public.tenant_module_assignments
    role: config
    scope: { columns: { implementation_id: id } }
  - table: public.deal_stages
    role: config
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.contacts
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.deals
    role: data
    scope: { parent: public.tenant_module_assignments, columns: { tenant_id: tenant_id } }
  - table: public.notes
    role: data
    scope: { parent: public.contacts, columns: { contact_id: id } }
references: [public.tenants, public.customers]
tenant: { table: public.contacts, column: tenant_id }
`,
};
