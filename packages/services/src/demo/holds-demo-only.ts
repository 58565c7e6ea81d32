import type pg from 'pg';
import { listImplementations } from '../modules/list-implementations.ts';
import type { ServiceContext } from '../service-context.ts';
import { DEMO_MARK } from './demo-schema.ts';
import { DEMO_IMPLEMENTATIONS } from './platform.ts';

/** Whether the demo's platform is all that there is: then it may be loaded anew without taking anything of somebody's. */
export async function holdsDemoOnly(
  context: Pick<ServiceContext, 'database' | 'catalogue' | 'actor' | 'clock'>,
): Promise<boolean> {
  const known = new Set<string>(DEMO_IMPLEMENTATIONS.map(({ id }) => id));
  const there = await listImplementations(context);
  if (there.some(({ id }) => !known.has(id))) return false;
  const client = await context.database.connect({ applicationName: 'cofre demo' });
  try {
    return await isDemoLoaded(client);
  } finally {
    await client.end();
  }
}

/** The demo's tables bear a mark, so that nobody's own of the same names are taken for them. */
export async function isDemoLoaded(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ mark: string | null }>(
    `SELECT pg_catalog.obj_description(pg_catalog.to_regclass('public.products'), 'pg_class') AS mark`,
  );
  return rows[0]?.mark === DEMO_MARK;
}
