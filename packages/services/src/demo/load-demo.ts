import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CofreError } from '@cofre/contracts';
import { type Database, translatePgError } from '@cofre/postgres';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import {
  DEMO_FUNCTION,
  DEMO_MARK,
  DEMO_SCHEMA_SQL,
  DEMO_TABLES,
  DEMO_TYPE,
  DEMO_VIEW,
  TABLES_WITH_TRIGGER,
} from './demo-schema.ts';
import { DEMO_IMPLEMENTATIONS, DEMO_MODULES, DEMO_TENANTS } from './platform.ts';
import { type DemoRows, generatePlatformData } from './platform-data.ts';
import { SeededRandom } from './seeded-random.ts';

export interface LoadedDemo {
  readonly tenants: number;
  readonly modules: number;
  readonly implementations: number;
  readonly tables: number;
  readonly rows: number;
}

const SEED = 2026;

/**
 * Puts the demo's platform into a database that has the catalogue: tenants, modules, implementations, assignments and
 * some 50 000 business rows. What an earlier demo left is replaced; what bears the name of a demo table without its
 * mark is somebody's own, and then `demo/tables-taken` is thrown and nothing is changed.
 */
export async function loadDemo(database: Database): Promise<LoadedDemo> {
  const client = await database.connect({ applicationName: 'cofre demo' });
  try {
    await client.query('BEGIN');
    await refuseToTouchOthers(client);
    await dropEarlierDemo(client);
    await client.query(DEMO_SCHEMA_SQL);
    await loadPlatform(client);
    const data = generatePlatformData(SEED);
    for (const table of DEMO_TABLES) await copyRows(client, data, table);
    await finishTables(client);
    await client.query('COMMIT');
    await client.query(`ANALYZE ${DEMO_TABLES.map((table) => `public.${table}`).join(', ')}`);
    return {
      tenants: DEMO_TENANTS.length,
      modules: DEMO_MODULES.length,
      implementations: DEMO_IMPLEMENTATIONS.length,
      tables: DEMO_TABLES.length,
      rows: data.reduce((sum, { lines }) => sum + lines.length, 0),
    };
  } catch (error) {
    throw translatePgError(error, { doing: 'loading the demo, which was rolled back' });
  } finally {
    // Ending the session rolls back what was not committed.
    await client.end();
  }
}

const RELATIONS: readonly string[] = [...DEMO_TABLES, DEMO_VIEW];

async function refuseToTouchOthers(client: pg.ClientBase): Promise<void> {
  const taken = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_catalog.pg_class
      WHERE relnamespace = 'public'::regnamespace AND relname = ANY ($1)
        AND pg_catalog.obj_description(oid, 'pg_class') IS DISTINCT FROM $4
     UNION ALL
     SELECT typname FROM pg_catalog.pg_type
      WHERE typnamespace = 'public'::regnamespace AND typname = $2
        AND pg_catalog.obj_description(oid, 'pg_type') IS DISTINCT FROM $4
     UNION ALL
     SELECT proname FROM pg_catalog.pg_proc
      WHERE pronamespace = 'public'::regnamespace AND proname = $3
        AND pg_catalog.obj_description(oid, 'pg_proc') IS DISTINCT FROM $4
     UNION ALL
     SELECT 'module ' || slug FROM cofre.v_base_modules WHERE slug = ANY ($5) AND id <> ALL ($6)
     UNION ALL
     SELECT 'tenant ' || slug FROM cofre.v_tenants WHERE slug = ANY ($7) AND id <> ALL ($8)`,
    [
      RELATIONS,
      DEMO_TYPE,
      DEMO_FUNCTION,
      DEMO_MARK,
      DEMO_MODULES.map(({ slug }) => slug),
      DEMO_MODULES.map(({ id }) => id),
      DEMO_TENANTS.map(({ slug }) => slug),
      DEMO_TENANTS.map(({ id }) => id),
    ],
  );
  const names = taken.rows.map(({ name }) => name);
  if (names.length === 0) return;
  throw new CofreError(
    'demo/tables-taken',
    `The database has what the demo would make, and it is not the demo’s: ${names.join(', ')}. Nothing was changed.`,
    { params: { names } },
  );
}

async function dropEarlierDemo(client: pg.ClientBase): Promise<void> {
  await client.query('SET LOCAL client_min_messages = warning');
  await client.query(`DROP VIEW IF EXISTS public.${DEMO_VIEW}`);
  await client.query(`DROP TABLE IF EXISTS ${DEMO_TABLES.map((table) => `public.${table}`).join(', ')}`);
  await client.query(`DROP FUNCTION IF EXISTS public.${DEMO_FUNCTION}()`);
  await client.query(`DROP TYPE IF EXISTS public.${DEMO_TYPE}`);
}

/** Rows keep their ids from demo to demo, so that the backups of an earlier one stay those of the same implementations. */
async function upsert(client: pg.ClientBase, table: string, rows: readonly Readonly<Record<string, unknown>>[]) {
  const columns = Object.keys(rows[0] ?? {});
  const updates = columns.filter((column) => column !== 'id').map((column) => `${column} = excluded.${column}`);
  await client.query(
    `INSERT INTO public.${table} (${columns.join(', ')})
     SELECT ${columns.join(', ')} FROM pg_catalog.jsonb_populate_recordset(NULL::public.${table}, $1)
     ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
    [JSON.stringify(rows)],
  );
}

async function loadPlatform(client: pg.ClientBase): Promise<void> {
  await upsert(client, 'base_modules', DEMO_MODULES);
  await upsert(
    client,
    'module_implementations',
    DEMO_IMPLEMENTATIONS.map(({ module, ...rest }) => ({
      ...rest,
      module_id: DEMO_MODULES.find(({ slug }) => slug === module)?.id,
    })),
  );
  await upsert(
    client,
    'tenants',
    DEMO_TENANTS.map(({ id, slug, name }) => ({ id, slug, name })),
  );
  await client.query('DELETE FROM public.tenant_module_assignments WHERE tenant_id = ANY ($1)', [
    DEMO_TENANTS.map(({ id }) => id),
  ]);
  await upsert(client, 'tenant_module_assignments', assignments());
}

function assignments(): readonly Readonly<Record<string, unknown>>[] {
  const random = new SeededRandom(SEED);
  return DEMO_TENANTS.flatMap((tenant) =>
    Object.entries(tenant.uses).map(([module, key]) => ({
      id: random.uuid(),
      tenant_id: tenant.id,
      implementation_id: DEMO_IMPLEMENTATIONS.find((it) => it.module === module && it.key === key)?.id,
      custom_config: customConfig(module, tenant.currency, random),
    })),
  );
}

function customConfig(module: string, currency: string, random: SeededRandom): Readonly<Record<string, unknown>> {
  if (module === 'inventory') {
    return {
      pricing: { currency, markup: random.int(18, 60) / 100, rounding: currency === 'JPY' ? 10 : 0.1 },
      alerts: { lowStock: true, email: `estoque${random.int(1, 99)}@example.com` },
      labels: { printer: random.pick(['Zebra GK420', 'Argox OS-214', 'Brother QL']) },
    };
  }
  if (module === 'billing') {
    return { currency, series: random.int(1, 3), reminders: [3, 10, 30].slice(0, random.int(1, 3)), taxExempt: false };
  }
  return { stages: 5, owner: random.pick(['round-robin', 'territory']), signature: { phone: random.chance(0.5) } };
}

async function copyRows(client: pg.Client, data: readonly DemoRows[], table: string): Promise<void> {
  const rows = data.find((it) => it.table === table);
  if (rows === undefined) return;
  const sql = `COPY public.${table} (${rows.columns.join(', ')}) FROM STDIN`;
  await pipeline(Readable.from([Buffer.concat(rows.lines)]), client.query(copyFrom(sql)));
}

/** Sequences go on behind the copied ids; triggers come last, so that copied times stay; the mark lets the next demo drop all. */
async function finishTables(client: pg.ClientBase): Promise<void> {
  const identities = await client.query<{ sql: string }>(
    `SELECT pg_catalog.format(
       'SELECT pg_catalog.setval(%L, max(%I)) FROM %s',
       pg_catalog.pg_get_serial_sequence(a.attrelid::regclass::text, a.attname), a.attname, a.attrelid::regclass
     ) AS sql
     FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1) AND a.attidentity <> ''`,
    [DEMO_TABLES],
  );
  const statements = [
    ...identities.rows.map(({ sql }) => sql),
    ...TABLES_WITH_TRIGGER.map(
      (table) =>
        `CREATE TRIGGER set_updated_at BEFORE UPDATE ON public.${table} FOR EACH ROW EXECUTE FUNCTION public.${DEMO_FUNCTION}()`,
    ),
    ...DEMO_TABLES.map((table) => `COMMENT ON TABLE public.${table} IS '${DEMO_MARK}'`),
    `COMMENT ON VIEW public.${DEMO_VIEW} IS '${DEMO_MARK}'`,
    `COMMENT ON TYPE public.${DEMO_TYPE} IS '${DEMO_MARK}'`,
    `COMMENT ON FUNCTION public.${DEMO_FUNCTION}() IS '${DEMO_MARK}'`,
  ];
  for (const sql of statements) await client.query(sql);
}
