import type { TableFacts } from '../introspect/table-facts.ts';
import type { TableName } from '../session/quote.ts';

/** Tables that no definition may name: what Cofre and sign-in run on must not be rewound by a restore (design §7). */
const REFUSED_SCHEMAS = new Set(['cofre', 'cofre_auth', 'cofre_queue', 'auth', 'pgboss', 'information_schema']);
const REFUSED_TABLES = new Set(['public.module_backups']);

export function refusal(table: TableName): string | null {
  if (table.schema.startsWith('pg_')) return 'belongs to the system catalogues';
  if (REFUSED_SCHEMAS.has(table.schema)) return `belongs to the schema ${table.schema}, which no module owns`;
  if (REFUSED_TABLES.has(`${table.schema}.${table.name}`)) return 'is the catalogue of backups, which no module owns';
  return null;
}

/**
 * What Cofre keeps of implementations itself, and points at them without being part of a slice. Who carries a plan out
 * makes it let go of those that the plan deletes.
 */
const KEPT_OF_IMPLEMENTATIONS = new Set(['public.module_backups', 'cofre.tenant_module_assignments']);

export function isKeptOfImplementations({ schema, name }: TableName): boolean {
  return KEPT_OF_IMPLEMENTATIONS.has(`${schema}.${name}`);
}

/** An implementation's own configuration: in every slice without being asked. Columns that must be there, and the one that holds its id. */
export const PLATFORM_TABLES = [
  { schema: 'public', name: 'module_implementations', columns: ['id', 'module_id'], implementation: 'id' },
  {
    schema: 'public',
    name: 'tenant_module_assignments',
    columns: ['id', 'tenant_id', 'implementation_id'],
    implementation: 'implementation_id',
  },
] as const;

/** An application may have tables of these names that mean something else; they are then left alone. */
export function isPlatformTable(facts: TableFacts, columns: readonly string[]): boolean {
  const has = new Set(facts.columns.map((column) => column.name));
  return ['plain', 'partitioned'].includes(facts.kind) && columns.every((column) => has.has(column));
}
