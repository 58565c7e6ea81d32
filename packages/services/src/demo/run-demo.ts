import { assert, type BackupDocument, type PlanDocument, type RestoreDocument } from '@cofre/contracts';
import type { Database } from '@cofre/postgres';
import type pg from 'pg';
import { createBackup } from '../backups/create-backup.ts';
import { applyDefinition } from '../modules/apply-definition.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import type { ServiceContext } from '../service-context.ts';
import { checksumDatabase, type DatabaseChecksums, differences, INVENTORY_SLICE } from './checksums.ts';
import { type Business, type Damage, damageInventory, goOnWorking } from './damage.ts';
import { DEMO_DEFINITIONS } from './definitions.ts';
import { type LoadedDemo, loadDemo } from './load-demo.ts';
import { DEMO_IMPLEMENTATIONS, DEMO_TENANTS } from './platform.ts';

/** What the demo has done so far; an edge puts each step into words as it comes. */
export type DemoStep =
  | { readonly step: 'loaded'; readonly loaded: LoadedDemo; readonly durationMs: number }
  | { readonly step: 'backed-up'; readonly backup: BackupDocument; readonly tenants: readonly string[] }
  | {
      readonly step: 'damaged';
      readonly damage: Damage;
      readonly before: Example;
      readonly example: Example;
      readonly meanwhile: Business;
    }
  | { readonly step: 'planned'; readonly plan: PlanDocument }
  | { readonly step: 'restored'; readonly restore: RestoreDocument; readonly example: Example }
  | { readonly step: 'proved'; readonly proof: Proof };

/** One product and one setting, as a person would see them. */
export interface Example {
  readonly tenant: string;
  readonly product: string;
  readonly price: string;
  readonly settings: string;
}

export interface Proof {
  readonly slice: Verdict;
  readonly others: Verdict;
}

export interface Verdict {
  readonly rows: number;
  readonly tables: number;
  /** Tables that are not what they should be; none: proved. */
  readonly differing: readonly string[];
}

const DAMAGED_KEY = 'perishable';

/**
 * Shows the main job on a platform that it loads itself: back up one implementation, damage it as a bad deploy would
 * while everybody else goes on working, plan, restore, and prove by checksums that the slice is as it was and that the
 * restore changed no other row. The database and its demo tables are left behind for trying more.
 */
export async function runDemo(context: ServiceContext, onStep: (step: DemoStep) => void): Promise<Proof> {
  const { database, clock } = context;
  const implementation = DEMO_IMPLEMENTATIONS.find(({ key }) => key === DAMAGED_KEY);
  assert(implementation !== undefined, 'the demo has the implementation that it damages');
  const checksums = () => checksumDatabase(database, INVENTORY_SLICE, implementation.id);

  const startedAt = clock.now().getTime();
  const loaded = await loadDemo(database);
  for (const source of Object.values(DEMO_DEFINITIONS)) await applyDefinition(context, { source });
  onStep({ step: 'loaded', loaded, durationMs: clock.now().getTime() - startedAt });

  const backup = await createBackup(context, {
    implementation: implementation.id,
    type: 'full',
    description: 'Before the deploy',
  });
  onStep({ step: 'backed-up', backup, tenants: tenantsOf(DAMAGED_KEY) });

  const whole = await checksums();
  const before = await readExample(database);
  const { damage, meanwhile } = await withClient(database, async (client) => ({
    damage: await damageInventory(client, implementation.id),
    meanwhile: await goOnWorking(client, implementation.id),
  }));
  onStep({ step: 'damaged', damage, meanwhile, before, example: await readExample(database) });

  const plan = await planRestore(context, { backup: backup.id, rows: true });
  onStep({ step: 'planned', plan });

  const damaged = await checksums();
  const restore = await applyRestore(context, { plan: plan.id });
  onStep({ step: 'restored', restore, example: await readExample(database) });

  const restored = await checksums();
  const proof = { slice: verdict('slice', whole, restored), others: verdict('others', damaged, restored) };
  onStep({ step: 'proved', proof });
  return proof;
}

function verdict(part: keyof DatabaseChecksums, expected: DatabaseChecksums, found: DatabaseChecksums): Verdict {
  return {
    rows: found[part].reduce((sum, { rows }) => sum + rows, 0),
    tables: found[part].length,
    differing: differences(expected[part], found[part]),
  };
}

function tenantsOf(key: string): readonly string[] {
  return DEMO_TENANTS.filter(({ uses }) => uses.inventory === key).map(({ name }) => name);
}

async function readExample(database: Database): Promise<Example> {
  const { rows } = await withClient(database, (client) =>
    client.query<Example>(
      `SELECT t.name AS tenant, p.name AS product, p.price::text AS price, a.custom_config::text AS settings
       FROM public.products p
       JOIN public.tenants t ON t.id = p.tenant_id
       JOIN public.tenant_module_assignments a ON a.tenant_id = t.id
       JOIN public.module_implementations i ON i.id = a.implementation_id AND i.key = $1
       WHERE p.is_active ORDER BY p.id LIMIT 1`,
      [DAMAGED_KEY],
    ),
  );
  const [example] = rows;
  assert(example !== undefined, 'the demo has a product');
  return example;
}

async function withClient<T>(database: Database, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await database.connect({ applicationName: 'cofre demo' });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
